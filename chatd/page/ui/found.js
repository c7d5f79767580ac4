/** What was found, and what is pinned. */

import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { among } from "./dialog.js";
import { clock, day } from "./words.js";

/** @typedef {import("./client.js").Client} Client */

/** @param {{client: Client}} props */
export function Found({ client }) {
  const found = /** @type {NonNullable<Client["found"]>} */ (client.found);
  const close = () => ((client.found = null), client.changed());
  return html`
    <aside aria-label="Search">
      <header><h2>${found.query}</h2><button class="quiet" aria-label="Close" onClick=${close}>✕</button></header>
      ${found.hits.length === 0 && html`<p>Nothing was found.</p>`}
      <ol onKeyDown=${among}>${found.hits.map((hit) => html`<li key=${`${hit.room} ${hit.seq}`}><button onClick=${() => (close(), client.jump(hit.room, hit.seq))}>
        <small>${client.chat.rooms.get(hit.room)?.name ?? hit.room} · ${day(hit.ts)} ${clock(hit.ts)}</small><strong>${hit.by}</strong> <span dir="auto">${hit.text}</span></button></li>`)}</ol>
      ${found.behind && html`<p>The server is still indexing what is older; search again later to find all of it.</p>`}
      ${found.more && html`<button class="quiet" onClick=${() => client.search(found.query, found.rest)}>More</button>`}
    </aside>
  `;
}

/** @param {{client: Client, room: import("./chat.js").Room}} props */
export function Pins({ client, room }) {
  const [pinned, list] = useState(/** @type {any[] | null} */ (null));
  const changed = room.recent.filter(({ kind }) => kind === "pin" || kind === "unpin").pop()?.seq;
  useEffect(() => void client.attempt(async () => {
    const { events = [], became = [] } = await client.ask({ t: "pins", room: room.room });
    const edits = new Map(became.map((/** @type {any} */ { seq, text }) => [seq, text]));
    list(events.map((/** @type {any} */ event) => ({ ...event, text: edits.get(event.seq) || event.text || event.file?.name || "" })));
  }), [room.room, changed]);
  return html`
    <aside aria-label="Pinned messages">
      <header><h2>Pinned messages</h2><button class="quiet" aria-label="Close" onClick=${() => client.toggle("")}>✕</button></header>
      ${pinned?.length === 0 && html`<p>Nothing is pinned here.</p>`}
      <ol onKeyDown=${among}>${(pinned ?? []).map(({ seq, ts, by, text }) => html`<li key=${seq}><button onClick=${() => client.jump(room.room, seq)}>
        <small>${day(ts)} ${clock(ts)}</small><strong dir="auto">${by}</strong> <span dir="auto">${text}</span></button></li>`)}</ol>
    </aside>
  `;
}
