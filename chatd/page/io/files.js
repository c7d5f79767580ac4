/**
 * Files: what windows have chosen goes to the server and is posted, what they want comes into the browser.
 *
 * The machine carries the bytes over the links that come and go; here is what is done with them on this side. The
 * files for one room are posted in the order in which they were chosen; texts do not wait for them.
 */

import { SHOWN } from "../core/picture.js";

/** @typedef {import("../core/output.js").Errand} Errand */
/** @typedef {import("../core/transfers.js").Step} Step */
/** @typedef {import("./shelf.js").Upload} Upload */
/** @typedef {import("./shelf.js").Content} Content */
/** @typedef {import("../core/agreements.js").Moving} Moving */

/**
 * What windows are told of one file: how much of it is safe on the disk of the side that receives.
 * @typedef {{id: number, room: string, ref: number, name: string, size: number, done: number, stage: string, reason: string}} Going
 * @typedef {{sha256: string, size: number, done: number, stage: string}} Coming
 */

/** Times that a file is brought to a server which, when it is to be posted, has lost it again. */
const OFFERS = 3;

/** Files that are received at once, so that others may be sent meanwhile. */
const AT_ONCE = 2;

/** Bytes of a received file that gather before they are written down. */
const GATHER = 262_144;

/** Milliseconds between two words about how far files are. */
const TELL = 200;

/** A file that is sent. */
class Sent {
  /** The number of its present transfer, 0 while there is none. */
  key = 0;
  offers = 0;
  stage = "waiting";
  reason = "";
  /** @type {Blob | undefined} */ bytes;

  /** @param {Upload} upload */
  constructor(upload) {
    this.upload = upload;
  }
}

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

/**
 * What is needed of the driver.
 * @typedef {object} Port
 * @property {(step: Step) => void} step tells the machine
 * @property {(key: number) => Moving | undefined} moving returns how far a transfer is
 * @property {(upload: Upload) => number} post queues the post of an upload, and returns its key
 * @property {(key: number) => void} withdraw takes a post back
 * @property {() => Promise<void>} save has what changed written down; done when it is
 * @property {(told: {what: string, [more: string]: any}) => void} tell tells all windows
 */

/** All files of a session. */
export class Files {
  #shelf;
  #port;
  #count = 0;
  /** @type {Map<number, Sent>} in the order in which they were chosen */ #sent = new Map();
  /** @type {Map<string, Wanted>} by SHA-256 */ #wanted = new Map();
  /** @type {Map<number, Sent | Wanted>} by their transfers */ #moving = new Map();
  /** @type {Set<number>} */ #changed = new Set();
  /** @type {number[]} */ #over = [];
  /** @type {number | undefined} */ #telling;

  /**
   * @param {import("./shelf.js").Shelf} shelf
   * @param {Upload[]} uploads what an earlier page has left
   * @param {Set<number>} posts the keys of what waits in the outbox
   * @param {Port} port
   */
  constructor(shelf, uploads, posts, port) {
    this.#shelf = shelf;
    this.#port = port;
    for (const upload of uploads) {
      if (upload.key && !posts.has(upload.key)) this.#over.push(upload.id); // it was accepted
      else this.#take(upload);
    }
  }

  /** Begins to send what an earlier page has left. */
  start() {
    this.#next();
  }

  /** Returns how far all of them are. */
  get list() {
    const sent = [...this.#sent.values()].map(({ upload: { id, room, ref, file }, key, stage, reason }) => {
      const moving = this.#port.moving(key), all = stage === "posting" ? file.size : 0;
      return { id, room, ref, name: file.name, size: file.size, done: moving?.done ?? all, stage: moving?.stage ?? stage, reason: moving?.reason || reason };
    });
    const wanted = [...this.#wanted.values()].map(({ file: { sha256, size }, key }) => {
      const moving = this.#port.moving(key);
      return { sha256, size, done: moving?.done ?? 0, stage: moving?.stage ?? "waiting" };
    });
    return { sent, wanted };
  }

  /** Returns what must be written down about what is sent. */
  changes() {
    const kept = [...this.#changed].flatMap((id) => this.#sent.get(id)?.upload ?? []);
    const changes = { kept, sent: this.#over };
    this.#changed.clear();
    this.#over = [];
    return changes;
  }

  // ---- what is sent -------------------------------------------------------------------------------

  /**
   * Sends what a window has put on the shelf under id.
   * @param {number} id
   */
  async send(id) {
    const upload = this.#sent.has(id) ? undefined : await this.#shelf.upload(id);
    if (!upload || this.#sent.has(id)) return;
    this.#take(upload);
    this.#next();
    this.tell();
  }

  /** @param {Upload} upload */
  #take(upload) {
    const one = new Sent(upload);
    if (upload.key) one.stage = "posting";
    this.#sent.set(upload.id, one);
  }

  /**
   * Tries again what failed.
   * @param {number} id
   */
  again(id) {
    const one = this.#sent.get(id);
    if (one?.stage !== "failed") return;
    Object.assign(one, { stage: "waiting", reason: "", offers: 0 });
    this.#next();
    this.tell();
  }

  /**
   * Gives up what is sent; done once that is on the disk.
   * @param {number} id
   */
  async giveUp(id) {
    const one = this.#sent.get(id);
    if (!one) return;
    if (one.key) this.#port.step({ do: "drop", key: one.key });
    if (one.upload.key) this.#port.withdraw(one.upload.key);
    this.#forget(one);
    await this.#port.save();
    this.tell();
  }

  /** Begins with the first file for each room. */
  #next() {
    const busy = new Set();
    for (const one of this.#sent.values()) {
      const { room } = one.upload;
      if (one.stage === "failed" || one.stage === "posting" || busy.has(room)) continue;
      busy.add(room);
      if (!one.key && one.stage === "waiting") this.#begin(one, { do: "send", key: this.#number(), file: one.upload.file });
    }
  }

  #number() {
    return ++this.#count;
  }

  /**
   * @param {Sent | Wanted} one
   * @param {Step} step
   */
  #begin(one, step) {
    one.key = step.key;
    this.#moving.set(step.key, one);
    this.#port.step(step);
  }

  /**
   * Posts what the server has all of. What may be shown as a picture need not come from there.
   * @param {Sent} one
   */
  async #sentAll(one) {
    const { id, file } = one.upload;
    if (file.size <= SHOWN) {
      const bytes = one.bytes ?? (await this.#shelf.bytes(id).catch(() => undefined));
      if (bytes) await this.#shelf.seed(file, bytes).catch(() => {});
    }
    if (this.#sent.has(id)) this.#post(one);
    this.#next();
  }

  /** @param {Sent} one */
  #post(one) {
    one.stage = "posting";
    one.bytes = undefined;
    one.upload.key = this.#port.post(one.upload);
    this.#changed.add(one.upload.id);
  }

  /**
   * Hears what becomes of posts; returns whether a notice is about one of them.
   * @param {import("../core/output.js").Notice} notice
   */
  hears(notice) {
    if (notice.what !== "accepted" && notice.what !== "refused") return false;
    const one = [...this.#sent.values()].find(({ upload }) => upload.key === notice.key);
    if (!one) return false;
    if (notice.what === "accepted") this.#forget(one);
    else this.#refused(one, notice.code, notice.reason);
    this.tell();
    return true;
  }

  /** @param {Sent} one */
  #forget(one) {
    this.#sent.delete(one.upload.id);
    this.#over.push(one.upload.id);
    if (one.key) this.#moving.delete(one.key);
    queueMicrotask(() => this.#next());
  }

  /**
   * @param {Sent} one
   * @param {string} code
   * @param {string} reason
   */
  #refused(one, code, reason) {
    one.upload.key = 0;
    this.#changed.add(one.upload.id);
    one.offers += 1;
    if (code === "no-such-file" && one.offers < OFFERS) one.stage = "waiting";
    else Object.assign(one, { stage: "failed", reason });
    queueMicrotask(() => this.#next());
  }

  // ---- what is received ---------------------------------------------------------------------------

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
    for (const one of next) this.#begin(one, { do: "receive", key: this.#number(), room: one.room, seq: one.seq });
    this.tell();
  }

  // ---- errands ------------------------------------------------------------------------------------

  /**
   * Does what a transfer asks for.
   * @param {Errand} errand
   */
  perform(errand) {
    const one = this.#moving.get(errand.key);
    if (errand.do === "over") this.#ended(errand.key, one, errand.code, errand.text);
    else if (errand.do === "staged") this.tell();
    else if (one instanceof Sent && errand.do === "fetch") this.#do(errand.key, this.#read(one, errand));
    else if (one instanceof Wanted) {
      one.last = one.last.then(() => this.#do(errand.key, this.#done(one, errand)));
    }
  }

  /**
   * Tells the machine what came of an errand.
   * @param {number} key
   * @param {Promise<Step>} work
   */
  async #do(key, work) {
    let step;
    try {
      step = await work;
    } catch (error) {
      const { code = "unusable", message } = /** @type {any} */ (error);
      step = { do: /** @type {const} */ ("failed"), key, code, text: code === "unusable" ? `This browser cannot keep it: ${message}.` : message };
    }
    this.#port.step(step);
    this.tell();
  }

  /**
   * @param {Sent} one
   * @param {{key: number, run: number, offset: number, size: number}} errand
   * @returns {Promise<Step>}
   */
  async #read(one, { key, run, offset, size }) {
    one.bytes ??= await this.#shelf.bytes(one.upload.id);
    if (!one.bytes) throw problem("gone", "Its bytes are not there any more; choose the file again.");
    return { do: "fetched", key, run, data: new Uint8Array(await one.bytes.slice(offset, offset + size).arrayBuffer()) };
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
   * @param {number} key
   * @param {Sent | Wanted | undefined} one
   * @param {string} code
   * @param {string} text
   */
  #ended(key, one, code, text) {
    this.#moving.delete(key);
    if (!one) return;
    one.key = 0;
    if (one instanceof Wanted) {
      this.#wanted.delete(one.file.sha256);
      for (const { resolve, reject } of one.waiters) code ? reject(problem(code, text)) : resolve(undefined);
      queueMicrotask(() => this.#fetch());
    } else {
      if (code) Object.assign(one, { stage: "failed", reason: text });
      else one.stage = "verifying";
      queueMicrotask(() => (code ? this.#next() : this.#sentAll(one)));
    }
    this.tell();
  }

  /** Tells all windows soon how far all of them are. */
  tell() {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#port.tell({ what: "files", files: this.list });
    }, TELL);
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
 * @param {string} code
 * @param {string} text
 */
function problem(code, text) {
  return Object.assign(new Error(text), { code });
}
