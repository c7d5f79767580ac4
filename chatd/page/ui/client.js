/** The client as a window has it: the chat, what waits, and what people do in it. */

import { Attention } from "./attention.js";
import { Chat } from "./chat.js";
import { command } from "./commands.js";
import { Desk } from "./desk.js";
import { PAGE, Pages } from "./pages.js";
import { Preferences } from "./preferences.js";
import { Thread } from "./threads.js";

/** Milliseconds for which somebody types who was said to. */
const TYPING = 6000;

/** Seconds between two words of typing. */
const TYPES = 3;

/** One window's client. */
export class Client {
  chat = new Chat();
  /** @type {import("../core/outbox.js").Entry[]} */ waiting = [];
  /** @type {{key: number, room: string, text: string, reason: string}[]} */ failed = [];
  state = "idle";
  /** @type {{code: string, text: string} | null} */ stopped = null;
  known = false;
  /** What is to be read out or shown for a moment. */
  note = "";
  /** The mark of the log in whose field one replies or edits. */
  within = "e";
  /** @type {import("./chat.js").Item | null} */ replying = null;
  /** @type {import("./chat.js").Item | null} */ editing = null;
  /** @type {{query: string, hits: import("../core/wire.js").Event[], rest: string, more: boolean, behind: boolean} | null} */ found = null;
  /** Who we are beside a nick. */
  me = { account: false, operator: false };
  /** @type {{view: any, props: any} | null} what stands before all else */ dialog = null;
  /** @type {{view: string, props: any} | null} what stands beside the log */ aside = null;
  /** The number above which events were new when the room was opened. */
  newFrom = 0;
  #tab;
  #changed;
  #typed = 0;

  /**
   * @param {import("../io/tabs.js").Tab} tab
   * @param {import("../io/shelf.js").Shelf} shelf
   * @param {() => void} changed
   */
  constructor(tab, shelf, changed) {
    this.#tab = tab;
    this.desk = new Desk(shelf, tab, (note) => (Object.assign(this, { note }), changed()), changed);
    this.#changed = changed;
    this.pages = new Pages((message) => this.ask(message), { came: () => this.attention.looked(), changed, refused: (note) => (this.note = note) });
    this.attention = new Attention(this);
    this.prefs = new Preferences(localStorage, changed);
  }

  /** Finds out how things stand. */
  async begin() {
    const found = await this.#tab.find("snapshot");
    this.#adopt(found);
  }

  /** @param {any} found */
  #adopt(found) {
    this.known = Boolean(found.now.nick);
    this.chat.nick = found.now.nick;
    this.#stands(found.now);
    this.stopped = found.stopped;
    this.desk.adopt(found.now.largest, found.files);
    for (const { room, name, head, topic, peer } of found.followed) Object.assign(this.chat.room(room, name), { head, read: head, topic, peer });
    for (const { online, threads, ...room } of found.rooms) {
      const known = Object.assign(this.chat.room(room.room, room.name), room, { online: new Set(online) });
      for (const one of threads) known.threads.take(one);
    }
    this.chat.statuses = found.statuses ?? new Map();
    const first = this.chat.list.find(({ room }) => location.hash === `#${encodeURIComponent(room)}`) ?? this.chat.list[0];
    if (!this.chat.shown && first) this.open(first.room);
    this.#changed();
  }

  /** @param {any} now how the leader stands */
  #stands({ state, waiting, me }) {
    this.state = state;
    this.waiting = waiting;
    Object.assign(this.me, me);
  }

  /** Returns what another window has to know of rooms. */
  snapshot() {
    const rooms = [...this.chat.rooms.values()].map(({ room, name, topic, peer, head, read, unread, mentions, first, role, kind, slow, archived, online, threads }) => ({
      room, name, topic, peer, head, read, unread, mentions, first, role, kind, slow, archived, online: [...online], threads: threads.told,
    }));
    return { rooms, statuses: this.chat.statuses };
  }

  /**
   * Takes in what the leader tells.
   * @param {any} told
   */
  hear(told) {
    if (told.what === "leads") {
      this.begin();
      return;
    }
    if (told.what === "forgotten") this.#forget();
    const { chat } = this;
    this.#stands(told.now);
    this.desk.adopt(told.now.largest, told.files);
    if (told.now.nick) chat.nick = told.now.nick;
    if (told.what === "began") Object.assign(this, { known: true, stopped: null, note: "" });
    else if (told.what === "stopped") this.stopped = { code: told.code, text: told.text };
    else if (told.what === "refused") this.failed.push({ key: told.key, room: told.room, text: told.text, reason: told.reason });
    else if (told.what === "announcement") this.note = told.text;
    else if (told.what === "join-refused") this.note = `${told.room}: ${told.text}`;
    const before = chat.shown && chat.rooms.get(chat.shown);
    this.desk.hear(told, chat);
    chat.take(told);
    this.attention.told(told, this.#tab.leads);
    const room = chat.rooms.get(chat.shown);
    if (!chat.shown || !room) {
      const next = chat.list[0];
      if (next) this.open(next.room);
      else chat.shown = "";
    } else if (before && room.high === 0) this.pages.load(room);
    else if (chat.thread && chat.thread.high === 0) this.pages.load(chat.thread);
    else if (told.what === "typing") setTimeout(() => this.#changed(), TYPING);
    else if (told.what === "event" && told.event.room === chat.shown) this.attention.looked();
    if (room?.stale.size) this.pages.lookSoon(room);
    else if (chat.thread?.stale.size) this.pages.lookSoon(chat.thread);
    this.attention.titles();
    this.#changed();
  }

  /** Keeps nothing of who was here: whoever comes next sees none of it. */
  #forget() {
    Object.assign(this, { known: false, chat: new Chat(), stopped: null, failed: [], note: "", replying: null, editing: null, found: null, dialog: null, aside: null });
    this.desk.forget();
  }

  /**
   * Shows room.
   * @param {string} id
   */
  open(id) {
    const { chat } = this, room = chat.rooms.get(id);
    if (!room) return;
    const before = chat.rooms.get(chat.shown);
    if (before && before !== room) {
      this.attention.tellRead();
      before.scrolled = false;
      if (!before.isAtHead) before.unload(); // it begins at its end when it is opened again
    }
    chat.shown = id;
    this.newFrom = room.unread ? room.read : 0;
    Object.assign(this, { replying: null, editing: null, aside: null });
    chat.thread = null;
    history.replaceState(null, "", `#${encodeURIComponent(id)}`);
    if (room.high === 0) this.pages.load(room);
    this.attention.looked();
    this.#changed();
  }

  /**
   * Jumps to event seq of room.
   * @param {string} id
   * @param {number} seq
   */
  async jump(id, seq) {
    this.open(id);
    const room = this.chat.rooms.get(id);
    if (!room) return;
    room.scrolled = true;
    await room.loading; // whatever it is, it is another page
    room.sought = seq;
    if (!room.item(seq)) await this.pages.page(room, { before: seq + PAGE / 2 }, false);
    if (!room.item(seq)) room.sought = 0;
    this.#changed();
  }

  // ---- what people do -----------------------------------------------------------------------------

  /**
   * @param {any} message
   * @returns {Promise<any>}
   */
  ask(message) {
    return this.#tab.call("ask", message);
  }

  /**
   * Says, replies or edits; what begins with a slash is a command.
   * @param {string} text
   * @param {import("./run.js").Run} run the log in whose field it was written
   */
  async say(text, run) {
    const here = this.within === run.mark, replying = here && this.replying, editing = here && this.editing, { room, thread } = run.where;
    Object.assign(this, { replying: null, editing: null, note: "" });
    this.#typed = 0;
    if (editing) await this.queue(room, text, { act: "edit", ref: editing.seq });
    else if (/^\/[a-z]/.test(text)) await command(this, text);
    else await this.queue(room, text.startsWith("//") ? text.slice(1) : text, replying ? { ref: replying.seq } : thread ? { ref: thread } : {});
    if (!editing && run.scrolled) await this.pages.toEnd(run);
  }

  /**
   * Queues a text, or what is done about an event, once, whichever window is closed meanwhile.
   * @param {string} room
   * @param {string} text
   * @param {{act?: string, ref?: number}} about
   */
  async queue(room, text, about = {}) {
    await this.#tab.insist("queue", room, text, about, crypto.randomUUID());
  }

  /**
   * Does something; what is refused is said.
   * @param {() => any} what
   */
  async attempt(what) {
    try {
      await what();
    } catch (error) {
      this.note = String(/** @type {Error} */ (error).message);
    }
    this.#changed();
  }

  /**
   * Enters a room, or talks with somebody.
   * @param {string} name
   */
  async join(name) {
    const wanted = /^[#@]/.test(name) ? name : `#${name}`;
    await this.attempt(async () => {
      const { room } = await this.ask({ t: "join", room: wanted });
      this.open(room || wanted);
    });
  }

  /**
   * @param {import("./chat.js").Item} item
   * @param {string} emoji
   */
  async react(item, emoji) {
    const mine = item.reactions.some((one) => one.emoji === emoji && one.mine);
    await this.queue(this.chat.shown, emoji, { act: mine ? "unreact" : "react", ref: item.seq });
  }

  /** @param {import("./chat.js").Item} item */
  pin(item) {
    return this.attempt(() => this.ask({ t: "pin", room: this.chat.shown, seq: item.seq, ...(item.pinned && { off: true }) }));
  }

  /** @param {number} key */
  withdraw(key) {
    this.failed = this.failed.filter((one) => one.key !== key);
    this.#tab.call("withdraw", [key]);
    this.#changed();
  }

  /**
   * Says again what was refused.
   * @param {number} key
   */
  again(key) {
    const one = this.failed.find((entry) => entry.key === key);
    this.failed = this.failed.filter((entry) => entry.key !== key);
    if (one) this.queue(one.room, one.text);
    this.#changed();
  }

  /**
   * @param {string} query
   * @param {string} from
   */
  async search(query, from = "") {
    await this.attempt(async () => {
      const { hits = [], rest = "", more = false, behind = false } = await this.ask({ t: "search", query, ...(from && { rest: from }) });
      const found = hits.map((/** @type {any} */ { event, edit = 0, text = "" }) => ({ ...event, text: edit && text ? text : (event.text ?? "") }));
      this.found = { query, hits: from && this.found ? [...this.found.hits, ...found] : found, rest, more, behind: behind || Boolean(from && this.found?.behind) };
    });
  }

  /**
   * Shows a dialog, null: none any more.
   * @param {any} view
   * @param {any} props
   */
  show(view, props = {}) {
    this.dialog = view && { view, props };
    this.#changed();
  }

  /**
   * Shows something beside the log, or no more if it is there already.
   * @param {string} view its name, "": nothing any more
   * @param {any} props
   */
  toggle(view, props = {}) {
    this.found = null;
    this.aside = !view || (this.aside?.view === view && view !== "thread") ? null : { view, props };
    this.chat.thread = props.thread ?? null;
    this.#changed();
  }

  /**
   * Shows a thread beside its room.
   * @param {import("./chat.js").Room} room
   * @param {number} root
   */
  openThread(room, root) {
    const thread = new Thread(room.room, root, this.chat);
    this.toggle("thread", { thread });
    this.pages.load(thread);
  }

  /**
   * Begins a reply to an item of a log, or another wording of it.
   * @param {"replying" | "editing"} what
   * @param {import("./chat.js").Item} item
   * @param {import("./run.js").Run} run
   */
  begins(what, item, run) {
    Object.assign(this, { replying: null, editing: null, within: run.mark, [what]: item });
    this.#changed();
  }

  /**
   * Says that we are away, busy, or neither.
   * @param {string} state
   * @param {string} text
   * @param {number} seconds
   */
  async setStatus(state, text = "", seconds = 0) {
    await this.ask({ t: "status", state, text, seconds });
    this.chat.say(this.chat.nick, { state, text, seconds });
    this.#changed();
  }

  /** Lets others know that somebody types, seldom. */
  types() {
    const now = Date.now();
    if (now < this.#typed || this.editing) return;
    this.#typed = now + TYPES * 1000;
    this.#tab.call("type", this.chat.shown).catch(() => {});
  }

  /**
   * @param {string} nick
   * @param {{password: string, register?: boolean, invite?: string} | null} credentials
   */
  async login(nick, credentials) {
    await this.#tab.call("login", nick, credentials);
  }

  /** Has the leader try now. */
  hurry() {
    this.#tab.call("hurry").catch(() => {});
  }

  /**
   * Logs out; everywhere: on all devices.
   * @param {boolean} everywhere
   */
  forget(everywhere) {
    return this.#tab.call("forget", everywhere);
  }

  /** Draws anew. */
  changed() {
    this.#changed();
  }
}
