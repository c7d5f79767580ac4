/**
 * Uploads: what windows have chosen goes to the server and is posted.
 *
 * The files for one room are posted in the order in which they were chosen; texts do not wait for them.
 */

import { SHOWN } from "../core/picture.js";

/** @typedef {import("./shelf.js").Upload} Upload */
/** @typedef {import("../core/transfers.js").Step} Step */

/** Times that a file is brought to a server which, when it is to be posted, has lost it again. */
const OFFERS = 3;

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

/** All that is sent in a session. */
export class Uploads {
  #shelf;
  #port;
  #hand;
  /** @type {Map<number, Sent>} in the order in which they were chosen */ #sent = new Map();
  /** @type {Set<number>} */ #changed = new Set();
  /** @type {number[]} */ #over = [];

  /**
   * @param {import("./shelf.js").Shelf} shelf
   * @param {Upload[]} uploads what an earlier page has left
   * @param {Set<number>} posts the keys of what waits in the outbox
   * @param {import("./files.js").Port} port
   * @param {import("./files.js").Hand} hand
   */
  constructor(shelf, uploads, posts, port, hand) {
    this.#shelf = shelf;
    this.#port = port;
    this.#hand = hand;
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
    return [...this.#sent.values()].map(({ upload: { id, room, ref, file }, key, stage, reason }) => {
      const moving = this.#port.moving(key), all = stage === "posting" ? file.size : 0;
      return { id, room, ref, name: file.name, size: file.size, done: moving?.done ?? all, stage: moving?.stage ?? stage, reason: moving?.reason || reason };
    });
  }

  /** Returns what must be written down about what is sent. */
  changes() {
    const kept = [...this.#changed].flatMap((id) => this.#sent.get(id)?.upload ?? []);
    const changes = { kept, sent: this.#over };
    this.#changed.clear();
    this.#over = [];
    return changes;
  }

  /**
   * Sends what a window has put on the shelf under id.
   * @param {number} id
   */
  async send(id) {
    const upload = this.#sent.has(id) ? undefined : await this.#shelf.upload(id);
    if (!upload || this.#sent.has(id)) return;
    this.#take(upload);
    this.#next();
    this.#hand.tell();
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
    this.#hand.tell();
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
    this.#hand.tell();
  }

  /** Begins with the first file for each room. */
  #next() {
    const busy = new Set();
    for (const one of this.#sent.values()) {
      const { room } = one.upload;
      if (one.stage === "failed" || one.stage === "posting" || busy.has(room)) continue;
      busy.add(room);
      if (!one.key && one.stage === "waiting") this.#hand.begin(this, one, (key) => ({ do: "send", key, file: one.upload.file }));
    }
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
    this.#hand.tell();
    return true;
  }

  /** @param {Sent} one */
  #forget(one) {
    this.#sent.delete(one.upload.id);
    this.#over.push(one.upload.id);
    if (one.key) this.#hand.end(one.key);
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

  // ---- the transfer -------------------------------------------------------------------------------

  /**
   * Does what a transfer asks for.
   * @param {Sent} one
   * @param {import("../core/output.js").Errand} errand
   */
  perform(one, errand) {
    if (errand.do === "fetch") this.#hand.answer(errand.key, this.#read(one, errand));
  }

  /**
   * @param {Sent} one
   * @param {{key: number, run: number, offset: number, size: number}} errand
   * @returns {Promise<Step>}
   */
  async #read(one, { key, run, offset, size }) {
    one.bytes ??= await this.#shelf.bytes(one.upload.id);
    if (!one.bytes) throw Object.assign(new Error("Its bytes are not there any more; choose the file again."), { code: "gone" });
    return { do: "fetched", key, run, data: new Uint8Array(await one.bytes.slice(offset, offset + size).arrayBuffer()) };
  }

  /**
   * Goes on behind the end of a transfer; a code tells that it failed.
   * @param {Sent} one
   * @param {string} code
   * @param {string} text
   */
  ended(one, code, text) {
    if (code) Object.assign(one, { stage: "failed", reason: text });
    else one.stage = "verifying";
    queueMicrotask(() => (code ? this.#next() : this.#sentAll(one)));
  }
}
