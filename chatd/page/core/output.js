/** The output of the client's state machine: the effects that its parts answer an input with, in order. */

/**
 * What the machine asks its surroundings to do; links are named by their numbers.
 * @typedef {{do: "connect", link: number, delay: number}} Connect open a transport after so many seconds; the later holds
 * @typedef {{do: "write", link: number, messages: object[]}} Write
 * @typedef {{do: "close", link: number, politely: boolean}} Close nothing more is heard of it; politely lets written words out first
 * @typedef {{do: "notify", notice: Notice}} Notify tell the program
 * @typedef {{do: "reply", id: number, answer: object | null}} Reply request id was answered or, with null, never will be
 * @typedef {{do: "save", urgent: boolean}} Save what must survive has changed; urgent: something waits for it to be on disk
 * @typedef {{do: "chunk", link: number, transfer: number, offset: number, data: Uint8Array}} Chunk write a part of a file
 * @typedef {{do: "fetch", key: number, run: number, offset: number, size: number}} Fetch read so much of what transfer key sends
 * @typedef {{do: "find", key: number, file: import("./wire.js").File}} Find find a place for what it brings; tell how much of that is there
 * @typedef {{do: "keep", key: number, data: Uint8Array[]}} Keep write what follows; tell how much is written, and on the disk
 * @typedef {{do: "settle", key: number}} Settle bring to the disk what was written, and tell how much of it is there
 * @typedef {{do: "finish", key: number}} Finish verify what was written, and put it in its place
 * @typedef {{do: "over", key: number, code: string, text: string}} Over a transfer has ended: well without a code
 * @typedef {{do: "staged", key: number}} Staged a transfer has come into another stage
 * @typedef {Fetch | Find | Keep | Settle | Finish | Over | Staged} Errand what concerns one transfer
 * @typedef {Connect | Write | Chunk | Close | Notify | Reply | Save | Errand} Effect
 * @typedef {{what: string, [more: string]: any}} Notice
 */

/** Effects that are to be performed; reason says, for people, what went wrong last. */
export class Output {
  reason = "";
  /** @type {Effect[]} */ #effects = [];
  #changed = false;

  /** @param {Effect[]} effects */
  add(...effects) {
    this.#effects.push(...effects);
  }

  /**
   * Writes what the server answers at once.
   * @param {import("./link.js").Link} link
   * @param {object[]} messages
   * @param {number} now
   */
  write(link, messages, now) {
    link.asked(now);
    this.add({ do: "write", link: link.number, messages });
  }

  /**
   * Writes what the server does not answer.
   * @param {import("./link.js").Link} link
   * @param {object[]} messages
   * @param {number} now
   */
  say(link, messages, now) {
    link.said(now);
    this.add({ do: "write", link: link.number, messages });
  }

  /**
   * Writes a part of a file.
   * @param {import("./link.js").Link} link
   * @param {{transfer: number, offset: number, data: Uint8Array}} chunk
   * @param {number} now
   */
  chunk(link, chunk, now) {
    link.said(now);
    this.add({ do: "chunk", link: link.number, ...chunk });
  }

  /**
   * Tells the program.
   * @param {Notice | null} notice
   */
  notify(notice) {
    if (notice !== null) this.add({ do: "notify", notice });
  }

  /**
   * Tells who asked request id; null: the answer never comes.
   * @param {number} id
   * @param {object | null} answer
   */
  reply(id, answer) {
    this.add({ do: "reply", id, answer });
  }

  /** Has what changed written down, behind everything else. */
  save() {
    this.#changed = true;
  }

  /**
   * Returns all effects since the last call; urgent says if something waits for what changed.
   * @param {() => boolean} urgent
   */
  taken(urgent) {
    if (this.#changed) {
      this.#changed = false;
      this.add({ do: "save", urgent: urgent() });
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
