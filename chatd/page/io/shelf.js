/**
 * The shelf: the bytes of files in the browser's database. Of those that are to be sent all is there until it is
 * posted; of those that are received what has come, in parts; and some that came whole, so as not to come again.
 */

import { completed, done } from "./database.js";

/**
 * A file that is to be sent to a room, as a reply to event ref; key is that of its post in the outbox, 0 while there is none.
 * @typedef {{id: number, room: string, text: string, ref: number, file: import("../core/wire.js").File, key: number}} Upload
 */

/**
 * What has come of the bytes that have this SHA-256: stored of size, at the time touched; whole where all was right.
 * @typedef {{sha256: string, size: number, stored: number, touched: number, whole: boolean}} Content
 */

/** Bytes of received files that are kept, the latest ones. */
const KEPT = 100_000_000;

/** Bytes of one database. */
export class Shelf {
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  /** @param {IDBDatabase} database */
  static make(database) {
    database.createObjectStore("uploads", { keyPath: "id", autoIncrement: true });
    database.createObjectStore("bytes");
    database.createObjectStore("contents", { keyPath: "sha256" });
    database.createObjectStore("parts");
  }

  // ---- what is to be sent -------------------------------------------------------------------------

  /**
   * Keeps what is to be sent; returns its number. It is on the disk when it is done.
   * @param {Omit<Upload, "id">} upload
   * @param {Blob} bytes
   * @returns {Promise<number>}
   */
  async keep(upload, bytes) {
    const written = this.#database.transaction(["uploads", "bytes"], "readwrite", { durability: "strict" });
    const id = Number(await done(written.objectStore("uploads").add(upload)));
    written.objectStore("bytes").put(bytes, id);
    await completed(written);
    return id;
  }

  /**
   * Returns what is to be sent, in the order in which it was chosen.
   * @returns {Promise<Upload[]>}
   */
  uploads() {
    return done(this.#database.transaction("uploads").objectStore("uploads").getAll());
  }

  /**
   * Returns what is to be sent under a number, if anything.
   * @param {number} id
   * @returns {Promise<Upload | undefined>}
   */
  upload(id) {
    return done(this.#database.transaction("uploads").objectStore("uploads").get(id));
  }

  /**
   * Returns the bytes of an upload.
   * @param {number} id
   * @returns {Promise<Blob | undefined>}
   */
  bytes(id) {
    return done(this.#database.transaction("bytes").objectStore("bytes").get(id));
  }

  // ---- what is received ---------------------------------------------------------------------------

  /**
   * Returns what there is of some bytes.
   * @param {string} sha256
   * @returns {Promise<Content | undefined>}
   */
  content(sha256) {
    return done(this.#database.transaction("contents").objectStore("contents").get(sha256));
  }

  /**
   * Adds a part that follows what is stored; returns how much is stored then.
   * @param {Content} content
   * @param {Uint8Array[]} data
   */
  async add(content, data) {
    const part = new Blob(/** @type {any[]} */ (data)), written = this.#database.transaction(["contents", "parts"], "readwrite");
    written.objectStore("parts").put(part, [content.sha256, content.stored]);
    content.stored += part.size;
    content.touched = Date.now();
    written.objectStore("contents").put(content);
    await completed(written);
    return content.stored;
  }

  /**
   * Keeps bytes that were sent as if they had come.
   * @param {import("../core/wire.js").File} file
   * @param {Blob} bytes
   */
  async seed({ sha256, size }, bytes) {
    if (await this.content(sha256)) return;
    const written = this.#database.transaction("parts", "readwrite"), content = { sha256, size, stored: size, touched: 0, whole: true };
    written.objectStore("parts").put(bytes, [sha256, 0]);
    await completed(written);
    await this.finish(content);
  }

  /**
   * Returns all that is stored of some bytes.
   * @param {string} sha256
   */
  async blob(sha256) {
    const parts = await done(this.#database.transaction("parts").objectStore("parts").getAll(rangeOf(sha256)));
    return new Blob(parts);
  }

  /**
   * Notes that some bytes are all there and right, and lets go of the oldest where there is too much.
   * @param {Content} content
   */
  async finish(content) {
    const written = this.#database.transaction(["contents", "parts"], "readwrite"), contents = written.objectStore("contents");
    Object.assign(content, { whole: true, touched: Date.now() });
    contents.put(content);
    let sum = content.size;
    const others = (await done(contents.getAll())).filter((one) => one.sha256 !== content.sha256);
    for (const { sha256, stored } of others.sort((a, b) => b.touched - a.touched)) {
      sum += stored;
      if (sum > KEPT) drop(written, sha256);
    }
    await completed(written);
  }

  /**
   * Forgets what there is of some bytes.
   * @param {string} sha256
   */
  async discard(sha256) {
    const written = this.#database.transaction(["contents", "parts"], "readwrite");
    drop(written, sha256);
    await completed(written);
  }
}

/**
 * @param {IDBTransaction} written
 * @param {string} sha256
 */
function drop(written, sha256) {
  written.objectStore("contents").delete(sha256);
  written.objectStore("parts").delete(rangeOf(sha256));
}

/**
 * Returns where the parts of some bytes are.
 * @param {string} sha256
 */
function rangeOf(sha256) {
  return IDBKeyRange.bound([sha256, 0], [sha256, Infinity]);
}
