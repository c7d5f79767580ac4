/** Where one writes. */

import { html, useLayoutEffect, useRef } from "../vendor/htm-preact.js";
import { catching, Chooser } from "./files.js";
import { gist } from "./words.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */
/** @typedef {import("./run.js").Run} Run */

/** @param {{client: Client, room: Room, run: Run}} props */
export function Composer({ client, room, run }) {
  const field = useRef(/** @type {any} */ (null));
  const here = client.within === run.mark, editing = here ? client.editing : null, replying = here ? client.replying : null;
  const label = run === room ? `Message to ${room.name}` : "Reply in the thread";
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
      await client.say(text, run);
    } catch (error) {
      client.note = String(/** @type {Error} */ (error).message);
      if (!field.current.value) field.current.value = text;
    }
    client.changed();
  };
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    if (event.key === "Enter" && !event.isComposing && (client.prefs.chosen.send === "ctrl" ? event.ctrlKey || event.metaKey : !event.shiftKey)) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") {
      if (editing) field.current.value = "";
      Object.assign(client, { editing: null, replying: null, note: "", found: null });
      client.toggle("");
    } else if (event.key === "ArrowUp" && !field.current.value) {
      const mine = run.items.filter((item) => item.own && item.kind === "message" && !item.removed).pop();
      if (mine) client.begins("editing", mine, run);
      event.preventDefault();
    }
  };
  const about = editing ?? replying;
  return html`
    <footer class="composer" ...${catching(client, room, run)}>
      ${about && html`<p class="about">${editing ? "Edit" : html`Reply to <strong>${about.by}</strong>: <span dir="auto">${gist(about)}</span>`} <button class="link" onClick=${() => (Object.assign(client, { editing: null, replying: null }), client.changed())}>cancel</button></p>`}
      ${client.note && html`<p class="note" role="alert">${client.note} <button class="link" onClick=${() => ((client.note = ""), client.changed())}>close</button></p>`}
      <div class="row">
        <textarea ref=${field} rows="1" dir="auto" aria-label=${label} placeholder=${room.archived ? "This room is archived" : label}
          onKeyDown=${pressed} onInput=${() => (grow(), client.types())} disabled=${room.archived}></textarea>
        <${Chooser} client=${client} room=${room} run=${run} />
        <button onClick=${send} aria-label="Send">➤</button>
      </div>
    </footer>
  `;
}
