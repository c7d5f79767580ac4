/** The log of a room: what was said, by days, and what may be done with it. */

import { html, useLayoutEffect, useRef, useState } from "../vendor/htm-preact.js";
import { among } from "./dialog.js";
import { askToRemove } from "./moderation.js";
import { mayIn, mayRemove } from "./permissions.js";
import { Attachment, catching, Going } from "./files.js";
import { Text } from "./text.js";
import { clock, day, dayNumber, hue, sentence } from "./words.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */
/** @typedef {import("./run.js").Run} Run */
/** @typedef {import("./run.js").Item} Item */

/** Emoji that are offered first. */
const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "✅"];

/** Seconds within which messages of one author stand together. */
const TOGETHER = 300;

/** Pixels from the end of the log within which it counts as its end. */
const NEAR = 60;

/** Pixels from either edge of what is loaded within which more is fetched. */
const EDGE = 800;

/**
 * The log of a room or a thread. What is loaded moves with what is looked at; whatever comes or goes above it, what
 * is looked at stays where it is.
 * @param {{client: Client, room: Room, run: Run, label: string}} props
 */
export function Log({ client, room, run, label }) {
  const box = useRef(/** @type {any} */ (null)), held = useRef(/** @type {{id: string, top: number}} */ ({ id: "", top: 0 }));
  const [menu, open] = useState(0), cache = useRef(/** @type {Map<number, {of: any[], line: any}>} */ (new Map()));
  const more = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    if (run.broken) return;
    if (run.low > run.first && scrollTop < EDGE) client.pages.older(run);
    else if (run.scrolled && !run.isAtHead && scrollHeight - scrollTop - clientHeight < EDGE) client.pages.newer(run);
  };
  useLayoutEffect(() => {
    const { current } = box, kept = run.scrolled && held.current.id ? document.getElementById(held.current.id) : null;
    const sought = run.sought && document.getElementById(run.mark + run.sought);
    if (sought) {
      sought.scrollIntoView({ block: "center" });
      run.sought = 0;
    } else if (!run.scrolled) current.scrollTop = current.scrollHeight;
    else if (kept) current.scrollTop += kept.getBoundingClientRect().top - current.getBoundingClientRect().top - held.current.top;
    held.current = seen(current);
    more();
  });
  const scrolled = () => {
    const { current } = box, before = run.scrolled;
    run.scrolled = !run.isAtHead || current.scrollHeight - current.scrollTop - current.clientHeight >= NEAR;
    held.current = seen(current);
    run.broken = false;
    if (run.scrolled !== before) client.changed();
    more();
  };
  /** @type {any[]} */ const lines = [];
  /** @type {Map<number, {of: any[], line: any}>} */ const drawn = new Map();
  /** @type {Item | null} */ let before = null;
  let ahead = run === room && client.newFrom > 0; // of the line above what others have said since
  for (const item of run.items) {
    if (!before || dayNumber(before.ts) !== dayNumber(item.ts)) lines.push(html`<div class="day" key=${`d${item.seq}`} role="separator">${day(item.ts)}</div>`);
    const isNew = ahead && item.seq > client.newFrom && !item.own;
    if (isNew) ahead = false;
    if (isNew) lines.push(html`<div class="new" key="new" role="separator">New</div>`);
    const together = !isNew && before !== null && says(before) && says(item) && before.by === item.by && item.ts - before.ts < TOGETHER * 1000 && !item.ref;
    const of = says(item) && !item.file ? lookOf(client, room, run, item, [together, menu === item.seq]) : null, kept = of && cache.current.get(item.seq);
    const line = kept && of.every((one, at) => one === kept.of[at]) ? kept.line : says(item)
      ? html`<${Message} key=${item.seq} client=${client} room=${room} run=${run} item=${item} together=${together} open=${menu === item.seq} toggle=${() => open(menu === item.seq ? 0 : item.seq)} />`
      : html`<div class="event" key=${item.seq} id=${run.mark + item.seq}><span dir="auto">${sentence(item)}</span> <time>${clock(item.ts)}</time></div>`;
    if (of) drawn.set(item.seq, { of, line });
    lines.push(line);
    before = item;
  }
  cache.current = drawn;
  return html`
    <div class="log" ref=${box} onScroll=${scrolled} onKeyDown=${walk} role="log" aria-label=${label} tabindex="0" ...${catching(client, room, run)}>
      ${run.low > run.first && html`<div class="older">${run.loading ? "Loading…" : html`<button class="quiet" onClick=${() => client.pages.older(run)}>Older messages</button>`}</div>`}
      ${lines}
      <${Unsent} client=${client} room=${room} run=${run} />
    </div>
    ${(run.scrolled || !run.isAtHead) && html`<div class="down"><button onClick=${() => client.pages.toEnd(run)}>Newest messages</button></div>`}
  `;
}

/**
 * Returns all that decides how a message without a file looks: as long as that is the same, it is not drawn anew.
 * @param {Client} client
 * @param {Room} room
 * @param {Run} run
 * @param {Item} item
 * @param {any[]} more
 */
function lookOf({ chat, me }, room, run, item, more) {
  const { text, by, edited, removed, pinned, reactions, replies } = item, quote = item.ref ? run.quotes.get(item.ref) : null;
  return [item, text, by, edited, removed, pinned, reactions, replies, item.mentions, quote?.by, quote?.text, quote?.removed, chat.nick, me.operator, room, room.role, room.kind, room.archived, ...more];
}

/**
 * Returns which line is the first that is seen, and where it stands.
 * @param {HTMLElement} box
 */
function seen(box) {
  const { top } = box.getBoundingClientRect(), lines = box.children;
  let low = 0, high = lines.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].getBoundingClientRect().bottom > top) high = middle;
    else low = middle + 1;
  }
  while (low < lines.length && !lines[low].id) low++;
  const line = lines[low];
  return { id: line?.id ?? "", top: line ? line.getBoundingClientRect().top - top : 0 };
}

/**
 * Goes from message to message by the arrow keys; Enter opens what may be done with one.
 * @param {KeyboardEvent} event
 */
function walk(event) {
  const box = /** @type {HTMLElement} */ (event.currentTarget), on = /** @type {HTMLElement} */ (event.target);
  const messages = [...box.querySelectorAll("article")], at = messages.findIndex((one) => one === on);
  if (on !== box && at < 0) return;
  const step = /** @type {Record<string, number>} */ ({ ArrowUp: -1, ArrowDown: 1 })[event.key];
  if (step) {
    const next = at < 0 ? messages.at(-1) : messages[at + step];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter" && at >= 0) /** @type {HTMLElement | null} */ (on.querySelector(".more"))?.click();
  else return;
  event.preventDefault();
}

/**
 * What is not sent yet, and what was refused.
 * @param {{client: Client, room: Room, run: Run}} props
 */
function Unsent({ client, room, run }) {
  const here = (/** @type {{room: string, ref?: number}} */ one) => (one.room === room.room || one.room === room.name) && (run === room || Boolean(one.ref && run.item(one.ref)));
  return html`
    <${Going} desk=${client.desk} files=${client.desk.sent.filter(here)} />
    ${client.waiting.filter((one) => here(one) && !one.act).map((one) => html`<div class="message mine queued" key=${`q${one.key}`}><p dir="auto">${one.text}</p><small>waiting to be sent <button class="link" onClick=${() => client.withdraw(one.key)}>take back</button></small></div>`)}
    ${client.failed.filter(here).map((one) => html`<div class="message mine failed" key=${`f${one.key}`}><p dir="auto">${one.text}</p><small role="alert">${one.reason} <button class="link" onClick=${() => client.again(one.key)}>say it again</button> <button class="link" onClick=${() => client.withdraw(one.key)}>forget it</button></small></div>`)}
  `;
}

/**
 * Who types, for a moment.
 * @param {{room: Room}} props
 */
export function Typing({ room }) {
  const nicks = [...room.typing].filter(([, until]) => until > Date.now()).map(([nick]) => nick);
  return html`<div class="typing" aria-live="polite" dir="auto">${nicks.length ? `${nicks.join(", ")} ${nicks.length > 1 ? "type" : "types"}…` : ""}</div>`;
}

/** @param {Item} item */
function says(item) {
  return item.kind === "message" || item.kind === "file";
}

/** @param {{client: Client, room: Room, run: Run, item: Item, together: boolean, open: boolean, toggle: () => void}} props */
function Message({ client, room, run, item, together, open, toggle }) {
  const quote = item.ref ? run.quotes.get(item.ref) : null, mentioned = new Set(item.mentions.map((nick) => nick.toLowerCase()));
  const calls = mentioned.has(client.chat.nick.toLowerCase()) || mentioned.has("*");
  return html`
    <article id=${run.mark + item.seq} tabindex="-1" class=${`message ${item.own ? "mine" : ""} ${together ? "together" : ""} ${calls ? "calls" : ""}`}>
      ${!together && html`<header><strong class=${`nick h${hue(item.by)}`} dir="auto">${item.by}</strong> <time datetime=${new Date(item.ts).toISOString()}>${clock(item.ts)}</time></header>`}
      ${item.pinned && html`<span class="pin" title="pinned">📌</span>`}
      ${quote && html`<button class="quote" onClick=${() => client.jump(room.room, item.ref)}><strong>${quote.by}</strong> <span dir="auto">${quote.removed ? "removed" : quote.text || "📎"}</span></button>`}
      ${item.removed ? html`<p class="removed">removed</p>` : html`<div class="text" dir="auto"><${Text} text=${item.text} mentioned=${mentioned} me=${client.chat.nick} />${item.edited && html` <small class="edited">edited</small>`}</div>`}
      ${item.file && html`<${Attachment} client=${client} posted=${{ room: room.room, seq: item.seq, file: item.file }} />`}
      ${item.reactions.length > 0 && html`<p class="reactions">${item.reactions.map(({ emoji, count, mine }) => html`<button key=${emoji} class=${mine ? "mine" : ""} aria-pressed=${Boolean(mine)} onClick=${() => client.react(item, emoji)}>${emoji} ${count}</button>`)}</p>`}
      ${item.replies > 0 && run === room && html`<p><button class="link replies" onClick=${() => client.openThread(room, item.seq)}>${item.replies} ${item.replies === 1 ? "reply" : "replies"}</button></p>`}
      ${!item.removed && html`<${Actions} client=${client} room=${room} run=${run} item=${item} open=${open} toggle=${toggle} />`}
    </article>
  `;
}

/** @param {{client: Client, room: Room, run: Run, item: Item, open: boolean, toggle: () => void}} props */
function Actions({ client, room, run, item, open, toggle }) {
  const menu = useRef(/** @type {any} */ (null)), may = (/** @type {string} */ what) => mayIn(room, what, client.me.operator);
  useLayoutEffect(() => {
    if (open) menu.current.querySelector("button")?.focus({ preventScroll: true });
  }, [open]);
  /** @param {() => void} what */
  const act = (what) => () => {
    what();
    if (open) toggle();
    client.changed();
  };
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    if (event.key !== "Escape" || !open) return;
    toggle();
    /** @type {HTMLElement} */ (event.currentTarget).closest("article")?.focus();
    event.stopPropagation();
  };
  return html`
    <div class=${`actions ${open ? "open" : ""}`} onKeyDown=${pressed}>
      ${open && html`<div class="menu" ref=${menu} role="group" aria-label="What to do with this message" onKeyDown=${among}>
        ${may("react") && EMOJI.map((emoji) => html`<button key=${emoji} onClick=${act(() => client.react(item, emoji))}>${emoji}</button>`)}
        ${may("send") && html`<button onClick=${act(() => client.begins("replying", item, run))}>Reply</button>`}
        ${run === room && html`<button onClick=${act(() => client.openThread(room, item.thread || item.seq))}>Thread</button>`}
        ${item.own && may("edit") && html`<button onClick=${act(() => client.begins("editing", item, run))}>Edit</button>`}
        ${may("pin") && html`<button onClick=${act(() => client.pin(item))}>${item.pinned ? "Unpin" : "Pin"}</button>`}
        ${mayRemove(room, item.own, client.me.operator) && html`<button onClick=${act(() => askToRemove(client, room, item))}>Remove</button>`}
      </div>`}
      <button class="more" aria-label=${`Message of ${item.by}: more`} aria-expanded=${open} onClick=${toggle}>⋯</button>
    </div>
  `;
}
