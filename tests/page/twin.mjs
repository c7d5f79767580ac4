// The page's machines, driven line by line: each line names one, a method and its arguments; the answer is its effects.
import { createInterface } from "node:readline";
import { Machine } from "../../chatd/page/core/machine.js";

const machines = new Map();

const calls = {
  begin: (_, id, remembered, wishes) => void machines.set(id, new Machine(remembered, wishes, Math.max)),
  queue: (machine, ...args) => machine.queue(...args).effects,
  ask: (machine, ...args) => machine.ask(...args).effects,
};

/** Bytes are named by what Base64 has of them. */
const read = (_, value) => (typeof value?.bytes === "string" ? new Uint8Array(Buffer.from(value.bytes, "base64")) : value);
const written = (_, value) => (value instanceof Uint8Array ? { bytes: Buffer.from(value).toString("base64") } : value);

for await (const line of createInterface({ input: process.stdin })) {
  const [id, name, ...args] = JSON.parse(line, read), machine = machines.get(id);
  const told = name === "begin" ? calls.begin(machine, id, ...args) : calls[name]?.(machine, ...args) ?? machine[name](...args);
  process.stdout.write(JSON.stringify(told ?? null, written) + "\n");
}
