/** The sends: what goes from the outbox to the server, and what the answers make of it. */

import { fold } from "./names.js";

/** @typedef {import("./outbox.js").Entry} Entry */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./output.js").Output} Output */

/** Seconds between attempts to send while the server cannot store. */
const HOLD = 1;

/** Fills and empties the outbox, in which an earlier page may have left something. */
export class Sends {
  #outbox;
  #number;
  #out;
  #later;
  #inherited;
  /** @type {number | null} the second before which nothing is written: the server cannot store */ heldUntil = null;

  /**
   * @param {Outbox} outbox
   * @param {() => number} number hands out the ids of requests
   * @param {Output} out
   * @param {(seconds: number) => number} later makes the waits
   */
  constructor(outbox, number, out, later) {
    this.#outbox = outbox;
    this.#number = number;
    this.#out = out;
    this.#later = later;
    this.newest = this.#inherited = outbox.entries.reduce((most, entry) => Math.max(most, entry.key), 0);
  }

  /**
   * Appends a send; returns its key.
   * @param {string} room
   * @param {string} text
   * @param {Entry["act"]} act
   * @param {number} ref
   * @param {import("./wire.js").File | undefined} file
   */
  queue(room, text, act, ref, file) {
    this.newest += 1;
    this.#outbox.add({ key: this.newest, room, text, act, ref, ...(file && { file }) });
    this.#out.save();
    return this.newest;
  }

  /**
   * Takes back what is not known to be accepted.
   * @param {Set<number>} keys
   */
  withdraw(keys) {
    this.#outbox.withdraw(keys);
    this.#out.save();
  }

  /**
   * Takes back what waits for room, and tells that it was refused because of error.
   * @param {string} room
   * @param {import("./wire.js").Failure} error
   */
  giveUp(room, error) {
    const mine = this.#outbox.entries.filter((entry) => !entry.withdrawn && fold(entry.room) === fold(room));
    if (mine.length) this.withdraw(new Set(mine.map((entry) => entry.key)));
    for (const entry of mine) this.#tellRefused(entry, error);
  }

  /** The key of the first send without an answer, null where there is none. */
  get oldest() {
    return this.#outbox.entries.length ? this.#outbox.entries[0].key : null;
  }

  /**
   * Returns what may be written now, nothing behind key last and at most window unanswered.
   * @param {number} window
   * @param {number | null} last
   */
  requests(window, last) {
    const requests = [];
    if (this.heldUntil !== null) return [];
    while (this.#outbox.ready(window) && (last === null || this.#outbox.nextKey <= last)) {
      const id = this.#number(), { n, entry } = this.#outbox.write(id);
      requests.push(requestOf(id, n, entry));
    }
    return requests;
  }

  /**
   * Looks whether the server may be tried again.
   * @param {number} now
   */
  tick(now) {
    if (this.heldUntil !== null && now >= this.heldUntil) this.heldUntil = null;
  }

  /**
   * Takes out the send that ok says is durable.
   * @param {import("./wire.js").Ok} ok
   */
  accepted(ok) {
    const entry = this.#outbox.accepted(ok.id);
    if (!entry.withdrawn) {
      const seq = ok.seq ?? null, reacts = entry.act === "react" || entry.act === "unreact";
      const already = seq === null && reacts;
      this.#out.notify({ what: "accepted", key: entry.key, room: ok.room || entry.room, seq, ts: ok.ts ?? null, n: this.#outbox.last, already });
    }
    this.#out.save();
  }

  /**
   * Takes out the send that was written as request, or puts it off.
   * @param {number} request
   * @param {import("./wire.js").Failure} error
   * @param {number} now
   */
  refused(request, error, now) {
    const after = error.retry_after ?? null;
    if (error.code === "out-of-order") this.#outbox.outOfOrder(request);
    else if (error.code === "storage-unavailable" || after !== null) this.#putOff(request, error, after ?? HOLD, now);
    else this.#give(request, error);
  }

  /**
   * @param {number} request
   * @param {import("./wire.js").Failure} error
   * @param {number} after
   * @param {number} now
   */
  #putOff(request, error, after, now) {
    if (!this.#outbox.putOff(request)) return;
    const wait = this.#later(after);
    this.heldUntil = now + wait;
    this.#out.reason = error.text;
    this.#out.notify({ what: "held", reason: error.text, seconds: wait });
    this.#out.save();
  }

  /**
   * @param {number} request
   * @param {import("./wire.js").Failure} error
   */
  #give(request, error) {
    const entry = this.#outbox.refused(request);
    if (entry === null) return;
    this.#out.save();
    if (!entry.withdrawn) this.#tellRefused(entry, error);
  }

  /**
   * @param {Entry} entry
   * @param {import("./wire.js").Failure} error
   */
  #tellRefused(entry, error) {
    this.#out.notify({ what: "refused", key: entry.key, room: entry.room, text: entry.text, code: error.code, reason: error.text, ...(entry.file && { file: entry.file }) });
  }

  /**
   * Takes out what the server accepted up to last.
   * @param {number} last
   */
  resume(last) {
    for (const { n, entry } of this.#outbox.resume(last))
      this.#out.notify({ what: "accepted", key: entry.key, room: entry.room, seq: null, ts: null, n, already: false });
  }

  /** Forgets what an earlier page left, without deleting it: it was meant for another server. */
  abandon() {
    this.#outbox.abandon(this.#inherited);
  }
}

/**
 * Returns the request with that id that entry is, as the n-th of the session.
 * @param {number} id
 * @param {number} n
 * @param {Entry} entry
 */
function requestOf(id, n, { act, room, text, ref, file }) {
  if (act === "edit") return { t: "edit", id, n, room, seq: ref, text };
  if (act) return { t: "react", id, n, room, seq: ref, emoji: text, ...(act === "unreact" && { off: true }) };
  return { t: "send", id, n, room, text, ...(file && { file }), ...(ref && { ref }) };
}
