/** What is seen: the list of rooms, a room's log, and where to write. */

import { html, useLayoutEffect, useRef, useState } from "../vendor/htm-preact.js";
import { pieces } from "./markup.js";
import { clock, day, dayNumber, hue, sentence, size, STATES } from "./words.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */
/** @typedef {import("./chat.js").Item} Item */

/** Emoji that are offered first. */
const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "✅"];

/** Seconds within which messages of one author stand together. */
const TOGETHER = 300;

/** Pixels from the end of the log within which it counts as its end. */
const NEAR = 60;

/** @param {{client: Client}} props */
export function App({ client }) {
  const [listed, list] = useState(false);
  if (!client.known || (client.stopped && client.stopped.code !== "goodbye")) return html`<${Login} client=${client} />`;
  const room = client.chat.rooms.get(client.chat.shown);
  return html`
    <div class=${`frame ${listed || !room ? "listed" : ""}`}>
      <${Sidebar} client=${client} done=${() => list(false)} />
      <main>
        ${room
          ? html`<${Head} client=${client} room=${room} list=${() => list(!listed)} />
              <${Log} key=${room.room} client=${client} room=${room} />
              <${Composer} key=${`c${room.room}`} client=${client} room=${room} />`
          : html`<div class="empty"><h1>Welcome, ${client.chat.nick}</h1><p>Enter a room at the left to begin.</p></div>`}
      </main>
      ${client.found && html`<${Found} client=${client} />`}
      ${client.members && html`<${Members} client=${client} />`}
    </div>
    <div class="spoken" role="status" aria-live="polite">${STATES[client.state]}</div>
  `;
}

/** @param {{client: Client}} props */
function Login({ client }) {
  const [registers, register] = useState(false), [busy, wait] = useState(false);
  const why = client.stopped?.text;
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const nick = String(form.get("nick")).trim(), password = String(form.get("password"));
    if (!nick) return;
    wait(true);
    await client.login(nick, password ? { password, register: registers, invite: String(form.get("invite") ?? "") } : null);
    wait(false);
  };
  return html`
    <main class="login">
      <form onSubmit=${submit}>
        <h1>chatd</h1>
        ${why && html`<p class="error" role="alert">${why}</p>`}
        <label>Name <input name="nick" autocomplete="username" required maxlength="32" autofocus defaultValue=${client.chat.nick} /></label>
        <label>Password <small>(for an account; guests leave it empty)</small>
          <input name="password" type="password" autocomplete=${registers ? "new-password" : "current-password"} /></label>
        <label class="check"><input type="checkbox" checked=${registers} onChange=${(/** @type {any} */ e) => register(e.target.checked)} /> Make this account now</label>
        ${registers && html`<label>Invitation <small>(if you have one)</small> <input name="invite" autocomplete="off" /></label>`}
        <button disabled=${busy}>Come in</button>
      </form>
    </main>
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
        <strong>${chat.nick}</strong>
        <span class=${`state ${state}`} title=${STATES[state] || "connected"}></span>
      </header>
      <ul>
        ${chat.list.map(
          (room) => html`
            <li key=${room.room}>
              <button class=${`room ${room.unread ? "unread" : ""}`} aria-current=${room.room === chat.shown ? "page" : undefined}
                onClick=${() => (client.open(room.room), done())}>
                <span class="name" dir="auto">${room.name}</span>
                ${room.mentions || (room.peer && room.unread)
                  ? html`<span class="badge call" aria-label=${`${room.mentions || room.unread} for you`}>${room.mentions || room.unread}</span>`
                  : room.unread > 0 && html`<span class="badge" aria-label=${`${room.unread} unread`}>${room.unread > 999 ? "999+" : room.unread}</span>`}
              </button>
            </li>
          `,
        )}
      </ul>
      <form onSubmit=${enter}><input name="room" placeholder="#room or @name" aria-label="Enter a room, or talk with somebody" autocomplete="off" /></form>
      <footer><button class="quiet" onClick=${() => confirm("Leave? What this browser knows is forgotten.") && client.forget()}>Log out</button></footer>
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
      <button class="quiet" aria-label="Members" aria-expanded=${Boolean(client.members)}
        onClick=${() => (client.members ? ((client.members = null), client.changed()) : client.showMembers())}>Members</button>
    </header>
  `;
}

/** @param {{client: Client, room: Room}} props */
function Log({ client, room }) {
  const box = useRef(/** @type {any} */ (null)), held = useRef({ top: 0, height: 0, low: 0 });
  const [menu, open] = useState(0);
  useLayoutEffect(() => {
    const { current } = box, hold = held.current;
    const sought = room.sought && document.getElementById(`e${room.sought}`);
    if (sought) {
      sought.scrollIntoView({ block: "center" });
      room.sought = 0;
    } else if (!room.scrolled) current.scrollTop = current.scrollHeight;
    else if (hold.low !== room.low) current.scrollTop = hold.top + (current.scrollHeight - hold.height);
    Object.assign(hold, { top: current.scrollTop, height: current.scrollHeight, low: room.low });
    if (room.low > room.first && current.scrollHeight <= current.clientHeight) client.older(room);
  });
  const scrolled = () => {
    const { current } = box, end = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR;
    room.scrolled = !end;
    Object.assign(held.current, { top: current.scrollTop, height: current.scrollHeight });
    if (current.scrollTop < 400) client.older(room);
    else if (end && !room.isAtHead) client.newer(room);
  };
  const waiting = client.waiting.filter((one) => one.room === room.room || one.room === room.name);
  const failed = client.failed.filter((one) => one.room === room.room || one.room === room.name);
  const typing = [...room.typing].filter(([, until]) => until > Date.now()).map(([nick]) => nick);
  /** @type {any[]} */ const lines = [];
  /** @type {Item | null} */ let before = null;
  for (const item of room.items) {
    if (!before || dayNumber(before.ts) !== dayNumber(item.ts)) lines.push(html`<div class="day" key=${`d${item.seq}`} role="separator">${day(item.ts)}</div>`);
    const isNew = client.newFrom > 0 && item.seq > client.newFrom && (!before || before.seq <= client.newFrom);
    if (isNew) lines.push(html`<div class="new" key="new" role="separator">New</div>`);
    const together = !isNew && before !== null && says(before) && says(item) && before.by === item.by && item.ts - before.ts < TOGETHER * 1000 && !item.ref;
    lines.push(says(item)
      ? html`<${Message} key=${item.seq} client=${client} room=${room} item=${item} together=${together} open=${menu === item.seq} toggle=${() => open(menu === item.seq ? 0 : item.seq)} />`
      : html`<div class="event" key=${item.seq} id=${`e${item.seq}`}><span dir="auto">${sentence(item)}</span> <time>${clock(item.ts)}</time></div>`);
    before = item;
  }
  return html`
    <div class="log" ref=${box} onScroll=${scrolled} role="log" aria-label=${`Messages in ${room.name}`} tabindex="0">
      ${room.low > room.first && html`<div class="older">${room.loading ? "Loading…" : html`<button class="quiet" onClick=${() => client.older(room)}>Older messages</button>`}</div>`}
      ${lines}
      ${waiting.filter((one) => !one.act).map((one) => html`<div class="message mine queued" key=${`q${one.key}`}><p dir="auto">${one.text}</p><small>waiting to be sent <button class="link" onClick=${() => client.withdraw(one.key)}>take back</button></small></div>`)}
      ${failed.map((one) => html`<div class="message mine failed" key=${`f${one.key}`}><p dir="auto">${one.text}</p><small role="alert">${one.reason} <button class="link" onClick=${() => client.again(one.key)}>say it again</button> <button class="link" onClick=${() => client.withdraw(one.key)}>forget it</button></small></div>`)}
      ${!room.isAtHead && html`<div class="older"><button onClick=${() => ((room.scrolled = false), client.load(room))}>Newest messages</button></div>`}
      <div class="typing" aria-live="polite">${typing.length ? `${typing.join(", ")} ${typing.length > 1 ? "type" : "types"}…` : ""}</div>
    </div>
  `;
}

/** @param {Item} item */
function says(item) {
  return item.kind === "message" || item.kind === "file";
}

/** @param {{client: Client, room: Room, item: Item, together: boolean, open: boolean, toggle: () => void}} props */
function Message({ client, room, item, together, open, toggle }) {
  const quote = item.ref ? room.quotes.get(item.ref) : null, mentioned = new Set(item.mentions.map((nick) => nick.toLowerCase()));
  const calls = mentioned.has(client.chat.nick.toLowerCase()) || mentioned.has("*");
  return html`
    <article id=${`e${item.seq}`} class=${`message ${item.own ? "mine" : ""} ${together ? "together" : ""} ${calls ? "calls" : ""}`}>
      ${!together && html`<header><strong class=${`nick h${hue(item.by)}`} dir="auto">${item.by}</strong> <time datetime=${new Date(item.ts).toISOString()}>${clock(item.ts)}</time>${item.pinned && html`<span title="pinned">📌</span>`}</header>`}
      ${quote && html`<button class="quote" onClick=${() => client.jump(room.room, item.ref)}><strong>${quote.by}</strong> <span dir="auto">${quote.removed ? "removed" : quote.text}</span></button>`}
      ${item.removed ? html`<p class="removed">removed</p>` : html`<div class="text" dir="auto"><${Text} text=${item.text} mentioned=${mentioned} me=${client.chat.nick} />${item.edited && html` <small class="edited">edited</small>`}</div>`}
      ${item.file && html`<p class="file">📎 <span dir="auto">${item.file.name}</span> <small>${size(item.file.size)}</small></p>`}
      ${item.reactions.length > 0 && html`<p class="reactions">${item.reactions.map(({ emoji, count, mine }) => html`<button key=${emoji} class=${mine ? "mine" : ""} aria-pressed=${Boolean(mine)} onClick=${() => client.react(item, emoji)}>${emoji} ${count}</button>`)}</p>`}
      ${!item.removed && html`<${Actions} client=${client} item=${item} open=${open} toggle=${toggle} />`}
    </article>
  `;
}

/** @param {{client: Client, item: Item, open: boolean, toggle: () => void}} props */
function Actions({ client, item, open, toggle }) {
  /** @param {() => void} what */
  const act = (what) => () => {
    what();
    if (open) toggle();
    client.changed();
  };
  return html`
    <div class=${`actions ${open ? "open" : ""}`}>
      ${open && html`<div class="menu" role="group" aria-label="What to do with this message">
        ${EMOJI.map((emoji) => html`<button key=${emoji} onClick=${act(() => client.react(item, emoji))}>${emoji}</button>`)}
        <button onClick=${act(() => (client.replying = item))}>Reply</button>
        ${item.own && html`<button onClick=${act(() => (client.editing = item))}>Edit</button>`}
        <button onClick=${act(() => client.pin(item))}>${item.pinned ? "Unpin" : "Pin"}</button>
        ${item.own && html`<button onClick=${act(() => client.remove(item))}>Remove</button>`}
      </div>`}
      <button class="more" aria-label=${`Message of ${item.by}: more`} aria-expanded=${open} onClick=${toggle}>⋯</button>
    </div>
  `;
}

/** @param {{text: string, mentioned: Set<string>, me: string}} props */
function Text({ text, mentioned, me }) {
  return pieces(text, mentioned, me).map(({ kind, text: part, href, me: mine }) => {
    if (kind === "block") return html`<pre><code>${part}</code></pre>`;
    if (kind === "code") return html`<code>${part}</code>`;
    if (kind === "strong") return html`<strong>${part}</strong>`;
    if (kind === "em") return html`<em>${part}</em>`;
    if (kind === "link") return html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${part}</a>`;
    if (kind === "mention") return html`<span class=${`mention ${mine ? "me" : ""}`}>${part}</span>`;
    return part;
  });
}

/** @param {{client: Client, room: Room}} props */
function Composer({ client, room }) {
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
      Object.assign(client, { editing: null, replying: null, note: "", found: null, members: null });
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
        <button onClick=${send} aria-label="Send">➤</button>
      </div>
    </footer>
  `;
}

/** @param {{client: Client}} props */
function Found({ client }) {
  const found = /** @type {NonNullable<Client["found"]>} */ (client.found);
  const close = () => ((client.found = null), client.changed());
  return html`
    <aside aria-label="Search">
      <header><h2>${found.query}</h2><button class="quiet" aria-label="Close" onClick=${close}>✕</button></header>
      ${found.hits.length === 0 && html`<p>Nothing was found.</p>`}
      <ol>${found.hits.map((hit) => html`<li key=${`${hit.room} ${hit.seq}`}><button onClick=${() => (close(), client.jump(hit.room, hit.seq))}>
        <small>${client.chat.rooms.get(hit.room)?.name ?? hit.room} · ${day(hit.ts)} ${clock(hit.ts)}</small><strong>${hit.by}</strong> <span dir="auto">${hit.text}</span></button></li>`)}</ol>
      ${found.more && html`<button class="quiet" onClick=${() => client.search(found.query, found.rest)}>More</button>`}
    </aside>
  `;
}

/** @param {{client: Client}} props */
function Members({ client }) {
  const close = () => ((client.members = null), client.changed());
  return html`
    <aside aria-label="Members">
      <header><h2>Members</h2><button class="quiet" aria-label="Close" onClick=${close}>✕</button></header>
      <ul>${(client.members ?? []).map(({ nick, online, role, status }) => html`<li key=${nick}><span class=${`dot ${online ? "on" : ""}`} title=${online ? "online" : "offline"}></span>
        <button class="link" dir="auto" onClick=${() => client.join(`@${nick}`)}>${nick}</button> ${role !== "member" && role && html`<small>${role}</small>`} ${status?.text && html`<small dir="auto">${status.text}</small>`}</li>`)}</ul>
    </aside>
  `;
}
