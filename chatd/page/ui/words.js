/** Words: what the page says about events, times and states. */

/** @typedef {import("./chat.js").Item} Item */

/**
 * Returns the time of day.
 * @param {number} ts milliseconds since 1970
 */
export function clock(ts) {
  return new Date(ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/**
 * Returns the day.
 * @param {number} ts milliseconds since 1970
 */
export function day(ts) {
  const then = new Date(ts), today = new Date(), one = 86_400_000;
  const days = Math.round((new Date(today).setHours(0, 0, 0, 0) - new Date(then).setHours(0, 0, 0, 0)) / one);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const year = then.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return then.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year });
}

/**
 * Returns the sentence of an event in which nobody says anything.
 * @param {Item} item
 */
export function sentence({ kind, by, text, whom, value, reason }) {
  const who = by === "*" ? "The server" : by, why = reason ? ` (${reason})` : "";
  const sentences = /** @type {Record<string, string>} */ ({
    join: `${who} joined`,
    leave: `${who} left`,
    topic: text ? `${who} set the topic: ${text}` : `${who} cleared the topic`,
    nick: `${who} is now called ${text}`,
    "invite-to": `${who} invited ${whom}`,
    decline: `${who} declined an invitation`,
    kick: `${who} removed ${whom}${why}`,
    ban: `${who} banned ${whom}${why}`,
    unban: `${who} lifted the ban of ${whom}`,
    mute: `${who} muted ${whom}${why}`,
    unmute: `${who} lets ${whom} speak again`,
    role: `${who} made ${whom} ${value}`,
    set: `${who} changed a rule: ${value}`,
    mode: `${who} set the mode ${value} ${whom}`.trimEnd(),
    "delete-room": `${who} deleted the room`,
    announce: text,
  });
  return Object.hasOwn(sentences, kind) ? sentences[kind] : `${who}: ${kind}`;
}

/**
 * Returns a number that the times of one day have in common, and of no other.
 * @param {number} ts milliseconds since 1970
 */
export function dayNumber(ts) {
  const then = new Date(ts);
  return (then.getFullYear() * 12 + then.getMonth()) * 31 + then.getDate();
}

/**
 * Returns one of eight colours for a nick, the same everywhere.
 * @param {string} nick
 */
export function hue(nick) {
  let sum = 0;
  for (const letter of nick.toLowerCase()) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum % 8;
}

/**
 * Returns the beginning of what somebody said, or the name of the file that they posted.
 * @param {{text: string, file?: {name: string}}} item
 */
export function gist({ text, file }) {
  return (text || (file ? `📎 ${file.name}` : "")).slice(0, 80);
}

/** What each state of the link means, in few words. */
export const STATES = /** @type {Record<string, string>} */ ({
  idle: "starting",
  waiting: "offline – trying again soon",
  dialling: "connecting…",
  greeting: "connecting…",
  connected: "",
  quiet: "the connection is quiet – trying another",
  stopped: "stopped",
});

/**
 * Returns a number of bytes for people.
 * @param {number} bytes
 */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let unit = -1;
  do {
    bytes /= 1000;
    unit += 1;
  } while (bytes >= 999.5 && unit < units.length - 1);
  return `${bytes < 9.95 ? bytes.toFixed(1) : bytes.toFixed(0)} ${units[unit]}`;
}
