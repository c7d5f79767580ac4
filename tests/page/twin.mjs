// The page's machines, driven line by line: each line names one, a method and its arguments; the answer is its effects.
import { createInterface } from "node:readline";
import { Machine } from "../../chatd/page/core/machine.js";

const machines = new Map();

const calls = {
  begin: (_, id, remembered, wishes) => void machines.set(id, new Machine(remembered, wishes, Math.max)),
  queue: (machine, ...args) => machine.queue(...args).effects,
  ask: (machine, ...args) => machine.ask(...args).effects,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [id, name, ...args] = JSON.parse(line), machine = machines.get(id);
  const told = name === "begin" ? calls.begin(machine, id, ...args) : calls[name]?.(machine, ...args) ?? machine[name](...args);
  process.stdout.write(JSON.stringify(told ?? null) + "\n");
}
