/** Receiving: checks that each chunk is the expected one, and decides what the sender is told. */

import { ProtocolError } from "./wire.js";

/**
 * One file on its way in, from byte offset on: received bytes have come, written were given to the browser, stored
 * lie on the disk.
 */
export class Incoming {
  #told;

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
    this.received = this.written = this.stored = offset;
    this.#told = { received: offset, stored: offset };
  }

  /**
   * Takes in a chunk of length bytes at offset; throws ProtocolError.
   * @param {number} offset
   * @param {number} length
   */
  chunk(offset, length) {
    const end = offset + length;
    if (offset !== this.received || end > this.size || end > this.#told.received + this.window)
      throw new ProtocolError(`A chunk of transfer ${this.transfer} is not the one that has to follow.`);
    this.received = end;
  }

  /**
   * Learns that the first written bytes were given to the browser.
   * @param {number} written
   */
  wrote(written) {
    this.written = Math.max(this.written, written);
  }

  /**
   * Learns that the first stored bytes lie on the disk; the last ones count once all are right.
   * @param {number} stored
   */
  keep(stored) {
    if (stored < this.size) this.stored = Math.max(this.stored, stored);
  }

  /** Learns that everything is verified and in its place. */
  finish() {
    this.written = this.stored = this.size;
  }

  /**
   * Returns the progress that the sender has not been told yet, or null. While more than half a window waits for
   * the disk, the sender is not told to go on: a slow disk slows it.
   */
  due() {
    const told = this.#told, waits = this.received - this.written > Math.floor(this.window / 2);
    const received = waits ? told.received : this.received;
    if (received === told.received && this.stored === told.stored) return null;
    this.#told = { received: Math.max(received, this.stored), stored: this.stored };
    return { t: "progress", transfer: this.transfer, ...this.#told };
  }
}
