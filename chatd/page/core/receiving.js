/** One file that is being received, over one link after the other. */

import { Incoming } from "./incoming.js";
import { ProtocolError } from "./wire.js";

/** @typedef {import("./wire.js").File} File */
/** @typedef {import("./output.js").Effect} Effect */

/**
 * A download. number names it on the present link, 0 where it was not asked for there.
 *
 * It is asked for without an offset at first: only the answer tells which file it is, and so how much of it an
 * earlier page has left. Until that is known nothing is said to be received. incoming is what the link has brought of
 * it once it is agreed on. The errands are done in order, so none is answered for an older link once that has settled.
 */
export class Receiving {
  /** @type {import("./sending.js").Stage} */ stage = "waiting";
  reason = "";
  number = 0;
  request = 0;
  retryAt = 0;
  done = 0;
  finishing = false;
  /** @type {File | null} */ file = null;
  /** @type {Incoming | null} */ incoming = null;
  #open = false;
  #finding = false;
  #settling = false;
  #writing = false;
  /** @type {Uint8Array[]} */ #pending = [];

  /**
   * @param {number} key
   * @param {string} room
   * @param {number} seq
   */
  constructor(key, room, seq) {
    this.key = key;
    this.room = room;
    this.seq = seq;
  }

  /** Whether all has come, and is being looked at. */
  get verifying() {
    return this.finishing;
  }

  /** Whether it can be asked for on a link: not before it is known what of it lies here. */
  get ready() {
    return !(this.#finding || this.#settling || this.finishing);
  }

  /**
   * Returns the request that begins it, or goes on, on the present link.
   * @param {number} request
   * @param {number} number
   */
  ask(request, number) {
    Object.assign(this, { request, number });
    return { t: "download", id: request, transfer: number, room: this.room, seq: this.seq, ...(this.done > 0 && { offset: this.done }) };
  }

  /**
   * Returns whether the answer tells of another file than before: an older copy was restored there.
   * @param {import("./wire.js").Ok} ok
   */
  differs({ file }) {
    return Boolean(this.file && file) && (file.sha256 !== this.file?.sha256 || file.size !== this.file?.size);
  }

  /**
   * Takes the file that the answer tells of.
   * @param {import("./wire.js").Ok} ok
   * @param {number} window
   * @returns {Effect[]}
   */
  accepted({ file, offset, seq }, window) {
    if (!file || offset !== this.done || offset > file.size) throw new ProtocolError("It answers a download without a file, or from elsewhere.");
    if ((seq ?? this.seq) !== this.seq) throw new ProtocolError("It answers a download with another file.");
    this.file ??= /** @type {File} */ (file);
    this.incoming = new Incoming(this.number, file.size, offset, window);
    if (this.#open) return this.errands();
    this.#finding = true;
    return [{ do: "find", key: this.key, file: this.file }];
  }

  /**
   * Notes that its place holds stored bytes; returns whether to ask anew, from there on.
   * @param {number} stored
   */
  found(stored) {
    this.#open = true;
    this.#finding = false;
    this.done = stored;
    return stored > 0;
  }

  /**
   * Takes in a chunk.
   * @param {number} offset
   * @param {Uint8Array} data
   */
  take(offset, data) {
    if (!this.incoming) return;
    this.incoming.chunk(offset, data.length);
    this.#pending.push(data);
  }

  /**
   * Returns what is to be done with what has come.
   * @returns {Effect[]}
   */
  errands() {
    if (this.#writing || this.#settling || this.finishing || !this.#open) return [];
    if (this.#pending.length) {
      this.#writing = true;
      const data = this.#pending;
      this.#pending = [];
      return [{ do: "keep", key: this.key, data }];
    }
    if ((this.incoming?.written ?? this.done) !== this.file?.size) return [];
    this.finishing = true;
    return [{ do: "finish", key: this.key }];
  }

  /**
   * Notes how much is written, and on the disk; where the link is gone, settled will tell.
   * @param {number} written
   * @param {number} stored
   */
  kept(written, stored) {
    if (!this.incoming) return;
    this.#writing = false;
    this.done = stored;
    this.incoming.wrote(written);
    this.incoming.keep(stored);
  }

  /** Returns what the server is to be told, if there is news. */
  progress() {
    return this.#open ? (this.incoming?.due() ?? null) : null;
  }

  /**
   * Notes that the link is gone, or the transfer is given up; stores what has come of it.
   * @returns {Effect[]}
   */
  brokenOff() {
    const data = this.#pending;
    this.forgetLink();
    if (this.finishing || this.#settling || !this.#open) return [];
    this.#settling = true;
    return [...(data.length ? [{ do: /** @type {const} */ ("keep"), key: this.key, data }] : []), { do: "settle", key: this.key }];
  }

  /** Notes that the transfer is given up because it began elsewhere than where our disk ends. */
  forgetLink() {
    this.number = this.request = 0;
    this.incoming = null;
    this.#pending = [];
  }

  /**
   * Notes how much is on the disk now that the link is gone.
   * @param {number} stored
   */
  settled(stored) {
    this.#settling = this.#writing = false;
    this.done = stored;
  }

  /** Returns what the server is to be told now that the file is in its place. */
  finished() {
    this.incoming?.finish();
    return this.incoming?.due() ?? null;
  }
}
