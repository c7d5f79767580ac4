/** What is seen: the list of rooms, the room that is shown, and what stands beside it. */

import { html, useState } from "../vendor/htm-preact.js";
import { Composer } from "./composer.js";
import { among } from "./dialog.js";
import { Found, Pins } from "./found.js";
import { Keys } from "./keys.js";
import { Log, Typing } from "./log.js";
import { Login } from "./login.js";
import { Members } from "./members.js";
import { RoomMenu } from "./moderation.js";
import { Settings, signOut } from "./settings.js";
import { askStatus, Standing } from "./status.js";
import { Threads, ThreadView } from "./threadview.js";
import { STATES } from "./words.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */

/** What may stand beside the log. */
const VIEWS = /** @type {Record<string, any>} */ ({ members: Members, pins: Pins, thread: ThreadView, threads: Threads });

/** @param {{client: Client}} props */
export function App({ client }) {
  const [listed, list] = useState(false);
  if (!client.known || (client.stopped && client.stopped.code !== "goodbye")) return html`<${Login} client=${client} />`;
  const room = client.chat.rooms.get(client.chat.shown);
  return html`
    <div class=${`frame ${listed || !room ? "listed" : ""} ${client.aside || client.found ? "beside" : ""}`}>
      <${Sidebar} client=${client} done=${() => list(false)} />
      <main>
        ${room
          ? html`<${Head} client=${client} room=${room} list=${() => list(!listed)} />
              <${Log} key=${room.room} client=${client} room=${room} run=${room} label=${`Messages in ${room.name}`} />
              <${Typing} room=${room} />
              <${Composer} key=${`c${room.room}`} client=${client} room=${room} run=${room} />`
          : html`<div class="empty"><h1>Welcome, ${client.chat.nick}</h1><p>Enter a room at the left to begin.</p></div>`}
      </main>
      ${client.found ? html`<${Found} client=${client} />` : client.aside && room && html`<${VIEWS[client.aside.view]} key=${room.room} client=${client} room=${room} ...${client.aside.props} />`}
    </div>
    ${client.dialog && html`<${client.dialog.view} key=${client.dialog} client=${client} ...${client.dialog.props} />`}
    <div class="spoken" role="status" aria-live="polite">${STATES[client.state]}</div>
  `;
}

/** @param {{client: Client, done: () => void}} props */
function Sidebar({ client, done }) {
  const { chat, state } = client;
  const enter = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (/** @type {HTMLFormElement} */ (event.target).elements.namedItem("room"));
    if (field.value.trim()) client.join(field.value.trim());
    field.value = "";
    done();
  };
  return html`
    <nav aria-label="Rooms">
      <header>
        <button class="quiet me" aria-haspopup="dialog" aria-label=${`${chat.nick}: status`} onClick=${() => askStatus(client)}><strong dir="auto">${chat.nick}</strong> <${Standing} status=${chat.status(chat.nick)} /></button>
        <span class=${`state ${state}`} role="img" aria-label=${STATES[state] || "connected"}></span>
      </header>
      <ul onKeyDown=${among}>
        ${chat.list.map(
          (room) => html`
            <li key=${room.room}>
              <button class=${`room ${room.unread ? "unread" : ""}`} aria-current=${room.room === chat.shown ? "page" : undefined}
                onClick=${() => (client.open(room.room), done())}>
                <span class="name" dir="auto">${room.name}</span> ${room.peer && html`<${Standing} status=${chat.status(room.peer)} />`}
                ${room.threads.sum > 0 && html`<span class="badge call" role="img" aria-label=${`${room.threads.sum} in threads that you follow`}>↳ ${room.threads.sum}</span>`}
                ${room.mentions || (room.peer && room.unread)
                  ? html`<span class="badge call" role="img" aria-label=${`${room.mentions || room.unread} for you`}>${room.mentions || room.unread}</span>`
                  : room.unread > 0 && html`<span class="badge" role="img" aria-label=${`${room.unread} unread`}>${room.unread > 999 ? "999+" : room.unread}</span>`}
              </button>
            </li>
          `,
        )}
      </ul>
      <form onSubmit=${enter}><input name="room" placeholder="#room or @name" aria-label="Enter a room, or talk with somebody" autocomplete="off" /></form>
      <footer><button class="quiet" aria-haspopup="dialog" aria-label="Keys" title="Keys (?)" onClick=${() => client.show(Keys)}>?</button> <button class="quiet" aria-haspopup="dialog" onClick=${() => client.show(Settings)}>Settings</button> <button class="quiet" aria-haspopup="dialog" onClick=${() => signOut(client, false)}>Log out</button></footer>
    </nav>
  `;
}

/** @param {{client: Client, room: Room, list: () => void}} props */
function Head({ client, room, list }) {
  const find = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const query = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("query")).trim();
    if (query) client.search(query);
  };
  return html`
    <header class="head">
      <button class="menu quiet" aria-label="Rooms" onClick=${list}>☰</button>
      <div class="title"><h1 dir="auto">${room.name}</h1><p dir="auto">${room.topic}</p></div>
      ${client.state !== "connected" && html`<button class="pill" onClick=${() => client.hurry()}>${STATES[client.state]}</button>`}
      <form role="search" onSubmit=${find}><input name="query" type="search" placeholder="Search" aria-label="Search in all rooms" /></form>
      <button class="quiet wide" aria-expanded=${client.aside?.view === "threads"} onClick=${() => client.toggle("threads")}>Threads</button>
      <button class="quiet wide" aria-expanded=${client.aside?.view === "members"} onClick=${() => client.toggle("members")}>Members</button>
      <button class="quiet" aria-label=${`More of ${room.name}`} aria-haspopup="dialog" onClick=${() => client.show(RoomMenu, { room, more: [["Members", () => client.toggle("members")], ["Threads", () => client.toggle("threads")], ["Pinned messages", () => client.toggle("pins")]] })}>⋯</button>
    </header>
  `;
}
