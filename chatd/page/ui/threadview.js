/** A thread beside the room, and the list of those that are followed. */

import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { Composer } from "./composer.js";
import { among } from "./dialog.js";
import { Log } from "./log.js";
import { mayIn } from "./permissions.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */
/** @typedef {import("./threads.js").Thread} Thread */

/** @param {{client: Client, room: Room, thread: Thread}} props */
export function ThreadView({ client, room, thread }) {
  const { root } = thread, follows = room.threads.has(root), may = (/** @type {string} */ what) => mayIn(room, what, client.me.operator);
  const follow = () => client.attempt(() => client.ask({ t: "follow-thread", room: room.room, thread: root, ...(follows && { off: true }) }));
  return html`
    <aside class="thread" aria-label="Thread">
      <header>
        <h2>Thread</h2>
        ${may("follow-thread") && html`<button aria-pressed=${follows} onClick=${follow}>${follows ? "Following" : "Follow"}</button>`}
        <button class="quiet" aria-label="All threads" onClick=${() => client.toggle("threads")}>☰</button>
        <button class="quiet" aria-label="Close" onClick=${() => client.toggle("")}>✕</button>
      </header>
      <${Log} key=${root} client=${client} room=${room} run=${thread} label="Messages of the thread" />
      ${may("send") && html`<${Composer} key=${`c${root}`} client=${client} room=${room} run=${thread} />`}
    </aside>
  `;
}

/** @param {{client: Client, room: Room}} props */
export function Threads({ client, room }) {
  const [found, list] = useState(/** @type {any[] | null} */ (null)), [more, goOn] = useState(false);
  /** @param {number} after */
  const load = (after) => client.attempt(async () => {
    const { threads = [], more: rest = false } = await client.ask({ t: "threads", room: room.room, ...(after && { after }) });
    list(after ? [...(found ?? []), ...threads] : threads);
    goOn(rest);
  });
  useEffect(() => void load(0), [room.room, room.threads.told.length, room.threads.sum]);
  return html`
    <aside aria-label="Threads">
      <header><h2>Threads that you follow</h2><button class="quiet" aria-label="Close" onClick=${() => client.toggle("")}>✕</button></header>
      ${found?.length === 0 && html`<p>You follow none here: those in which you reply, and those that begin with something of yours.</p>`}
      <ul onKeyDown=${among}>${(found ?? []).map(({ thread, by, text, removed, replies }) => html`<li key=${thread}><button onClick=${() => client.openThread(room, thread)}>
        <strong dir="auto">${by}</strong> <span dir="auto">${removed ? "removed" : text}</span> <small>${replies} ${replies === 1 ? "reply" : "replies"}</small>
        ${room.threads.unread(thread) > 0 && html`<span class="badge call">${room.threads.unread(thread)} new</span>`}</button></li>`)}</ul>
      ${more && found && html`<button class="quiet" onClick=${() => load(found[found.length - 1].thread)}>More</button>`}
    </aside>
  `;
}
