/** Where one writes. */

import { html, useLayoutEffect, useRef } from "../vendor/htm-preact.js";
import { Chooser } from "./files.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */

/** @param {{client: Client, room: Room}} props */
export function Composer({ client, room }) {
  const field = useRef(/** @type {any} */ (null));
  const { editing, replying } = client;
  useLayoutEffect(() => {
    if (editing) field.current.value = editing.text;
    if (editing || replying) field.current.focus();
  }, [editing, replying]);
  const grow = () => {
    field.current.style.height = "auto";
    field.current.style.height = `${Math.min(field.current.scrollHeight, innerHeight / 3)}px`;
  };
  const send = async () => {
    const text = field.current.value;
    if (!text.trim()) return;
    field.current.value = "";
    grow();
    try {
      await client.say(text);
    } catch (error) {
      client.note = String(/** @type {Error} */ (error).message);
      if (!field.current.value) field.current.value = text;
    }
    client.changed();
  };
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") {
      if (client.editing) field.current.value = "";
      Object.assign(client, { editing: null, replying: null, note: "", found: null, aside: null });
      client.changed();
    } else if (event.key === "ArrowUp" && !field.current.value) {
      const mine = room.items.filter((item) => item.own && item.kind === "message" && !item.removed).pop();
      if (mine) client.editing = mine;
      client.changed();
      event.preventDefault();
    }
  };
  const about = editing ?? replying;
  return html`
    <footer class="composer">
      ${about && html`<p class="about">${editing ? "Edit" : html`Reply to <strong>${about.by}</strong>: <span dir="auto">${about.text.slice(0, 80)}</span>`} <button class="link" onClick=${() => (Object.assign(client, { editing: null, replying: null }), client.changed())}>cancel</button></p>`}
      ${client.note && html`<p class="note" role="alert">${client.note} <button class="link" onClick=${() => ((client.note = ""), client.changed())}>close</button></p>`}
      <div class="row">
        <textarea ref=${field} rows="1" dir="auto" aria-label=${`Message to ${room.name}`} placeholder=${room.archived ? "This room is archived" : `Message to ${room.name}`}
          onKeyDown=${pressed} onInput=${() => (grow(), client.types())} disabled=${room.archived}></textarea>
        <${Chooser} client=${client} room=${room} />
        <button onClick=${send} aria-label="Send">➤</button>
      </div>
    </footer>
  `;
}
