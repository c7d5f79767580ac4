/** Threads: a message and all that replies to it, beside the room; which of them are followed. */

import { Run } from "./run.js";

/** @typedef {import("../core/wire.js").Event} Event */

/** A thread that is looked at; root is the number of its first event. */
export class Thread extends Run {
  mark = "t";
  #room;

  /**
   * @param {string} room
   * @param {number} root
   * @param {{nick: string}} whose
   */
  constructor(room, root, whose) {
    super(whose);
    this.#room = room;
    this.root = root;
    this.first = root;
  }

  get where() {
    return { room: this.#room, thread: this.root };
  }

  /**
   * Takes in an event of the room: one more reply, or something about one that is here.
   * @param {Event} event
   * @param {boolean} own
   */
  take(event, own) {
    if (event.room !== this.#room) return;
    this.heed(event);
    if (event.thread !== this.root) return;
    const follows = this.high > 0 && this.isAtHead && event.seq > this.high;
    this.head = Math.max(this.head, event.seq);
    if (follows) this.follow(event, own);
  }
}

/** What is unread in the threads of a room that are followed. */
export class Followed {
  /** @type {Map<number, number>} how much is unread, by their first events */ #unread = new Map();

  /**
   * Takes over what the server says of a thread.
   * @param {{thread: number, unread: number, following: boolean}} told
   */
  take({ thread, unread, following }) {
    if (following) this.#unread.set(thread, unread);
    else this.#unread.delete(thread);
  }

  /**
   * Takes over how much is unread in a thread, if it is followed.
   * @param {number} thread
   * @param {number} unread
   */
  count(thread, unread) {
    if (this.#unread.has(thread)) this.#unread.set(thread, unread);
  }

  /** Notes that all of the room is read, and its threads with it. */
  read() {
    for (const thread of this.#unread.keys()) this.#unread.set(thread, 0);
  }

  /** @param {number} thread */
  has(thread) {
    return this.#unread.has(thread);
  }

  /** @param {number} thread */
  unread(thread) {
    return this.#unread.get(thread) ?? 0;
  }

  /** What is unread in all of them. */
  get sum() {
    let sum = 0;
    for (const unread of this.#unread.values()) sum += unread;
    return sum;
  }

  /** What another window has to know. */
  get told() {
    return [...this.#unread].map(([thread, unread]) => ({ thread, unread, following: true }));
  }
}
