/**
 * Replay: a restored log gives events again; the trail of what was seen tells which of them are news.
 *
 * The latest events seen are known one by one. Of older ones only some are: what comes is held until the next
 * of them tells whether all up to it had been seen.
 */

/** @typedef {import("./trail.js").Trail} Trail */
/** @typedef {import("./wire.js").Event} Event */

/** Events that are held at the most; if there are more, they are shown, whether they were seen or not. */
const HELD = 8192;

/** What comes of one room behind an event that was seen, until the histories part. */
export class Replay {
  /** @type {{event: Event, check: string}[]} */ held = [];
  #trail;

  /** @param {Trail} trail what was seen */
  constructor(trail) {
    this.#trail = trail;
  }

  /**
   * Holds an event; returns whether all that is held had been seen, null while that is not known.
   * @param {Event} event
   * @param {string} check
   * @param {number} head where the log ends as far as is known: nothing comes behind it that would tell
   */
  take(event, check, head) {
    this.held.push({ event, check });
    if (this.#trail.knows(event.seq, check)) return true;
    const known = this.#trail.has(event.seq) || event.seq > this.#trail.last;
    return known || event.seq >= head || this.held.length >= HELD ? false : null;
  }

  /** Begins anew: another link brings the events from the cursor on. */
  again() {
    this.held = [];
  }
}
