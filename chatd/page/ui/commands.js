/** Commands: what begins with a slash. */

import { parse } from "./status.js";

/** @typedef {import("./client.js").Client} Client */

const HELP = "/join #room · /msg @nick text · /leave · /topic text · /nick name · /search words · /away text for 1h · /busy · /back";

/**
 * Does what a line says that begins with a slash.
 * @param {Client} client
 * @param {string} line
 */
export function command(client, line) {
  const [word, ...rest] = line.slice(1).split(" "), what = rest.join(" ").trim(), room = client.chat.shown;
  const says = (/** @type {string} */ state) => {
    const { text, seconds } = parse(what);
    return client.setStatus(state, text, seconds);
  };
  const commands = /** @type {Record<string, () => any>} */ ({
    join: () => client.join(what),
    leave: () => client.ask({ t: "leave", room: what || room }),
    topic: () => client.ask({ t: "topic", room, text: what }),
    away: () => says("away"),
    busy: () => says("busy"),
    back: () => client.setStatus(""),
    nick: () => client.ask({ t: "nick", nick: what }),
    msg: async () => {
      const [to, ...words] = rest, name = to.startsWith("@") ? to : `@${to}`;
      await client.join(name);
      if (words.length) await client.queue(name, words.join(" "));
    },
    search: () => client.search(what),
    help: () => (client.note = HELP),
  });
  return client.attempt(() => (Object.hasOwn(commands, word) ? commands[word]() : (client.note = `There is no /${word}; /help tells what there is.`)));
}
