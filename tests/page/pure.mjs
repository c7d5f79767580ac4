// Functions of the page that only tell: each line names one and its argument; the answer is what it returns.
import { createInterface } from "node:readline";
import { toldMedia, toldName } from "../../chatd/page/core/filename.js";
import { pictureOf } from "../../chatd/page/core/picture.js";
import { size } from "../../chatd/page/ui/words.js";

const functions = { size, toldMedia, toldName, pictureOf: (hex) => pictureOf(new Uint8Array(Buffer.from(hex, "hex"))) };

for await (const line of createInterface({ input: process.stdin })) {
  const [name, argument] = JSON.parse(line);
  process.stdout.write(JSON.stringify(functions[name](argument)) + "\n");
}
