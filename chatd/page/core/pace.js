/**
 * The pace: how many bytes of files may be under way on one connection, so that chat never waits behind them.
 *
 * It goes by delay, as LEDBAT (RFC 6817) and Vegas do: as long as chunks arrive about as fast as when nothing else
 * was under way, more may be under way; when they take longer, a queue has built up and less may.
 */

/** Bytes of one file under way that are not received, at the most. */
export const WINDOW = 1_048_576;

/** Bytes of the largest chunk: its frame fits into one read of 64 KiB. */
export const LARGEST_CHUNK = 61_440;

/** Bytes that may always be under way, and of the smallest chunk. */
const MIN_BUDGET = 2048, MIN_CHUNK = 1024;

/** Seconds that chunks may take longer than over an idle link, and after which the shortest delay is measured anew. */
const TARGET = 0.02, MEMORY = 10;

/** The share of the bytes arrived by which the budget grows, and of the target below which a delay says nothing. */
const GAIN = 0.5, UNFELT = 0.1;

/** On a long way, the budget is sent so much faster than it arrives that it has room to grow. */
const HURRY = 1.5;

/** The budget of one connection, shared by all its transfers; it is told what was sent and what arrived. */
export class Pace {
  underWay = 0;
  budget = MIN_BUDGET;
  chunk = MIN_CHUNK;
  #probing = true;
  #settled = false;
  #alone = false;
  #shortest = 0;
  #since = 0;
  #touched = 0;
  #next = 0;

  /** @param {number} now */
  #begin(now) {
    this.budget = MIN_BUDGET;
    this.chunk = MIN_CHUNK;
    this.#probing = true;
    this.#settled = this.#alone = false;
    this.#shortest = 0;
    this.#since = this.#touched = this.#next = now;
  }

  /**
   * Returns how many bytes may be sent now: nothing, or at least a chunk.
   * @param {number} now
   */
  room(now) {
    if (!this.underWay) return this.chunk;
    if (this.#probing || now < this.#next) return 0;
    const room = Math.trunc(this.budget) - this.underWay;
    return room >= this.chunk ? room : 0;
  }

  /**
   * Returns for how many seconds nothing may be sent although there is room; else 0.
   * @param {number} now
   */
  wait(now) {
    if (this.#probing || !this.underWay || Math.trunc(this.budget) - this.underWay < this.chunk) return 0;
    return Math.max(0, this.#next - now);
  }

  /**
   * Counts size bytes as under way.
   * @param {number} size
   * @param {number} now
   */
  sent(size, now) {
    if (!this.underWay && now - this.#touched > MEMORY) this.#begin(now);
    this.#alone = !this.underWay;
    this.#touched = now;
    this.underWay += size;
    if (this.#shortest > TARGET) this.#next = Math.max(this.#next, now) + (size * this.#shortest) / (this.budget * HURRY);
  }

  /**
   * Counts size bytes as under way again.
   * @param {number} size
   */
  count(size) {
    this.underWay += size;
  }

  /**
   * Counts size bytes as no longer under way, although nobody has confirmed them.
   * @param {number} size
   */
  forget(size) {
    this.underWay = Math.max(0, this.underWay - size);
  }

  /**
   * Learns that size bytes have arrived, the last of which was sent at sentAt.
   * @param {number} size
   * @param {number} sentAt
   * @param {number} now
   */
  received(size, sentAt, now) {
    const full = this.underWay + 2 * this.chunk > this.budget;
    this.forget(size);
    this.#touched = now;
    const delay = Math.max(now - sentAt, 1e-9);
    if (this.#probing) {
      if (this.#alone && !this.underWay) this.#measured(delay, now);
      return;
    }
    this.#shortest = Math.min(this.#shortest, delay);
    this.#adjust(size, delay, full);
    if (now - this.#since >= MEMORY) {
      this.#probing = true;
      this.chunk = MIN_CHUNK;
    }
  }

  /**
   * Takes the delay of a chunk that had the link for itself.
   * @param {number} delay
   * @param {number} now
   */
  #measured(delay, now) {
    this.#probing = false;
    this.#shortest = delay;
    this.#since = this.#next = now;
    this.#resize();
  }

  /**
   * @param {number} size
   * @param {number} delay
   * @param {boolean} full
   */
  #adjust(size, delay, full) {
    const off = 1 - (delay - this.#shortest) / TARGET;
    if (off < 0) this.#settled = true;
    else if (!full) return; // it was not used up: that all went well says nothing about more
    this.budget = Math.min(Math.max(this.budget + this.#gain(off, delay) * off * size, MIN_BUDGET), WINDOW);
    this.#resize();
  }

  /**
   * Returns how strongly the budget follows: less on a long way, where the answer comes late.
   * @param {number} off
   * @param {number} delay
   */
  #gain(off, delay) {
    if (!this.#settled) return off > 1 - UNFELT ? 1 : GAIN;
    return (off > 0 ? GAIN : 1) * Math.min(1, TARGET / delay);
  }

  /** Makes chunks a quarter of the budget, and no longer than a quarter of what the delay may grow by. */
  #resize() {
    const quarter = (this.budget * Math.min(1, TARGET / this.#shortest)) / 4;
    this.chunk = Math.trunc(Math.min(Math.max(quarter, MIN_CHUNK), LARGEST_CHUNK));
  }
}
