/** The store: what a page must not forget, in the browser's database; one write, one transaction. */

import { nobody } from "../core/session.js";

/** @typedef {import("../core/machine.js").Remembered & {drafts: string[]}} Kept what an earlier page left; drafts name texts that were queued */

const NAME = "chatd", VERSION = 1;

/** What is kept of one server: the session, cursors with trails, and what was typed and is not accepted yet. */
export class Store {
  /** @type {IDBDatabase} */ #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  /** Opens the database of this origin. */
  static async open() {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("session");
      asked.result.createObjectStore("rooms", { keyPath: "room" });
      asked.result.createObjectStore("outbox", { keyPath: "key" });
    };
    return new Store(await done(asked));
  }

  /**
   * Returns what an earlier page left.
   * @returns {Promise<Kept>}
   */
  async remembered() {
    const read = this.#database.transaction(["session", "rooms", "outbox"]);
    const [kept, rooms, outbox] = await Promise.all([
      done(read.objectStore("session").get("session")),
      done(read.objectStore("rooms").getAll()),
      done(read.objectStore("outbox").getAll()),
    ]);
    return { session: kept?.session ?? nobody(), last: kept?.last ?? 0, rooms, outbox, entering: [], drafts: kept?.drafts ?? [] };
  }

  /**
   * Writes changes down; they are on the disk when it is done.
   * @param {ReturnType<import("../core/machine.js").Machine["changes"]>} changes
   * @param {string[]} drafts
   */
  async write({ session, last, rooms, stored, deleted }, drafts) {
    const written = this.#database.transaction(["session", "rooms", "outbox"], "readwrite", { durability: "strict" });
    written.objectStore("session").put({ session, last, drafts }, "session");
    for (const { room, name, cursor, trail } of rooms)
      if (cursor === null) written.objectStore("rooms").delete(room);
      else written.objectStore("rooms").put({ room, name, cursor, trail });
    for (const key of deleted) written.objectStore("outbox").delete(key);
    for (const entry of stored) written.objectStore("outbox").put(entry);
    await completed(written);
  }

  /** Forgets everything. */
  async clear() {
    const written = this.#database.transaction(["session", "rooms", "outbox"], "readwrite");
    for (const name of written.objectStoreNames) written.objectStore(name).clear();
    await completed(written);
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function completed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}
