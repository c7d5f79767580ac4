/** Status: what people say of themselves, and for how long. */

import { html } from "../vendor/htm-preact.js";
import { ask } from "./dialog.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {{nick?: string, state?: string, text?: string, seconds?: number}} Status */

const UNITS = /** @type {Record<string, number>} */ ({ s: 1, min: 60, m: 60, h: 3600, d: 86_400 });

/** For how long a status is said, in seconds. */
const TERMS = /** @type {[string, string][]} */ ([["0", "until I say otherwise"], ["1800", "half an hour"], ["3600", "an hour"], ["14400", "four hours"], ["86400", "a day"]]);

/**
 * Returns what a command such as `lunch for 1h` says.
 * @param {string} words
 */
export function parse(words) {
  const found = /^(?:(.*?)\s+)?for\s+(\d{1,7})(s|min|m|h|d)$/.exec(words);
  return found ? { text: found[1] ?? "", seconds: Number(found[2]) * UNITS[found[3]] } : { text: words, seconds: 0 };
}

/**
 * Returns a status in words.
 * @param {Status} status
 */
export function standing({ state = "", text = "" }) {
  if (!state) return "";
  const name = state === "busy" ? "busy" : "away";
  return text ? `${name}: ${text}` : name;
}

/**
 * Asks what is to be said of oneself.
 * @param {Client} client
 */
export function askStatus(client) {
  const { state = "", text = "" } = client.chat.status(client.chat.nick) ?? {};
  ask(client, {
    title: "Status", yes: "Say so",
    fields: [
      { name: "state", label: "You are", kind: "choice", value: state, options: [["", "here"], ["away", "away"], ["busy", "busy: no notifications"]] },
      { name: "text", label: "What others see", value: text },
      { name: "seconds", label: "For", kind: "choice", value: "0", options: TERMS },
    ],
    act: ({ state: wanted, text: said, seconds }) => client.setStatus(wanted, wanted ? said : "", wanted ? Number(seconds) : 0),
  });
}

/** @param {{status: Status | undefined}} props */
export function Standing({ status }) {
  return status?.state ? html`<small class=${`standing ${status.state}`} dir="auto">${standing(status)}</small>` : null;
}
