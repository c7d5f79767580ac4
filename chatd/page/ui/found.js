/** What was found. */

import { html } from "../vendor/htm-preact.js";
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
      <ol>${found.hits.map((hit) => html`<li key=${`${hit.room} ${hit.seq}`}><button onClick=${() => (close(), client.jump(hit.room, hit.seq))}>
        <small>${client.chat.rooms.get(hit.room)?.name ?? hit.room} · ${day(hit.ts)} ${clock(hit.ts)}</small><strong>${hit.by}</strong> <span dir="auto">${hit.text}</span></button></li>`)}</ol>
      ${found.behind && html`<p>The server is still indexing what is older; search again later to find all of it.</p>`}
      ${found.more && html`<button class="quiet" onClick=${() => client.search(found.query, found.rest)}>More</button>`}
    </aside>
  `;
}
