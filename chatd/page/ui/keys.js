/** Keys: what can be done without a pointer, from anywhere on the page. */

import { html } from "../vendor/htm-preact.js";
import { Dialog } from "./dialog.js";

/** @typedef {import("./client.js").Client} Client */

/** What is listed under `?`. */
const LISTED = [
  ["Enter", "sends (or Ctrl and Enter, as the settings say)"],
  ["Shift Enter", "begins a new line"],
  ["↑ in an empty field", "changes your last message"],
  ["↑ ↓ in the log", "goes from message to message; Enter opens what can be done with one"],
  ["↑ ↓ in a list", "goes from one to the next"],
  ["Alt ↑, Alt ↓", "goes to the room above or below"],
  ["Alt A", "goes to the next room with something unread"],
  ["Ctrl K", "goes to where you enter a room"],
  ["Escape", "closes what is open, and goes back to writing"],
  ["?", "shows this, outside of fields"],
];

/**
 * Does what a key means that nothing else has taken.
 * @param {Client} client
 * @param {KeyboardEvent} event
 */
export function shortcut(client, event) {
  if (event.defaultPrevented || event.isComposing || client.dialog || !client.known) return;
  const { key, altKey, ctrlKey, metaKey } = event, writes = /** @type {HTMLElement} */ (event.target).closest?.("input, textarea, select");
  if (altKey && (key === "ArrowUp" || key === "ArrowDown")) go(client, key === "ArrowUp" ? -1 : 1, false);
  else if (altKey && key.toLowerCase() === "a") go(client, 1, true);
  else if ((ctrlKey || metaKey) && key.toLowerCase() === "k") /** @type {HTMLElement | null} */ (document.querySelector("nav input"))?.focus();
  else if (key === "?" && !writes) client.show(Keys);
  else if (key === "Escape" && !writes) {
    client.toggle("");
    /** @type {HTMLElement | null} */ (document.querySelector("main .composer textarea"))?.focus();
  } else return;
  event.preventDefault();
}

/**
 * Opens the next room of the list in a direction, or the next one that is unread.
 * @param {Client} client
 * @param {number} step
 * @param {boolean} unread
 */
function go(client, step, unread) {
  const { list, shown } = client.chat, at = list.findIndex(({ room }) => room === shown);
  for (let tried = 1; tried <= list.length; tried++) {
    const next = list[(at + step * tried + list.length * tried) % list.length];
    if (unread && !next.unread) continue;
    client.open(next.room);
    return;
  }
}

/** @param {{client: Client}} props */
export function Keys({ client }) {
  return html`<${Dialog} title="Keys" close=${() => client.show(null)}><dl>${LISTED.map(([keys, what]) => html`<dt key=${keys}><kbd>${keys}</kbd></dt><dd>${what}</dd>`)}</dl><//>`;
}
