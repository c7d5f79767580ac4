/** When to try again: full jitter, slower after answers than after silence. */

/** Pairs: until so many seconds of trouble, delays after silence are drawn from up to so many seconds. */
const SILENCE = [[300, 2], [1800, 10], [Infinity, 30]];

/** After silence of a server that has named its return: at least these seconds, at most this part of the time since. */
const EXPECTED_LEAST = 0.25, EXPECTED_PART = 0.25;

/** Seconds: the first answered failure draws from this range, each further one from twice the range before. */
const ANSWER_BASE = 0.5;

/** Pairs: until so many seconds of trouble, the widest range after answered failures, in seconds. */
const ANSWER_CAPS = [[300, 5], [Infinity, 30]];

/** Seconds: no server can send a client away for longer. */
const SLOT_CAP = 3600;

/** Part of a slot, and seconds at the most, by which a client comes later than named: others may have been named the same. */
const JITTER = 0.1, MAX_JITTER = 5;

/** Seconds after what only people at the other end can mend: the first delay, doubled up to the second. */
const STUBBORN = [10, 60];

/** Seconds that every delay has at the least. */
const LEAST = 0.1;

/** Seconds a link must be up after its welcome before earlier failures are forgotten. */
export const STEADY = 10;

/** The delays before attempts. */
export class Backoff {
  #answers = 0;
  #stubborn = 0;
  /** @type {number | null} */ #since = null;
  /** @type {number | null} */ #named = null;
  #uniform;

  /** @param {(low: number, high: number) => number} uniform draws a number from a range */
  constructor(uniform) {
    this.#uniform = uniform;
  }

  /**
   * Returns the delay after an attempt that reached nobody: it burdens nobody to try again soon.
   * @param {number} now
   */
  afterSilence(now) {
    let widest = this.#cap(SILENCE, now);
    if (this.#named !== null) widest = Math.min(widest, Math.max(EXPECTED_LEAST, EXPECTED_PART * (now - this.#named)));
    return Math.max(LEAST, this.#uniform(0, widest));
  }

  /**
   * Returns the delay after a refusal or a close: not before the slot that the server named.
   * @param {number} now
   * @param {number | null} slot
   */
  afterAnswer(now, slot) {
    const widest = Math.min(this.#cap(ANSWER_CAPS, now), ANSWER_BASE * 2 ** Math.min(this.#answers, 10));
    this.#answers += 1;
    this.#named = slot === null ? null : now;
    return slot === null ? Math.max(LEAST, this.#uniform(0, widest)) : this.later(slot);
  }

  /**
   * Returns a delay that ends a little after so many seconds, never before: others may wait as long.
   * @param {number} slot
   */
  later(slot) {
    slot = Math.max(slot, LEAST);
    return Math.min(slot + this.#uniform(0, Math.min(slot * JITTER, MAX_JITTER)), SLOT_CAP);
  }

  /** Returns a slot after an answer that hardly anybody mends soon. */
  stubborn() {
    const [first, widest] = STUBBORN;
    this.#stubborn += 1;
    return Math.min(widest, first * 2 ** Math.min(this.#stubborn - 1, 10));
  }

  /**
   * @param {number[][]} caps
   * @param {number} now
   */
  #cap(caps, now) {
    if (this.#since === null) this.#since = now;
    const trouble = now - this.#since;
    return /** @type {number[]} */ (caps.find(([until]) => trouble < until))[1];
  }

  /** Forgets all failures: a link was up for STEADY seconds. */
  reset() {
    this.#answers = this.#stubborn = 0;
    this.#since = this.#named = null;
  }
}
