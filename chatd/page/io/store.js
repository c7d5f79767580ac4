/** The store: what a page must not forget, in the browser's database; one write, one transaction. */

import { nobody } from "../core/session.js";
import { completed, done } from "./database.js";
import { Shelf } from "./shelf.js";

/** @typedef {import("../core/machine.js").Remembered & {drafts: string[], uploads: import("./shelf.js").Upload[]}} Kept what an earlier page left; drafts name texts that were queued */

const NAME = "chatd", VERSION = 2;

/** What is kept of one server: the session, cursors with trails, and what was typed and is not accepted yet. */
export class Store {
  /** @type {IDBDatabase} */ #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
    this.shelf = new Shelf(database);
  }

  /** Opens the database of this origin. */
  static async open() {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = ({ oldVersion }) => {
      if (oldVersion < 1) {
        asked.result.createObjectStore("session");
        asked.result.createObjectStore("rooms", { keyPath: "room" });
        asked.result.createObjectStore("outbox", { keyPath: "key" });
      }
      Shelf.make(asked.result);
    };
    const database = await done(asked);
    database.onversionchange = () => {
      database.close(); // a window of a newer page waits for that
      location.reload();
    };
    return new Store(database);
  }

  /**
   * Returns what an earlier page left.
   * @returns {Promise<Kept>}
   */
  async remembered() {
    const uploads = await this.shelf.uploads();
    const read = this.#database.transaction(["session", "rooms", "outbox"]);
    const [kept, rooms, outbox] = await Promise.all([
      done(read.objectStore("session").get("session")),
      done(read.objectStore("rooms").getAll()),
      done(read.objectStore("outbox").getAll()),
    ]);
    return { session: kept?.session ?? nobody(), last: kept?.last ?? 0, rooms, outbox, entering: [], drafts: kept?.drafts ?? [], uploads };
  }

  /**
   * Writes changes down; they are on the disk when it is done.
   * @param {ReturnType<import("../core/machine.js").Machine["changes"]>} changes
   * @param {string[]} drafts
   * @param {{kept: import("./shelf.js").Upload[], sent: number[]}} uploads those that are other ones now, and those that need be kept no longer
   */
  async write({ session, last, rooms, stored, deleted }, drafts, { kept, sent }) {
    const files = kept.length || sent.length ? ["uploads", "bytes"] : [];
    const written = this.#database.transaction(["session", "rooms", "outbox", ...files], "readwrite", { durability: "strict" });
    for (const upload of kept) written.objectStore("uploads").put(upload);
    for (const id of sent) for (const name of files) written.objectStore(name).delete(id);
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
    const written = this.#database.transaction([...this.#database.objectStoreNames], "readwrite");
    for (const name of written.objectStoreNames) written.objectStore(name).clear();
    await completed(written);
  }
}
