/**
 * Transfers: files on their way in both directions, over the links that come and go.
 *
 * What comes on the link, what was done with the files, and the time go in; messages and chunks to be written and
 * errands to be done with the files come out.
 */

import { Agreements } from "./agreements.js";
import { Receiving } from "./receiving.js";
import { Sending } from "./sending.js";
import { ProtocolError } from "./wire.js";

/** Bytes of chunks that are written at once; then it is looked at what else wants to be written. */
const BURST = 131_072;

/** Bytes of a chunk before those of the file: the transfer in four, the offset in eight. */
const HEAD = 12;

/**
 * Inputs that begin or end a transfer, or tell what became of one of its errands.
 * @typedef {{do: "send", key: number, file: import("./wire.js").File}} Send bring file to the server; key was never used before
 * @typedef {{do: "receive", key: number, room: string, seq: number}} Receive have the file of an event sent
 * @typedef {{do: "drop", key: number}} Drop no errand names it from now on
 * @typedef {{do: "fetched", key: number, run: number, data: Uint8Array}} Fetched the answer to fetch
 * @typedef {{do: "found", key: number, stored: number}} Found the answer to find: so many bytes of it lie here already
 * @typedef {{do: "kept", key: number, written: number, stored: number}} Kept the answer to keep
 * @typedef {{do: "settled", key: number, stored: number}} Settled the answer to settle, after its link was lost
 * @typedef {{do: "finished", key: number}} Finished the answer to finish: it is verified and in its place
 * @typedef {{do: "failed", key: number, code: string, text: string}} Failed the answer to any errand: it cannot go on
 * @typedef {Send | Receive | Drop | Fetched | Found | Kept | Settled | Finished | Failed} Step
 */

/** All transfers. While there are none, and no words of their agreements, nothing is to be done. */
export class Transfers {
  /** @type {Map<number, import("./agreements.js").Moving>} */ all = new Map();
  #out;
  #chunkAt = 0;

  /**
   * @param {() => number} number hands out the ids of requests
   * @param {import("./output.js").Output} out
   * @param {(seconds: number) => number} later makes the waits
   */
  constructor(number, out, later) {
    this.agreements = new Agreements(this.all, number, out, later);
    this.#out = out;
  }

  // ---- steps of the program, and of the files -----------------------------------------------------

  /**
   * Begins or ends a transfer, or takes in what became of an errand.
   * @param {Step} step
   */
  step(step) {
    if (step.do === "send") this.all.set(step.key, new Sending(step.key, step.file));
    else if (step.do === "receive") this.all.set(step.key, new Receiving(step.key, step.room, step.seq));
    else if (step.do === "drop") this.agreements.drop(step.key);
    else if (step.do === "failed") this.agreements.fail(step.key, step.code, step.text);
    else {
      const moving = this.all.get(step.key);
      if (moving instanceof Sending && step.do === "fetched") moving.fetched(step.run, step.data);
      else if (moving instanceof Receiving) this.#received(moving, step);
    }
  }

  /**
   * @param {Receiving} moving
   * @param {Step} step
   */
  #received(moving, step) {
    if (step.do === "finished") {
      const progress = moving.finished();
      if (progress) this.agreements.words.push(progress);
      this.agreements.end(moving.key);
      return;
    }
    if (step.do === "found" && moving.found(step.stored) && moving.number) this.agreements.askAnew(moving);
    else if (step.do === "kept") moving.kept(step.written, step.stored);
    else if (step.do === "settled") moving.settled(step.stored);
    this.#out.add(...moving.errands());
    this.agreements.see(moving);
  }

  // ---- what comes on the link ---------------------------------------------------------------------

  /**
   * Takes in what the server has of what we send.
   * @param {{transfer: number, received: number, stored: number}} progress
   * @param {number} now
   */
  progress(progress, now) {
    this.agreements.turns.progress(progress, now);
    const moving = this.agreements.numbered(progress.transfer);
    if (moving) this.agreements.see(moving);
  }

  /**
   * Takes in a part of a file; one that is wanted no more may still have been on its way. Throws ProtocolError.
   * @param {Uint8Array} bytes the transfer, the offset, and what belongs there
   */
  chunk(bytes) {
    if (bytes.length <= HEAD) throw new ProtocolError("A chunk is empty.");
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD);
    const moving = this.agreements.numbered(view.getUint32(0));
    if (!(moving instanceof Receiving)) return;
    moving.take(view.getUint32(4) * 2 ** 32 + view.getUint32(8), bytes.subarray(HEAD));
    this.#out.add(...moving.errands());
  }

  // ---- what goes out ------------------------------------------------------------------------------

  /** Returns the times at which there may be something to write, if nothing happens before. */
  due() {
    return [...this.agreements.retries(), ...(this.#chunkAt ? [this.#chunkAt] : [])];
  }

  /** Returns what the server is to be told now: small messages, which it does not answer. */
  told() {
    const told = this.agreements.words;
    this.agreements.words = [];
    for (const moving of this.all.values()) {
      const progress = moving instanceof Receiving && moving.progress();
      if (progress) told.push(progress);
    }
    return told;
  }

  /**
   * Returns the chunks that may be written now, each transfer's in turn, and reads ahead.
   * @param {number} now
   */
  chunks(now) {
    const { turns } = this.agreements, chunks = [];
    for (let written = 0, turn; written < BURST && (turn = turns.next(now)); written += turn.data.length) chunks.push(turn);
    for (const moving of this.all.values()) {
      const errand = moving instanceof Sending && moving.fetch(turns.pace.budget);
      if (errand) this.#out.add(errand);
    }
    const wait = turns.wait(now);
    this.#chunkAt = wait ? now + wait : 0;
    return chunks;
  }
}

/**
 * Returns what a chunk is on the wire.
 * @param {{transfer: number, offset: number, data: Uint8Array}} chunk
 */
export function packed({ transfer, offset, data }) {
  const bytes = new Uint8Array(HEAD + data.length), view = new DataView(bytes.buffer);
  view.setUint32(0, transfer);
  view.setUint32(4, Math.floor(offset / 2 ** 32));
  view.setUint32(8, offset % 2 ** 32);
  bytes.set(data, HEAD);
  return bytes;
}
