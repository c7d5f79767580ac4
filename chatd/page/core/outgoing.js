/** Sending: decides which bytes of a file go out next, and which of a connection's files has its turn. */

import { LARGEST_CHUNK, Pace } from "./pace.js";
import { ProtocolError } from "./wire.js";

/** Bytes that are read of a file at once, at the most and at the least; a transfer holds two blocks. */
const BLOCK = 4 * LARGEST_CHUNK, SMALL_BLOCK = 16_384;

/** Seconds until the next look if nothing could be done in time. */
const SOON = 0.02;

/** Seconds without progress after which the bytes under way are taken to wait for the receiver's disk. */
const STILL = 5;

/**
 * One file on its way out, from byte offset on: sent bytes were written, the other side has received and stored so
 * many. heard is the second of the last progress of the bytes under way; those aside are not counted as on the link.
 */
export class Outgoing {
  heard = 0;
  aside = false;
  #read;
  #held = 0;
  #reading = false;
  /** @type {Uint8Array[]} */ #blocks = [];
  /** @type {[number, number][]} */ #stamps = [];

  /**
   * @param {number} transfer
   * @param {number} size
   * @param {number} offset
   * @param {number} window
   */
  constructor(transfer, size, offset, window) {
    this.transfer = transfer;
    this.size = size;
    this.window = window;
    this.sent = this.received = this.stored = this.#read = offset;
  }

  /** How many bytes were sent and not received. */
  get underWay() {
    return this.sent - this.received;
  }

  /** Whether a chunk could go out now. */
  get ready() {
    return this.#held > 0 && this.underWay < this.window && !this.aside;
  }

  /**
   * Returns offset and number of the bytes to read next, about so many; null for the moment.
   *
   * The bytes must be handed to filled before wants is called again.
   * @param {number} about
   */
  wants(about) {
    if (this.#reading || this.#held > Math.min(about, BLOCK) || this.#read >= this.size) return null;
    this.#reading = true;
    return { offset: this.#read, size: Math.min(this.size - this.#read, BLOCK, Math.max(SMALL_BLOCK, Math.trunc(about))) };
  }

  /**
   * Takes in the bytes that were read; the reader makes sure that they are all that was asked for.
   * @param {Uint8Array} data
   */
  filled(data) {
    this.#reading = false;
    this.#read += data.length;
    this.#held += data.length;
    if (data.length) this.#blocks.push(data);
  }

  /** Lets go of all bytes: the transfer has ended. */
  drop() {
    this.#blocks = [];
    this.#stamps = [];
    this.#held = 0;
  }

  /**
   * Returns the next chunk as its offset and at most limit bytes; only to be called when ready.
   * @param {number} limit
   * @param {number} now
   */
  take(limit, now) {
    if (this.sent === this.received) this.heard = now;
    const block = this.#blocks[0], offset = this.sent;
    const size = Math.min(block.length, limit, this.received + this.window - this.sent);
    if (size === block.length) this.#blocks.shift();
    else this.#blocks[0] = block.subarray(size);
    this.sent += size;
    this.#held -= size;
    this.#stamps.push([this.sent, now]);
    return { offset, data: block.subarray(0, size) };
  }

  /**
   * Learns what the other side has; returns how many bytes are new, and when the last of them was sent. Throws
   * ProtocolError if so many bytes were never sent.
   * @param {number} received
   * @param {number} stored
   */
  progress(received, stored) {
    if (received > this.sent || stored > received) throw new ProtocolError("A progress tells of bytes that were never sent.");
    this.stored = Math.max(this.stored, stored);
    const news = received - this.received;
    if (news <= 0) return null;
    this.received = received;
    let sentAt = this.#stamps[0][1];
    while (this.#stamps.length && this.#stamps[0][0] <= received) [[, sentAt]] = this.#stamps.splice(0, 1);
    return { news, sentAt };
  }
}

/** The files that one connection sends. They take turns, one chunk each, at the connection's pace. */
export class Turns {
  pace = new Pace();
  /** @type {Map<number, Outgoing>} */ transfers = new Map();
  /** @type {Outgoing[]} */ #waiting = [];

  /**
   * Lets outgoing take part.
   * @param {Outgoing} outgoing
   */
  add(outgoing) {
    this.transfers.set(outgoing.transfer, outgoing);
    this.#waiting.push(outgoing);
  }

  /**
   * Lets outgoing take part no longer, and does not count what it has under way.
   * @param {Outgoing} outgoing
   */
  remove(outgoing) {
    if (this.transfers.delete(outgoing.transfer)) {
      this.#waiting = this.#waiting.filter((one) => one !== outgoing);
      if (!outgoing.aside) this.pace.forget(outgoing.underWay);
    }
    outgoing.drop();
  }

  /**
   * Returns the next chunk to write: its file, its offset, its bytes. Null for the moment.
   * @param {number} now
   */
  next(now) {
    if (!this.pace.room(now) && !(this.#setAside(now) && this.pace.room(now))) return null;
    for (let turn = this.#waiting.length; turn > 0; turn--) {
      const outgoing = /** @type {Outgoing} */ (this.#waiting.shift());
      this.#waiting.push(outgoing);
      if (!outgoing.ready) continue;
      const { offset, data } = outgoing.take(this.pace.chunk, now);
      this.pace.sent(data.length, now);
      return { transfer: outgoing.transfer, offset, data };
    }
    return null;
  }

  /**
   * Returns the seconds until next may have a chunk if no other event will cause a look; else 0.
   * @param {number} now
   */
  wait(now) {
    if (!this.#waiting.some((one) => one.ready)) return 0;
    const wait = this.pace.wait(now);
    if (wait || !this.#starving || this.pace.room(now)) return wait;
    const heard = this.#waiting.filter((one) => one.underWay && !one.aside).map((one) => one.heard);
    return heard.length ? Math.max(Math.min(...heard) + STILL - now, SOON) : 0;
  }

  /** Whether some file has a chunk ready and nothing under way. */
  get #starving() {
    return this.#waiting.some((one) => one.ready && !one.underWay);
  }

  /**
   * Stops waiting for files that confirm nothing; returns whether there were any.
   *
   * The bytes that they have under way have reached the receiver and wait for its disk, not for the link. Nothing
   * more is sent of these files until progress comes.
   * @param {number} now
   */
  #setAside(now) {
    if (!this.#starving) return false;
    const still = this.#waiting.filter((one) => one.underWay && !one.aside && now - one.heard >= STILL);
    for (const outgoing of still) {
      outgoing.aside = true;
      this.pace.forget(outgoing.underWay);
    }
    return still.length > 0;
  }

  /**
   * Takes in what the server has of one of them, unless that has ended. Throws ProtocolError.
   * @param {{transfer: number, received: number, stored: number}} progress
   * @param {number} now
   */
  progress({ transfer, received, stored }, now) {
    const outgoing = this.transfers.get(transfer), come = outgoing?.progress(received, stored);
    if (!outgoing || !come) return;
    outgoing.heard = now;
    if (outgoing.aside) {
      outgoing.aside = false;
      this.pace.count(outgoing.underWay);
    } else this.pace.received(come.news, come.sentAt, now);
  }
}
