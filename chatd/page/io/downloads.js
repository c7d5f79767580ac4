/** Downloads: files that windows want come into the browser, each once and verified. */

/** @typedef {import("../core/output.js").Errand} Errand */
/** @typedef {import("../core/transfers.js").Step} Step */
/** @typedef {import("./shelf.js").Content} Content */

/** Files that are received at once, so that others may be sent meanwhile. */
const AT_ONCE = 2;

/** Bytes of a received file that gather before they are written down. */
const GATHER = 262_144;

/** A file that is received for whoever waits. */
class Wanted {
  key = 0;
  /** @type {Content | null} */ content = null;
  /** @type {Uint8Array[]} */ gathered = [];
  size = 0;
  /** @type {Promise<any>} what is being done with the bytes, one after the other */ last = Promise.resolve();
  /** @type {{resolve: (value: any) => void, reject: (why: Error) => void}[]} */ waiters = [];

  /**
   * @param {string} room
   * @param {number} seq
   * @param {import("../core/wire.js").File} file
   */
  constructor(room, seq, file) {
    this.room = room;
    this.seq = seq;
    this.file = file;
  }
}

/** All that is received in a session. */
export class Downloads {
  #shelf;
  #port;
  #hand;
  /** @type {Map<string, Wanted>} by SHA-256 */ #wanted = new Map();

  /**
   * @param {import("./shelf.js").Shelf} shelf
   * @param {import("./files.js").Port} port
   * @param {import("./files.js").Hand} hand
   */
  constructor(shelf, port, hand) {
    this.#shelf = shelf;
    this.#port = port;
    this.#hand = hand;
  }

  /** Returns how far all of them are. */
  get list() {
    return [...this.#wanted.values()].map(({ file: { sha256, size }, key }) => {
      const moving = this.#port.moving(key);
      return { sha256, size, done: moving?.done ?? 0, stage: moving?.stage ?? "waiting" };
    });
  }

  /**
   * Has a file brought into the browser; done when all of it is there and right.
   * @param {string} room
   * @param {number} seq the event that posts it
   * @param {import("../core/wire.js").File} file as that event says
   * @param {boolean} first somebody waits for it
   * @returns {Promise<void>}
   */
  async get(room, seq, file, first) {
    if ((await this.#shelf.content(file.sha256))?.whole) return;
    let one = this.#wanted.get(file.sha256);
    if (!one) this.#wanted.set(file.sha256, (one = new Wanted(room, seq, file)));
    if (first) this.#wanted = new Map([[file.sha256, one], ...this.#wanted]);
    const { waiters } = one;
    const over = new Promise((resolve, reject) => waiters.push({ resolve, reject }));
    this.#fetch();
    await over;
  }

  /** Begins to receive what is wanted, a few at once. */
  #fetch() {
    const under = [...this.#wanted.values()].filter((one) => one.key).length;
    const next = [...this.#wanted.values()].filter((one) => !one.key).slice(0, Math.max(0, AT_ONCE - under));
    for (const one of next) this.#hand.begin(this, one, (key) => ({ do: "receive", key, room: one.room, seq: one.seq }));
    this.#hand.tell();
  }

  // ---- the transfer -------------------------------------------------------------------------------

  /**
   * Does what a transfer asks for, one thing after the other.
   * @param {Wanted} one
   * @param {Errand} errand
   */
  perform(one, errand) {
    one.last = one.last.then(() => this.#hand.answer(errand.key, this.#done(one, errand)));
  }

  /**
   * @param {Wanted} one
   * @param {Errand} errand
   * @returns {Promise<Step>}
   */
  async #done(one, errand) {
    const { key } = errand;
    if (errand.do === "find") {
      const { sha256, size } = errand.file;
      if (sha256 !== one.file.sha256 || size !== one.file.size) throw problem("file-changed", "There is another file under that number now; look for it in the history.");
      one.content = (await this.#shelf.content(sha256)) ?? { sha256, size, stored: 0, touched: 0, whole: false };
      return { do: "found", key, stored: one.content.stored };
    }
    const content = /** @type {Content} */ (one.content);
    if (errand.do === "keep") {
      one.gathered.push(...errand.data);
      one.size += errand.data.reduce((sum, part) => sum + part.length, 0);
      const written = content.stored + one.size;
      if (one.size >= GATHER) await this.#write(one, content);
      return { do: "kept", key, written, stored: content.stored };
    }
    await this.#write(one, content);
    if (errand.do === "settle") return { do: "settled", key, stored: content.stored };
    const bytes = await (await this.#shelf.blob(content.sha256)).arrayBuffer();
    if ((await digest(bytes)) !== content.sha256) {
      await this.#shelf.discard(content.sha256);
      throw problem("hash-mismatch", "What came is not what was posted, and was not kept; get it again.");
    }
    await this.#shelf.finish(content);
    return { do: "finished", key };
  }

  /**
   * @param {Wanted} one
   * @param {Content} content
   */
  async #write(one, content) {
    const data = one.gathered;
    if (!one.size) return;
    one.gathered = [];
    one.size = 0;
    await this.#shelf.add(content, data);
  }

  /**
   * Goes on behind the end of a transfer; a code tells that it failed.
   * @param {Wanted} one
   * @param {string} code
   * @param {string} text
   */
  ended(one, code, text) {
    this.#wanted.delete(one.file.sha256);
    for (const { resolve, reject } of one.waiters) code ? reject(problem(code, text)) : resolve(undefined);
    queueMicrotask(() => this.#fetch());
  }
}

/**
 * Returns the SHA-256 of bytes in hexadecimal digits.
 * @param {ArrayBuffer} bytes
 */
export async function digest(bytes) {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...sum].map((one) => one.toString(16).padStart(2, "0")).join("");
}

/**
 * Returns what a transfer fails with.
 * @param {string} code
 * @param {string} text
 */
function problem(code, text) {
  return Object.assign(new Error(text), { code });
}
