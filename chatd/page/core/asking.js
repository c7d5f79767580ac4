/**
 * Requests that wait for their answers: asked again on the next link where asking twice does no harm.
 *
 * One person has one order: what was entered first takes effect first. Texts and commands wait in two places, so
 * each request knows the last send that was entered before it (its after).
 *
 * - A request that changes something is written once every send before it is answered, for a refused send would
 *   else come back behind it, and so is every such request before it. Joins may follow joins at once: the server
 *   takes them in order, and a join that is asked twice has no second effect.
 * - A send is written once every such request before it is answered; a join only has to be written.
 * - A request that only looks is written behind what changes something, but does not wait for sends.
 * - A read mark goes at once, and so does a join that the machine itself asks for when a link begins.
 * - A topic whose answer was lost waits until all is seen that the room has: if our own is among that, it was
 *   done, and asking again might undo what somebody else has set since.
 */

import { fold } from "./names.js";

/** @typedef {import("./wire.js").Request} Request */

/** Requests that change nothing, but see what those before them have changed. */
const LOOKING = new Set(["list", "members", "history", "search", "threads", "acts", "sessions", "certificates"]);

/** Requests whose repetition has no second effect. */
const REPEATABLE = new Set([
  ...LOOKING, "join", "leave", "topic", "nick", "read", "set", "status", "follow-thread", "remove", "block", "allow", "add-certificate",
]);

/** A request without its answer; wanted marks a join that the machine itself asked for. */
class Asked {
  written = false;
  again = false;
  head = 0;

  /**
   * @param {Request} message
   * @param {string} wanted
   * @param {number} after
   */
  constructor(message, wanted, after) {
    this.message = message;
    this.wanted = wanted;
    this.after = after;
  }

  /** Whether it has its place in the order of what a person enters. */
  get changing() {
    return !this.wanted && this.message.t !== "read" && !LOOKING.has(this.message.t);
  }

  /** Whether what was entered behind it has to wait. */
  get holding() {
    return !(this.written && this.message.t === "join");
  }
}

/** All requests without an answer, in the order they were asked, by id. */
export class Asking {
  /** @type {Map<number, Asked>} */ asked = new Map();
  #next = 1;

  /** Returns an unused request id. */
  number() {
    return this.#next++;
  }

  /**
   * Gives message its id, and remembers it as not yet written; returns the id.
   * @param {Request} message
   * @param {{wanted?: string, after?: number}} options
   */
  add(message, { wanted = "", after = 0 } = {}) {
    const id = this.number();
    this.asked.set(id, new Asked({ ...message, id }, wanted, after));
    return id;
  }

  /**
   * Returns what may be written to the present link now, and takes it as written.
   * @param {number | null} first the key of the first send without an answer
   * @param {(room: string) => boolean} behind whether the link has not brought yet all that a room had
   */
  writable(first, behind) {
    const found = [];
    let open = false, holding = false, unwritten = false;
    for (const asked of this.asked.values()) {
      const { t, room } = asked.message;
      if (!asked.written) {
        let waits = unwritten && LOOKING.has(t);
        if (asked.changing) {
          waits = (t === "join" ? holding : open) || (first !== null && first <= asked.after);
          if (asked.again && t === "topic") waits = waits || behind(room);
        }
        if (!waits) {
          asked.written = true;
          found.push(asked);
        }
      }
      if (asked.changing) {
        open = true;
        holding = holding || asked.holding;
        unwritten = unwritten || !asked.written;
      }
    }
    return found;
  }

  /** Returns the key of the last send that may be written now; null if any may. */
  lastSend() {
    for (const asked of this.asked.values()) if (asked.changing && asked.holding) return asked.after;
    return null;
  }

  /** Whether a request that changes something waits to be written. */
  get delayed() {
    return [...this.asked.values()].some((one) => one.changing && !one.written);
  }

  /** Returns the rooms that were left on an earlier link, as far as anybody knows. */
  leaving() {
    return [...this.asked.values()].filter((one) => one.again && one.message.t === "leave").map((one) => one.message.room);
  }

  /**
   * Returns the request that has set the topic of event seq, as is seen now; no answer came.
   * @param {string} room
   * @param {string} text
   * @param {number} seq
   */
  seenTopic(room, text, seq) {
    for (const [id, { message, again, written, head }] of this.asked)
      if (message.t === "topic" && again && !written && seq > head && message.text === text && fold(message.room) === fold(room))
        return id;
    return null;
  }

  /**
   * Marks no event of room beyond seq as read: those that were seen are not there any more.
   * @param {string} room
   * @param {number} seq
   */
  unread(room, seq) {
    for (const asked of this.asked.values()) {
      const { t, room: of, seq: read } = asked.message;
      if (t === "read" && of === room && read > seq) asked.message = { ...asked.message, seq };
    }
  }

  /**
   * Takes out the request that id names.
   * @param {number} id
   */
  answered(id) {
    const asked = this.asked.get(id) ?? null;
    this.asked.delete(id);
    return asked;
  }

  /** Notes that the link is gone; returns, and forgets, what cannot be asked again. */
  restart() {
    const lost = [];
    for (const [id, asked] of this.asked) {
      if (asked.wanted || (asked.written && !REPEATABLE.has(asked.message.t))) {
        this.asked.delete(id);
        if (!asked.wanted) lost.push(id);
      } else if (asked.written) {
        asked.written = false;
        asked.again = true;
      }
    }
    return lost;
  }
}
