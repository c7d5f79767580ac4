/** Liveness arithmetic: when to ping, when a peer is dead, how long a round trip takes. */

/** @typedef {"alive" | "ping" | "dead"} Verdict */

/** One side's view of its peer: interval seconds of silence ask for a ping, misses silent intervals mean dead. */
export class Heartbeat {
  #heard;
  #said;
  #pinged;

  /**
   * @param {number} interval
   * @param {number} misses
   * @param {number} now
   */
  constructor(interval, misses, now) {
    this.interval = interval;
    this.misses = misses;
    this.#heard = this.#said = this.#pinged = now;
  }

  /** The seconds of silence after which the peer is dead. */
  get limit() {
    return this.interval * this.misses;
  }

  /** @param {number} now */
  heard(now) {
    this.#heard = now;
  }

  /** @param {number} now */
  said(now) {
    this.#said = now;
  }

  /**
   * Begins the silence anew: we were not listening.
   * @param {number} now
   */
  forgive(now) {
    this.#heard = now;
  }

  /** Returns when check will have something to say, if nothing is heard or said before. */
  dueAt() {
    return Math.min(this.#deadAt(), this.#pingAt());
  }

  /**
   * Returns what to do now. A returned ping counts as said.
   * @param {number} now
   * @returns {Verdict}
   */
  check(now) {
    if (now >= this.#deadAt()) return "dead";
    if (now < this.#pingAt()) return "alive";
    this.#said = this.#pinged = now;
    return "ping";
  }

  // The same sums serve check and dueAt: differences would round otherwise, and who wakes at dueAt would find
  // nothing to do yet, and wake again, and again.

  #deadAt() {
    return this.#heard + this.limit;
  }

  #pingAt() {
    return Math.min(Math.max(this.#heard, this.#pinged), this.#said) + this.interval;
  }
}

/** The measured round trip: smoothed mean and variance, in seconds (RFC 6298 section 2). */
export class RoundTrip {
  /** @type {number | null} */ #mean = null;
  #variance = 0;

  /** @param {number} sample */
  measured(sample) {
    if (this.#mean === null) {
      this.#mean = sample;
      this.#variance = sample / 2;
      return;
    }
    this.#variance += (Math.abs(this.#mean - sample) - this.#variance) / 4;
    this.#mean += (sample - this.#mean) / 8;
  }

  /**
   * Returns after how many seconds an unanswered ping is suspicious, least at the least.
   * @param {number} least
   */
  patience(least) {
    return this.#mean === null ? least : Math.max(least, 4 * (this.#mean + this.#variance));
  }
}
