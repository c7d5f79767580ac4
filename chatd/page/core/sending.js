/** One file that is being sent, over one link after the other. */

import { Outgoing } from "./outgoing.js";
import { ProtocolError } from "./wire.js";

/** @typedef {import("./wire.js").File} File */
/** @typedef {"waiting" | "offering" | "sending" | "receiving" | "verifying"} Stage how far a file is */

/**
 * An upload. number names it on the present link, 0 where it was not asked for there; outgoing is what the link has
 * of it once it is agreed on. run changes with every such agreement: what was read for an older one is of no use.
 */
export class Sending {
  /** @type {Stage} */ stage = "waiting";
  reason = "";
  number = 0;
  request = 0;
  retryAt = 0;
  run = 0;
  /** @type {Outgoing | null} */ outgoing = null;
  #stored = 0;

  /**
   * @param {number} key
   * @param {File} file
   */
  constructor(key, file) {
    this.key = key;
    this.file = file;
  }

  /** How many bytes are safe on the server's disk, as far as is known. */
  get done() {
    return this.outgoing?.stored ?? this.#stored;
  }

  /** Whether the server has all of it, verified and on its disk. */
  get complete() {
    return this.outgoing?.stored === this.file.size;
  }

  /** Whether all has arrived, and the server looks whether it is right. */
  get verifying() {
    return this.outgoing?.received === this.file.size;
  }

  /** Whether it can be asked for on a link. */
  get ready() {
    return true;
  }

  /**
   * Returns the request that begins it, or goes on, on the present link.
   * @param {number} request
   * @param {number} number
   */
  ask(request, number) {
    Object.assign(this, { request, number });
    return { t: "upload", id: request, transfer: number, size: this.file.size, sha256: this.file.sha256 };
  }

  /**
   * Goes on where the server's disk ends.
   * @param {import("./wire.js").Ok} ok
   * @param {number} window
   */
  accepted(ok, window) {
    if (typeof ok.offset !== "number" || ok.offset > this.file.size) throw new ProtocolError("It says that it has more of a file than there is.");
    this.run += 1;
    return (this.outgoing = new Outgoing(this.number, this.file.size, ok.offset, window));
  }

  /** Notes that the link is gone, or the server gave it up; returns what was under way on the link. */
  brokenOff() {
    const { outgoing } = this;
    this.#stored = this.done;
    this.outgoing = null;
    this.number = this.request = 0;
    return outgoing;
  }

  /**
   * Returns what is to be read now, about so many bytes, if anything.
   * @param {number} about
   */
  fetch(about) {
    const wanted = this.outgoing?.wants(about) ?? null;
    return wanted && { do: /** @type {const} */ ("fetch"), key: this.key, run: this.run, ...wanted };
  }

  /**
   * Takes in what was read for run.
   * @param {number} run
   * @param {Uint8Array} data
   */
  fetched(run, data) {
    if (run === this.run) this.outgoing?.filled(data);
  }
}
