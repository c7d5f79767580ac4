/** Attention: what somebody looks at is read; what they do not look at is counted, and told if they want that. */

import { Notifier } from "../io/notifier.js";
import { noticeOf } from "./notices.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */

/** Milliseconds between two read marks: what comes in quick succession is read together. */
const READS = 1000;

/** What one window is looked at with. */
export class Attention {
  notifier = new Notifier();
  #client;
  /** @type {number | undefined} */ #reading;
  /** @type {Map<Room, number>} up to where rooms are read, of which the server is to be told */ #untold = new Map();

  /** @param {Client} client */
  constructor(client) {
    this.#client = client;
  }

  /** Whether somebody looks at this window. */
  get here() {
    return !document.hidden && document.hasFocus();
  }

  /**
   * Takes in what the leader tells, once the chat has.
   * @param {any} told
   * @param {boolean} leads whether this window leads, and so shows what there is to be told
   */
  told(told, leads) {
    const { chat, prefs } = this.#client;
    if (told.what === "unread" && !told.unread) this.notifier.read(told.room);
    const notice = leads ? noticeOf(told, chat, prefs.chosen, { now: Date.now(), here: this.here }) : null;
    if (notice) this.notifier.show(notice).catch(() => {});
  }

  /** Notes that what is shown was looked at, if somebody looks. */
  looked() {
    const { chat } = this.#client, room = chat.rooms.get(chat.shown);
    this.notifier.looksAt(room && this.here ? room.room : "");
    if (room && !document.hidden) {
      if (room.isAtHead) this.#readSoon(room);
      this.#readThread(room);
    }
    this.titles();
  }

  /** @param {Room} room */
  #readSoon(room) {
    if (room.told < room.head) this.#untold.set(room, room.head);
    this.#reading ??= setTimeout(() => this.tellRead(), READS);
    if (room.unread) this.notifier.read(room.room);
    this.#client.chat.markRead(room);
  }

  /** Tells the server what is read: soon after it was, and before another room is looked at. */
  tellRead() {
    clearTimeout(this.#reading);
    this.#reading = undefined;
    for (const [room, seq] of this.#untold) {
      room.told = seq;
      this.#client.ask({ t: "read", room: room.room, seq }).catch(() => {});
    }
    this.#untold.clear();
  }

  /**
   * Tells the server that the thread is read which is shown beside room.
   * @param {Room} room
   */
  #readThread(room) {
    const { thread } = this.#client.chat;
    if (!thread?.isAtHead || thread.scrolled || !room.threads.unread(thread.root)) return;
    room.threads.count(thread.root, 0);
    this.#client.ask({ t: "read", room: room.room, seq: thread.head, thread: thread.root }).catch(() => {});
  }

  /** Says in the title and the badge what is unread. */
  titles() {
    const { chat } = this.#client, { unread, mentions } = chat.counts, room = chat.rooms.get(chat.shown), badge = /** @type {any} */ (navigator);
    document.title = `${mentions ? `(${mentions}!) ` : unread ? `(${unread}) ` : ""}${room ? room.name : "chatd"}`;
    if (mentions || unread) badge.setAppBadge?.(mentions || undefined).catch(() => {});
    else badge.clearAppBadge?.().catch(() => {});
  }
}
