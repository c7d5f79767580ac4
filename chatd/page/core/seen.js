/** What was seen of the rooms: cursors, and what tells one history from another; it outlives the page. */

import { Trail } from "./trail.js";

/** Per room the cursor, the last event that was handed over, and the trail of those before it. */
export class Seen {
  /** @type {Map<string, number>} */ cursors;
  /** @type {Map<string, Trail>} */ #trails;
  /** @type {Set<string>} */ #changed = new Set();

  /**
   * @param {Iterable<[string, number]>} cursors
   * @param {Iterable<[string, Trail]>} trails
   */
  constructor(cursors, trails) {
    this.cursors = new Map(cursors);
    this.#trails = new Map(trails);
  }

  /**
   * Returns what is known of the events seen of room.
   * @param {string} room
   */
  trail(room) {
    return this.#trails.get(room) ?? new Trail();
  }

  /**
   * Notes that an event is handed over.
   * @param {string} room
   * @param {number} seq
   * @param {string} check
   */
  take(room, seq, check) {
    this.cursors.set(room, seq);
    this.note(room, seq, check);
  }

  /**
   * Notes the check of an event that was seen.
   * @param {string} room
   * @param {number} seq
   * @param {string} check
   */
  note(room, seq, check) {
    const trail = this.trail(room);
    trail.add(seq, check);
    this.#trails.set(room, trail);
    this.#changed.add(room);
  }

  /**
   * Moves the cursor of room, without an event.
   * @param {string} room
   * @param {number} seq
   */
  move(room, seq) {
    this.cursors.set(room, seq);
    this.#changed.add(room);
  }

  /**
   * Forgets what was seen of room behind event seq: it is not in the log any more.
   * @param {string} room
   * @param {number} seq
   */
  cut(room, seq) {
    this.#trails.set(room, this.trail(room).cut(seq));
  }

  /**
   * Forgets everything of room.
   * @param {string} room
   */
  forget(room) {
    this.#trails.delete(room);
    if (this.cursors.delete(room)) this.#changed.add(room);
  }

  /** Forgets everything. */
  forgetAll() {
    for (const room of this.cursors.keys()) this.#changed.add(room);
    this.cursors.clear();
    this.#trails.clear();
  }

  /** Returns what changed since the last call: cursors with their trails; null where one is forgotten. */
  changed() {
    const changed = [...this.#changed].map((room) => ({ room, cursor: this.cursors.get(room) ?? null, trail: this.trail(room) }));
    this.#changed.clear();
    return changed;
  }
}
