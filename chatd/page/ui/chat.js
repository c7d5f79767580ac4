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
 * One event with what it has become.
 * @typedef {{seq: number, ts: number, kind: string, by: string, text: string, own: boolean, edited: boolean, removed: boolean, pinned: boolean, reactions: Reaction[], replies: number, ref: number, thread: number, mentions: string[], value: string, whom: string, reason: string, file?: import("../core/wire.js").File}} Item
 */

/** Events of a room that stay loaded where nobody looks at it, and at the most where somebody does. */
const KEPT = 200, MOST = 2000;

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
  /** @type {Item[]} */ items = [];
  /** @type {Map<number, Quote>} */ quotes = new Map();
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

  /**
   * Forgets the oldest of what is loaded, down to so many items.
   * @param {number} most
   */
  shorten(most) {
    if (this.items.length <= most) return;
    this.items.splice(0, this.items.length - most);
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
    if (!follows && !(room.high === 0 && event.seq === 1)) return;
    if (room.high === 0) room.low = 1;
    room.high = event.seq;
    this.#append(room, event, own);
    if (event.room !== this.shown) room.shorten(KEPT);
    else if (room.items.length > MOST + KEPT) room.shorten(MOST);
  }

  /**
   * @param {Room} room
   * @param {Event} event
   * @param {boolean} own
   */
  #append(room, event, own) {
    if (!ABOUT.has(event.kind)) {
      const item = itemOf(event, own || event.by === this.nick);
      room.items.push(item);
      const target = item.ref ? room.item(item.ref) : null;
      if (target) room.quotes.set(item.ref, { seq: target.seq, by: target.by, text: target.text.slice(0, 80), removed: target.removed });
      else if (item.ref) room.stale.add(item.ref);
      const root = item.thread ? room.item(item.thread) : null;
      if (root) root.replies += 1;
      return;
    }
    for (const seq of event.refs?.length ? event.refs : [event.ref ?? 0]) this.#change(room, seq, event);
  }

  /**
   * @param {Room} room
   * @param {number} seq
   * @param {Event} event
   */
  #change(room, seq, event) {
    const item = room.item(seq), quote = room.quotes.get(seq);
    if (event.kind === "remove") {
      if (item) Object.assign(item, { removed: true, text: "", reactions: [], pinned: false, file: undefined });
      if (quote) Object.assign(quote, { removed: true, text: "" });
    } else if (event.kind === "edit") {
      if (item) Object.assign(item, { text: event.text ?? "", edited: true, mentions: event.mentions ?? [] });
      if (quote) quote.text = (event.text ?? "").slice(0, 80);
    } else if (event.kind === "pin" || event.kind === "unpin") {
      if (item) item.pinned = event.kind === "pin";
    } else if (item) room.stale.add(seq);
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
   * Takes in a page of history: of the newest events, or of those before what is loaded.
   * @param {Room} room
   * @param {{events?: Event[], became?: any[], quotes?: Quote[], more?: boolean}} page
   * @param {boolean} older
   */
  page(room, { events = [], became = [], quotes = [], more = false }, older) {
    const items = events.filter((event) => !ABOUT.has(event.kind)).map((event) => itemOf(event, event.by === this.nick));
    if (older) room.items.unshift(...items);
    else {
      room.items = items;
      room.high = events.length ? events[events.length - 1].seq : room.head;
      room.head = Math.max(room.head, room.high);
    }
    room.low = more && events.length ? events[0].seq : room.first;
    if (!more) room.low = Math.min(room.low, events.length ? events[0].seq : room.low, room.first);
    for (const quote of quotes) room.quotes.set(quote.seq, quote);
    for (const item of items) {
      const target = item.ref ? room.item(item.ref) : null;
      if (target && !room.quotes.has(item.ref))
        room.quotes.set(item.ref, { seq: target.seq, by: target.by, text: target.text.slice(0, 80), removed: target.removed });
    }
    this.became(room, became);
  }

  /**
   * Takes in what events have become.
   * @param {Room} room
   * @param {any[]} became
   */
  became(room, became) {
    for (const { seq, edit = 0, text = "", reactions = [], replies = 0, pinned = false } of became) {
      const item = room.item(seq);
      if (!item || item.removed) continue;
      Object.assign(item, { reactions, replies, pinned, edited: edit > 0 });
      if (edit && text) item.text = text;
    }
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
 * @param {Event} event
 * @param {boolean} own
 * @returns {Item}
 */
function itemOf(event, own) {
  const { seq, ts, kind, by, text = "", ref = 0, thread = 0, mentions = [], value = "", whom = "", reason = "", file } = event;
  const removed = kind === "removed";
  return {
    seq, ts, by, text: removed ? "" : text, own, ref: removed ? 0 : ref, thread, mentions, value, whom, reason,
    ...(file && { file }), kind: removed ? "message" : kind, removed, edited: false, pinned: false, reactions: [], replies: 0,
  };
}
