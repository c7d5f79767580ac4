/**
 * The chat as a window shows it: rooms with what was loaded of their logs.
 *
 * Nothing here touches the page or the network: notices and answers go in, views come out.
 */

import { fold } from "../core/names.js";
import { Run } from "./run.js";
import { Followed } from "./threads.js";

/** @typedef {import("../core/wire.js").Event} Event */
/** @typedef {import("./run.js").Item} Item */

/** Kinds of events that somebody says, and that count as unread. */
const SAID = new Set(["message", "file", "removed"]);

/** One room. */
export class Room extends Run {
  topic = "";
  peer = "";
  read = 0;
  unread = 0;
  mentions = 0;
  role = "member";
  kind = "public";
  slow = 0;
  archived = false;
  threads = new Followed();
  /** The last event that the server was told to be read. */
  told = 0;
  /** @type {Map<string, number>} who types, until when in milliseconds */ typing = new Map();
  /** @type {Set<string>} who came online, and who went offline, since this page began */ online = new Set();
  /** @type {Set<string>} */ offline = new Set();

  /**
   * @param {string} room
   * @param {string} name
   * @param {{nick: string}} whose
   */
  constructor(room, name, whose) {
    super(whose);
    this.room = room;
    this.name = name;
  }

  /** Where its history is read. */
  get where() {
    return { room: this.room };
  }
}

/** All rooms of the session called nick. */
export class Chat {
  /** @type {Map<string, Room>} */ rooms = new Map();
  nick = "";
  /** @type {Map<string, import("./status.js").Status>} what people say of themselves, by folded nicks */ statuses = new Map();
  /** @type {import("./threads.js").Thread | null} the thread that is looked at */ thread = null;
  /** The room that is looked at, "" for none. */
  shown = "";

  /**
   * Returns room, which is made if it is not there.
   * @param {string} room
   * @param {string} name
   */
  room(room, name = room) {
    let found = this.rooms.get(room);
    if (!found) this.rooms.set(room, (found = new Room(room, name, this)));
    return found;
  }

  /**
   * Takes in what the machine tells; returns whether anything is to be shown anew.
   * @param {import("../core/output.js").Notice} notice
   */
  take(notice) {
    if (notice.what === "connected") {
      this.nick = notice.nick;
      this.say(notice.nick, notice.status ?? {});
    } else if (notice.what === "opened") this.#opened(notice);
    else if (notice.what === "closed") this.rooms.delete(notice.room);
    else if (notice.what === "event") this.#event(notice);
    else if (notice.what === "unread") this.#count(this.rooms.get(notice.room), notice);
    else if (notice.what === "gap" || notice.what === "restored") {
      const room = this.rooms.get(notice.room);
      room?.unload();
      if (this.thread?.where.room === notice.room) this.thread?.unload();
      if (room && notice.what === "gap") room.head = Math.max(room.head, notice.last);
    } else if (notice.what === "thread") this.rooms.get(notice.room)?.threads.take(/** @type {any} */ (notice));
    else if (notice.what === "presence") this.#presence(notice);
    else if (notice.what === "typing") for (const nick of notice.nicks) this.rooms.get(notice.room)?.typing.set(nick, Date.now() + 6000);
    else return false;
    return true;
  }

  /**
   * Notes what somebody says of themselves.
   * @param {string} nick
   * @param {import("./status.js").Status} status
   */
  say(nick, status) {
    if (status.state) this.statuses.set(fold(nick), status);
    else this.statuses.delete(fold(nick));
  }

  /**
   * Returns what somebody says of themselves.
   * @param {string} nick
   */
  status(nick) {
    return this.statuses.get(fold(nick));
  }

  /** @param {import("../core/output.js").Notice} notice */
  #opened({ room: id, name, topic, head, peer, state, counts }) {
    const room = this.room(id, name), { first = 1, role = "member", kind = "public", slow = 0, archived = false } = state;
    Object.assign(room, { name, topic, head: Math.max(room.head, head), peer, first, role, kind, slow, archived, threads: new Followed() });
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
  #presence({ room: id, online, offline, statuses }) {
    const room = this.rooms.get(id);
    for (const one of statuses ?? []) this.say(one.nick, one);
    if (!room) return;
    for (const nick of online) room.offline.delete(nick), room.online.add(nick);
    for (const nick of offline) room.online.delete(nick), room.offline.add(nick);
  }

  /** @param {import("../core/output.js").Notice} notice threadUnread is what is unread in the thread of the event */
  #event({ event, own, counts, threadUnread = 0 }) {
    const room = this.rooms.get(event.room);
    if (!room) return;
    if (event.kind === "topic") room.topic = event.text ?? "";
    else if (event.kind === "set") rule(room, event.value ?? "");
    else if (event.kind === "role") this.#role(room, event);
    if (event.kind === "nick" && event.by === this.nick) this.nick = event.text ?? this.nick;
    const follows = room.high > 0 && event.seq === room.high + 1;
    if (SAID.has(event.kind)) room.typing.delete(event.by);
    room.head = Math.max(room.head, event.seq);
    this.#count(room, counts);
    room.heed(event);
    if (follows) room.follow(event, own);
    if (event.thread) room.threads.count(event.thread, threadUnread);
    this.thread?.take(event, own);
  }

  /**
   * Takes in that a member has another role; who hands a room over is a moderator of it from then on.
   * @param {Room} room
   * @param {Event} event
   */
  #role(room, { by, whom = "", value = "" }) {
    if (fold(whom) === fold(this.nick)) room.role = value;
    else if (value === "owner" && room.role === "owner" && fold(by) === fold(this.nick)) room.role = "moderator";
  }

  /**
   * Notes that all of room is read.
   * @param {Room} room
   */
  markRead(room) {
    room.unread = room.mentions = 0;
    room.threads.read();
    room.read = Math.max(room.read, room.head);
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
 * Takes in that a rule of room has changed.
 * @param {Room} room
 * @param {string} told the rule and its value
 */
function rule(room, told) {
  const [name, value] = told.split(" ");
  if (name === "kind") room.kind = value;
  else if (name === "slow") room.slow = Number(value) || 0;
  else if (name === "archived") room.archived = value === "yes";
}
