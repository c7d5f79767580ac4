/**
 * Counts: what of a room is unread, for all devices of the user together.
 *
 * The server tells it as of some event, with the welcome and wherever it changes otherwise than by what is said.
 * What is said behind that event is counted here. So both sides have the same numbers at any moment.
 */

import { fold } from "./names.js";

/** @typedef {import("./wire.js").Event} Event */

/** The kinds of events that count, whoever said it. */
const COUNTED = new Set(["message", "file"]);

/** Mentions that are counted at the most. */
const MOST_MENTIONS = 100;

/** Replies of one thread that are counted at the most. */
const MOST_REPLIES = 1000;

/** What events call everybody. */
const EVERYBODY = "*";

/**
 * What is unread of one room behind read; upto is the last event that is counted in it. unread is null where the
 * server does not count; mentions are those of us by others, mention is the first one's event, or 0.
 */
export class Counts {
  read = 0;
  /** @type {number | null} */ unread = null;
  mentions = 0;
  mention = 0;
  /** @type {Map<number, {read: number, unread: number, upto: number}>} the threads that we follow, by their first events */ threads = new Map();
  #nick = "";
  #upto = 0;

  /**
   * Takes over what the server says when a link begins to follow the room, as nick.
   * @param {import("./wire.js").RoomState} state
   * @param {string} nick
   */
  begin({ head, read = 0, unread, mentions = 0, mention = 0 }, nick) {
    this.#nick = nick;
    this.#upto = head;
    Object.assign(this, { read, unread: unread ?? null, mentions, mention });
  }

  /**
   * Takes over what the server says meanwhile.
   * @param {{head: number, read?: number, unread?: number, mentions?: number, mention?: number}} told
   */
  correct({ head, read = 0, unread = 0, mentions = 0, mention = 0 }) {
    this.#upto = Math.max(this.#upto, head);
    Object.assign(this, { read, unread, mentions, mention });
  }

  /**
   * Takes over what the server says of a thread.
   * @param {{thread: number, head: number, read?: number, unread?: number, off?: boolean}} told
   */
  follow({ thread, head, read = 0, unread = 0, off = false }) {
    if (off) this.threads.delete(thread);
    else this.threads.set(thread, { read, unread, upto: head });
  }

  /**
   * Counts an event, unless that is done.
   * @param {Event} event
   */
  take(event) {
    const thread = event.thread && COUNTED.has(event.kind) ? this.threads.get(event.thread) : undefined;
    if (thread && event.seq > thread.upto) {
      thread.upto = event.seq;
      thread.unread = Math.min(thread.unread + 1, MOST_REPLIES);
    }
    if (event.seq <= this.#upto) return;
    this.#upto = event.seq;
    if (COUNTED.has(event.kind)) {
      if (this.unread !== null) this.unread += 1;
      if (event.mentions?.length && !this.#isOurs(event) && this.#namesUs(event.mentions)) {
        this.mentions = Math.min(this.mentions + 1, MOST_MENTIONS);
        this.mention ||= event.seq;
      }
    } else if (event.kind === "nick" && this.#isOurs(event)) this.#nick = event.text ?? "";
  }

  /**
   * Returns whether an event that has just come gives us another nick.
   * @param {Event} event
   */
  renamesUs(event) {
    return event.kind === "nick" && event.seq > this.#upto && this.#isOurs(event);
  }

  /** What is unread, to be told. */
  get told() {
    const { read, unread, mentions, mention } = this;
    return { read, unread, mentions, mention };
  }

  /** @param {Event} event */
  #isOurs(event) {
    return fold(event.by) === fold(this.#nick);
  }

  /** @param {string[]} mentions */
  #namesUs(mentions) {
    const nick = fold(this.#nick);
    return mentions.some((one) => one === EVERYBODY || fold(one) === nick);
  }
}
