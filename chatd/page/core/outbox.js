/**
 * The outbox: sends in order, their numbers, and which of them are on their way.
 *
 * A number is not stored with a send: it is the last accepted one, plus one, plus the send's position. So a
 * refusal, which consumes no number, renumbers everything behind it, and a welcome that says what was accepted
 * drops exactly that many from the front.
 */

import { OutOfStepError } from "./problems.js";

/** Letters of text unanswered at once: enough for any link, too little to choke a slow one for minutes. */
const FLIGHT = 262_144;

/**
 * One send that is not known to be accepted; withdrawn ones only hold the place of their number.
 * @typedef {{key: number, room: string, text: string, act: "" | "edit" | "react" | "unreact", ref: number, withdrawn?: boolean, file?: import("./wire.js").File}} Entry
 */

/** What waits to be accepted, behind last, the last number known to be accepted. */
export class Outbox {
  /** @type {Entry[]} */ entries;
  #renumbered = false;
  /** @type {Map<number, number | null>} */ #asked = new Map();
  /** @type {Map<number, Entry>} */ #fresh = new Map();
  /** @type {Map<number, Entry>} */ #marked = new Map();
  /** @type {number[]} */ #deleted = [];
  #letters = 0;
  #flying = 0;
  #doubtful;

  /**
   * @param {Entry[]} entries
   * @param {number} last
   */
  constructor(entries, last) {
    this.entries = [...entries];
    this.last = last;
    this.#doubtful = entries.length;
  }

  /**
   * Appends one send.
   * @param {Entry} entry
   */
  add(entry) {
    this.entries.push(entry);
    this.#fresh.set(entry.key, entry);
  }

  /** Returns what changed since the last call; what came and went in between is in neither list. */
  changes() {
    const changes = { stored: [...this.#marked.values(), ...this.#fresh.values()], deleted: this.#deleted };
    this.#marked.clear();
    this.#fresh.clear();
    this.#deleted = [];
    this.#renumbered = false;
    return changes;
  }

  /** Whether something must be written down before anything is sent. */
  get unsaved() {
    return this.#renumbered || this.#fresh.size > 0;
  }

  /** How many of the first entries were written to the present link. */
  get inFlight() {
    return this.#flying;
  }

  /** Whether something waits to be written, and all is on disk that must be before. */
  get sendable() {
    return this.#flying < this.entries.length && !this.unsaved;
  }

  /**
   * Returns whether one more send may be written, at most window being unanswered.
   * @param {number} window
   */
  ready(window) {
    return this.#flying < this.entries.length && this.#asked.size < window && this.#letters < FLIGHT;
  }

  /** The key of the entry that is written next, of which there must be one. */
  get nextKey() {
    return this.entries[this.#flying].key;
  }

  /**
   * Returns the number and the entry to be written as request.
   * @param {number} request
   */
  write(request) {
    const entry = this.entries[this.#flying];
    this.#flying += 1;
    this.#doubtful = Math.max(this.#doubtful, this.#flying);
    this.#letters += entry.text.length;
    const n = this.last + this.#flying;
    this.#asked.set(request, n);
    return { n, entry };
  }

  /**
   * Returns whether request is a send.
   * @param {number} request
   */
  asked(request) {
    return this.#asked.has(request);
  }

  /**
   * Takes out the entry written as request; throws OutOfStepError if it is not the first.
   * @param {number} request
   */
  accepted(request) {
    if (this.#take(request) !== this.last + 1) throw new OutOfStepError();
    return this.#pop();
  }

  /**
   * Takes out the entry written as request; null if it was behind a refusal and stays.
   * @param {number} request
   */
  refused(request) {
    if (!this.#turnedBack(request)) return null;
    const entry = /** @type {Entry} */ (this.entries.shift());
    this.#gone(entry);
    this.#renumbered = true;
    this.#purge();
    return entry;
  }

  /**
   * Keeps the entry written as request, to be written again; returns false if it is anyway.
   * @param {number} request
   */
  putOff(request) {
    if (!this.#turnedBack(request)) return false;
    this.#purge();
    return true;
  }

  /**
   * Notes that request had the wrong number; throws OutOfStepError unless that was foreseen.
   * @param {number} request
   */
  outOfOrder(request) {
    if (this.#take(request) !== null) throw new OutOfStepError();
  }

  /** Forgets what is on its way: the link is gone, and with it the answers. */
  restart() {
    this.#asked.clear();
    this.#flying = this.#letters = 0;
  }

  /**
   * Returns, and takes out, what the server accepted up to last, with its numbers.
   *
   * Only entries that were ever on their way can be meant. Withdrawn ones go without a word.
   * @param {number} last
   */
  resume(last) {
    this.restart();
    const first = this.last + 1, count = Math.min(Math.max(last - this.last, 0), this.#doubtful);
    const accepted = Array.from({ length: count }, (_, i) => ({ n: first + i, entry: this.#pop() }));
    this.#begin(last);
    return accepted.filter(({ entry }) => !entry.withdrawn);
  }

  /**
   * Keeps every entry for another session, whose last accepted number is last.
   * @param {number} last
   */
  renumber(last) {
    this.restart();
    this.#begin(last);
  }

  /**
   * Forgets the entries up to key without deleting them: they were meant for another server.
   * @param {number} key
   */
  abandon(key) {
    this.entries = this.entries.filter((entry) => entry.key > key);
  }

  /**
   * Takes back sends: those that no server can have seen vanish, others keep their number's place.
   * @param {Set<number>} keys
   */
  withdraw(keys) {
    this.entries = this.entries.flatMap((entry, position) => {
      if (!keys.has(entry.key)) return [entry];
      if (position < this.#doubtful) return [this.#mark(entry)];
      this.#gone(entry);
      this.#renumbered = true;
      return [];
    });
  }

  /** @param {number} request */
  #take(request) {
    const n = this.#asked.get(request) ?? null;
    this.#asked.delete(request);
    return n;
  }

  /** @param {number} request */
  #turnedBack(request) {
    const n = this.#take(request);
    if (n === null) return false;
    if (n !== this.last + 1) throw new OutOfStepError();
    for (const id of this.#asked.keys()) this.#asked.set(id, null);
    this.#flying = this.#doubtful = this.#letters = 0;
    return true;
  }

  /** @param {Entry} entry */
  #mark(entry) {
    const marked = { ...entry, withdrawn: true };
    (this.#fresh.has(entry.key) ? this.#fresh : this.#marked).set(entry.key, marked);
    return marked;
  }

  /** @param {Entry} entry */
  #gone(entry) {
    if (this.#fresh.delete(entry.key)) return;
    this.#marked.delete(entry.key);
    this.#deleted.push(entry.key);
  }

  /** @param {number} last */
  #begin(last) {
    this.last = last;
    this.#doubtful = 0;
    this.#purge();
  }

  #purge() {
    const withdrawn = this.entries.filter((entry) => entry.withdrawn);
    if (withdrawn.length) this.entries = this.entries.filter((entry) => !entry.withdrawn);
    for (const entry of withdrawn) {
      this.#gone(entry);
      this.#renumbered = true;
    }
  }

  #pop() {
    const entry = /** @type {Entry} */ (this.entries.shift());
    this.#gone(entry);
    this.last += 1;
    if (this.#flying) {
      this.#flying -= 1;
      this.#letters -= entry.text.length;
    }
    this.#doubtful = Math.max(this.#doubtful - 1, 0);
    return entry;
  }
}
