/** Who is in a room, who of them is there, and what they say of themselves. */

import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { among } from "./dialog.js";
import { Person } from "./moderation.js";
import { Standing } from "./status.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */
/** @typedef {import("./moderation.js").Member} Member */

/** Kinds of events that change who is in a room, or what they are. */
const CHANGES = new Set(["join", "leave", "kick", "ban", "role", "nick"]);

/** @param {{client: Client, room: Room}} props */
export function Members({ client, room }) {
  const [found, list] = useState(/** @type {Member[]} */ ([])), [more, goOn] = useState(false);
  const changed = room.items.filter(({ kind }) => CHANGES.has(kind)).pop()?.seq;
  /** @param {string} after */
  const load = (after) => client.attempt(async () => {
    const { members, more: rest = false } = await client.ask({ t: "members", room: room.room, ...(after && { after }) });
    for (const { nick, status } of members) client.chat.say(nick, status ?? {});
    list(after ? [...found, ...members] : members);
    goOn(rest);
  });
  useEffect(() => void load(""), [room.room, changed]);
  const there = (/** @type {Member} */ { nick, online }) => (room.online.has(nick) ? true : room.offline.has(nick) ? false : online);
  return html`
    <aside aria-label="Members">
      <header><h2>Members</h2><button class="quiet" aria-label="Close" onClick=${() => client.toggle("")}>✕</button></header>
      <ul onKeyDown=${among}>${found.map((member) => html`<li key=${member.nick}><span class=${`dot ${there(member) ? "on" : ""}`} role="img" aria-label=${there(member) ? "online" : "offline"}></span>
        <button class="link" dir="auto" onClick=${() => client.show(Person, { room, member: { ...member, status: client.chat.status(member.nick) } })}>${member.nick}</button>
        ${member.role !== "member" && member.role && html`<small>${member.role}</small>`} ${member.operator && html`<small>operator</small>`} <${Standing} status=${client.chat.status(member.nick)} /></li>`)}</ul>
      ${more && html`<button class="quiet" onClick=${() => load(found[found.length - 1].nick.toLowerCase())}>More</button>`}
    </aside>
  `;
}
