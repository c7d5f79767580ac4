/**
 * The chat as a window shows it: rooms with what was loaded of their logs, each event with what it has become.
 *
 * Nothing here touches the page or the network: notices and answers go in, views come out. Of each room a run of
 * its log is loaded, from low to high, without holes; what comes live behind that run lengthens it.
 */

/** @typedef {import("../core/wire.js").Event} Event */
/** @typedef {{emoji: string, count: number, mine?: boolean}} Reaction */
/** @typedef {{seq: number, by: string, text?: string, removed?: boolean}} Quote */

/**
 * One event with what it has become up to event asOf, its reactions up to event reactedAt.
 * @typedef {{seq: number, asOf: number, reactedAt: number, ts: number, kind: string, by: string, text: string, own: boolean, edited: boolean, removed: boolean, pinned: boolean, reactions: Reaction[], replies: number, ref: number, thread: number, mentions: string[], value: string, whom: string, reason: string, file?: import("../core/wire.js").File}} Item
 */

/** Events of a room that stay loaded while nobody looks further up, and at the most where somebody does. */
const KEPT = 200, MOST = 2000;

/** Events more than that which gather before the oldest of them go. */
const SLACK = 100;

/** What is left of an event whose content was removed. */
const REMOVED = Object.freeze({ removed: true, text: "", reactions: [], pinned: false, file: undefined });

/** Events about others that are kept while a page may be on its way. */
const RECENT = 200;

/** Letters of a quote. */
const QUOTED = 80;

/** Kinds of events that somebody says, and that count as unread. */
const SAID = new Set(["message", "file", "removed"]);

/** Kinds of events that have no line of their own. */
const ABOUT = new Set(["edit", "react", "unreact", "pin", "unpin", "remove"]);

/** One room. */
export class Room {
  topic = "";
  peer = "";
  head = 0;
  read = 0;
  unread = 0;
  mentions = 0;
  low = 0;
  high = 0;
  first = 1;
  role = "member";
  kind = "public";
  archived = false;
  /** @type {Promise<void> | null} a page on its way */ loading = null;
  /** The event that is to be scrolled to once it is there, 0 for none. */
  sought = 0;
  /** Whether somebody looks at what was said before: then that stays, and nothing new is added beyond bounds. */
  scrolled = false;
  /** The last event that the server was told to be read. */
  told = 0;
  /** @type {Item[]} */ items = [];
  /** @type {Map<number, Quote>} */ quotes = new Map();
  /** @type {Event[]} the latest that are about others, for pages that were read before they came */ recent = [];
  /** @type {Set<number>} events whose reactions are to be looked at again */ stale = new Set();
  /** @type {Map<string, number>} who types, until when in milliseconds */ typing = new Map();
  /** @type {Set<string>} */ online = new Set();

  /**
   * @param {string} room
   * @param {string} name
   */
  constructor(room, name) {
    this.room = room;
    this.name = name;
  }

  /** Whether what is loaded reaches the newest event. */
  get isAtHead() {
    return this.high >= this.head;
  }

  /**
   * Returns the item with that number.
   * @param {number} seq
   */
  item(seq) {
    let low = 0, high = this.items.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, found = this.items[middle];
      if (found.seq === seq) return found;
      if (found.seq < seq) low = middle + 1;
      else high = middle - 1;
    }
    return null;
  }

  /** Forgets what is loaded. */
  unload() {
    this.low = this.high = 0;
    this.items = [];
    this.quotes.clear();
    this.stale.clear();
  }

  /** Forgets the oldest of what is loaded, where there is much of it and nobody looks at it. */
  shorten() {
    if (this.scrolled || this.items.length < KEPT + SLACK) return;
    this.items.splice(0, this.items.length - KEPT);
    this.low = this.items[0].seq;
  }
}

/** All rooms of the session called nick. */
export class Chat {
  /** @type {Map<string, Room>} */ rooms = new Map();
  nick = "";
  /** The room that is looked at, "" for none. */
  shown = "";

  /**
   * Returns room, which is made if it is not there.
   * @param {string} room
   * @param {string} name
   */
  room(room, name = room) {
    let found = this.rooms.get(room);
    if (!found) this.rooms.set(room, (found = new Room(room, name)));
    return found;
  }

  /**
   * Takes in what the machine tells; returns whether anything is to be shown anew.
   * @param {import("../core/output.js").Notice} notice
   */
  take(notice) {
    if (notice.what === "connected") this.nick = notice.nick;
    else if (notice.what === "opened") this.#opened(notice);
    else if (notice.what === "closed") this.rooms.delete(notice.room);
    else if (notice.what === "event") this.#event(notice.event, notice.own, notice.counts);
    else if (notice.what === "unread") this.#count(this.rooms.get(notice.room), notice);
    else if (notice.what === "gap" || notice.what === "restored") {
      const room = this.rooms.get(notice.room);
      room?.unload();
      if (room && notice.what === "gap") room.head = Math.max(room.head, notice.last);
    } else if (notice.what === "presence") this.#presence(notice);
    else if (notice.what === "typing") for (const nick of notice.nicks) this.rooms.get(notice.room)?.typing.set(nick, Date.now() + 6000);
    else return false;
    return true;
  }

  /** @param {import("../core/output.js").Notice} notice */
  #opened({ room: id, name, topic, head, peer, state, counts }) {
    const room = this.room(id, name), { first = 1, role = "member", kind = "public", archived = false } = state;
    Object.assign(room, { name, topic, head: Math.max(room.head, head), peer, first, role, kind, archived });
    this.#count(room, counts);
  }

  /**
   * Takes over what is unread, which a server that does not count leaves to be guessed.
   * @param {Room | undefined} room
   * @param {any} counts
   */
  #count(room, { read, unread, mentions }) {
    if (room) Object.assign(room, { read, unread: unread ?? Math.max(0, room.head - read), mentions });
  }

  /** @param {import("../core/output.js").Notice} notice */
  #presence({ room: id, online, offline }) {
    const room = this.rooms.get(id);
    for (const nick of online) room?.online.add(nick);
    for (const nick of offline) room?.online.delete(nick);
  }

  /**
   * @param {Event} event
   * @param {boolean} own
   * @param {object} counts
   */
  #event(event, own, counts) {
    const room = this.rooms.get(event.room);
    if (!room) return;
    if (event.kind === "topic") room.topic = event.text ?? "";
    if (event.kind === "nick" && event.by === this.nick) this.nick = event.text ?? this.nick;
    const follows = room.high > 0 && event.seq === room.high + 1;
    if (SAID.has(event.kind)) room.typing.delete(event.by);
    room.head = Math.max(room.head, event.seq);
    this.#count(room, counts);
    if (ABOUT.has(event.kind) || event.thread) {
      room.recent = [...room.recent.slice(-RECENT), event];
      this.#concern(room, event);
    }
    if (!follows || (room.scrolled && room.items.length >= MOST)) return;
    room.high = event.seq;
    this.#append(room, event, own, event.seq);
    room.shorten();
  }

  /**
   * Adds an event that stands at the end of what is loaded, as it is at event asOf.
   * @param {Room} room
   * @param {Event} event
   * @param {boolean} own
   * @param {number} asOf
   */
  #append(room, event, own, asOf) {
    if (ABOUT.has(event.kind)) return;
    const item = itemOf(event, own || event.by === this.nick, asOf);
    room.items.push(item);
    if (item.ref && !quote(room, item.ref) && !room.quotes.has(item.ref)) room.stale.add(item.ref);
  }

  /**
   * Changes what an event is about, as far as that is loaded and not known already.
   * @param {Room} room
   * @param {Event} event
   */
  #concern(room, event) {
    const root = event.thread ? room.item(event.thread) : null;
    if (root && event.seq > root.asOf) Object.assign(root, { replies: root.replies + 1, asOf: event.seq });
    if (ABOUT.has(event.kind)) for (const seq of event.refs?.length ? event.refs : [event.ref ?? 0]) this.#change(room, seq, event);
  }

  /**
   * @param {Room} room
   * @param {number} seq
   * @param {Event} event
   */
  #change(room, seq, event) {
    const item = room.item(seq), quoted = room.quotes.get(seq), { kind, text = "", mentions = [] } = event;
    if (kind === "remove" && quoted) Object.assign(quoted, { removed: true, text: "" });
    if (kind === "edit" && quoted && !quoted.removed) quoted.text = text.slice(0, QUOTED);
    if (!item || item.removed) return;
    if (kind === "react" || kind === "unreact") {
      if (event.seq > item.reactedAt) room.stale.add(seq);
    } else if (event.seq > item.asOf) {
      item.asOf = event.seq;
      if (kind === "remove") Object.assign(item, REMOVED);
      else if (kind === "edit") Object.assign(item, { text, edited: true, mentions });
      else item.pinned = kind === "pin";
    }
  }

  /**
   * Notes that all of room is read.
   * @param {Room} room
   */
  markRead(room) {
    room.unread = room.mentions = 0;
    room.read = Math.max(room.read, room.head);
  }

  /**
   * Takes in a page of history: one to begin with, or the one before what is loaded.
   * @param {Room} room
   * @param {{events?: Event[], became?: any[], quotes?: Quote[], more?: boolean, at?: number}} page
   * @param {boolean} older
   */
  page(room, { events = [], became = [], quotes = [], more = false, at = 0 }, older) {
    const items = events.filter((event) => !ABOUT.has(event.kind)).map((event) => itemOf(event, event.by === this.nick, at));
    if (older) {
      room.items.unshift(...items);
      if (room.items.length > MOST) {
        room.items.splice(MOST);
        room.high = room.items[MOST - 1].seq;
      }
    } else {
      room.items = items;
      room.high = events.length ? events[events.length - 1].seq : at;
      room.head = Math.max(room.head, room.high);
    }
    room.low = more && events.length ? events[0].seq : room.first;
    for (const one of quotes) room.quotes.set(one.seq, one);
    for (const item of items) if (item.ref) quote(room, item.ref);
    this.#became(room, became, at);
  }

  /**
   * Takes in the page behind what is loaded.
   * @param {Room} room
   * @param {{events?: Event[], became?: any[], quotes?: Quote[], at?: number}} page
   */
  newer(room, { events = [], became = [], quotes = [], at = 0 }) {
    for (const one of quotes) room.quotes.set(one.seq, one);
    for (const event of events) {
      if (event.seq !== room.high + 1) continue; // it came meanwhile
      room.high = event.seq;
      this.#append(room, event, event.by === this.nick, at);
    }
    room.head = Math.max(room.head, room.high);
    this.#became(room, became, at);
    room.shorten();
  }

  /**
   * Takes in what was looked at: events with what they have become, loaded ones and others that are quoted.
   * @param {Room} room
   * @param {{events?: Event[], became?: any[], at?: number}} answer
   */
  looked(room, { events = [], became = [], at = 0 }) {
    for (const { seq, by, text = "", kind } of events) {
      const item = room.item(seq), removed = kind === "removed";
      if (!item) room.quotes.set(seq, { seq, by, text: removed ? "" : text.slice(0, QUOTED), removed });
      else if (removed) Object.assign(item, REMOVED);
      else if (at >= item.reactedAt) Object.assign(item, { reactions: [], reactedAt: at });
    }
    this.#became(room, became, at);
  }

  /**
   * Takes in what events have become up to event at, and then what came since.
   * @param {Room} room
   * @param {any[]} became
   * @param {number} at
   */
  #became(room, became, at) {
    for (const { seq, edit = 0, text = "", reactions = [], replies = 0, pinned = false } of became) {
      const item = room.item(seq);
      if (!item || item.removed) continue;
      if (at >= item.reactedAt) Object.assign(item, { reactions, reactedAt: at });
      if (at < item.asOf) continue;
      Object.assign(item, { replies, pinned, edited: edit > 0, asOf: at });
      if (edit && text) item.text = text;
    }
    for (const event of room.recent) if (event.seq > at) this.#concern(room, event);
  }

  /** The rooms in the order of a list: those of people behind those with a name, each by name. */
  get list() {
    const rank = (/** @type {Room} */ room) => (room.peer ? 1 : 0);
    return [...this.rooms.values()].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  }

  /** What is unread in all rooms, and how often we are mentioned or spoken to alone. */
  get counts() {
    let unread = 0, mentions = 0;
    for (const room of this.rooms.values()) {
      unread += room.unread;
      mentions += room.peer ? room.unread : room.mentions;
    }
    return { unread, mentions };
  }
}

/**
 * Keeps the beginning of event seq of room, to which another one replies; returns whether it is loaded.
 * @param {Room} room
 * @param {number} seq
 */
function quote(room, seq) {
  const target = room.item(seq);
  if (target) room.quotes.set(seq, { seq, by: target.by, text: target.text.slice(0, QUOTED), removed: target.removed });
  return target !== null;
}

/**
 * Returns the item of an event as the log has it, to which what is said of it up to asOf is added.
 * @param {Event} event
 * @param {boolean} own
 * @param {number} asOf
 * @returns {Item}
 */
function itemOf({ seq, ts, kind, by, text = "", ref = 0, thread = 0, mentions = [], value = "", whom = "", reason = "", file }, own, asOf) {
  const removed = kind === "removed";
  return {
    seq, asOf: Math.max(asOf, seq), reactedAt: Math.max(asOf, seq), ts, by, text: removed ? "" : text, own, ref: removed ? 0 : ref, thread, mentions, value, whom, reason,
    ...(file && { file }), kind: removed ? "message" : kind, removed, edited: false, pinned: false, reactions: [], replies: 0,
  };
}
