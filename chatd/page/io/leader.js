/** The leader: holds the connection of all windows of a browser, and does what they want. */

import { Driver } from "./driver.js";

/** @typedef {import("./store.js").Kept} Kept */
/** @typedef {{password: string, register?: boolean, invite?: string} | null} Credentials */

/** How the page calls itself. */
const SOFTWARE = "chatd-page/0.1";

/** The heartbeat that the page wishes for: a dead link is known after twelve seconds, and suspected after six. */
const HEARTBEAT = { interval: 3, misses: 4 };

/** What windows may have done; each of these names a method. */
const CALLS = new Set(["snapshot", "queue", "withdraw", "ask", "type", "hurry", "login", "forget", "upload", "retry", "giveUp", "get"]);

/** Holds a driver while somebody is logged in. */
export class Leader {
  /** @type {Driver | null} */ #driver = null;
  #url;
  #store;
  #tell;
  #rooms;

  /**
   * @param {string} url of the WebSocket
   * @param {import("./store.js").Store} store
   * @param {(told: any) => void} tell tells all windows
   * @param {() => object} rooms returns what a window that begins has to know of rooms
   */
  constructor(url, store, tell, rooms) {
    this.#url = url;
    this.#store = store;
    this.#tell = tell;
    this.#rooms = rooms;
  }

  /** Goes on with what an earlier leader left. */
  async begin() {
    const remembered = await this.#store.remembered();
    if (remembered.session.token || remembered.session.nick) this.#begin(remembered, null);
  }

  /**
   * Returns what a call comes to.
   * @param {string} method
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  async answer(method, ...args) {
    if (!CALLS.has(method)) throw new Error(`There is no ${method}.`);
    return /** @type {any} */ (this)[method](...args);
  }

  /** Returns how things stand. */
  snapshot() {
    const driver = this.#driver;
    return { stopped: driver?.stopped ?? null, followed: driver?.rooms ?? [], files: driver?.files.list ?? null, now: this.#standing(), ...this.#rooms() };
  }

  /**
   * Queues a text, or what is done about an event; done once that is on the disk.
   * @param {string} room
   * @param {string} text
   * @param {{act?: "" | "edit" | "react" | "unreact", ref?: number}} about
   * @param {string} draft names it: what is asked twice is done once
   */
  async queue(room, text, about, draft) {
    await this.#needed().queue(room, text, about, draft);
    this.#told({ what: "queued" });
  }

  /**
   * Takes back what is not known to be accepted.
   * @param {number[]} keys
   */
  withdraw(keys) {
    this.#needed().withdraw(keys);
    this.#told({ what: "queued" });
  }

  /**
   * Returns the answer to a request.
   * @param {import("../core/wire.js").Request} message
   */
  ask(message) {
    return this.#needed().ask(message);
  }

  /**
   * Sends what a window has put on the shelf.
   * @param {number} id
   */
  upload(id) {
    return this.#needed().files.uploads.send(id);
  }

  /**
   * Tries again to send what failed.
   * @param {number} id
   */
  retry(id) {
    this.#needed().files.uploads.again(id);
  }

  /**
   * Gives up what is to be sent; done once that is on the disk.
   * @param {number} id
   */
  giveUp(id) {
    return this.#needed().files.uploads.giveUp(id);
  }

  /**
   * Has a file brought into the browser; done when it is there.
   * @param {string} room
   * @param {number} seq
   * @param {import("../core/wire.js").File} file
   * @param {boolean} first somebody waits for it
   */
  get(room, seq, file, first) {
    return this.#needed().files.downloads.get(room, seq, file, first);
  }

  /**
   * Lets others know that somebody types.
   * @param {string} room
   */
  type(room) {
    this.#driver?.type(room);
  }

  /** Tries now: the network may be back. */
  hurry() {
    this.#driver?.hurry();
  }

  /**
   * Begins as somebody, and forgets whoever was here before.
   * @param {string} nick
   * @param {Credentials} credentials
   */
  async login(nick, credentials) {
    await this.#end();
    const remembered = await this.#store.remembered();
    remembered.session.nick = nick;
    if (!credentials) remembered.session.newToken = newToken();
    this.#begin(remembered, credentials);
  }

  /**
   * Logs out, and forgets who was here.
   * @param {boolean} everywhere ends all other sessions as well
   */
  async forget(everywhere) {
    await this.#driver?.logOut(everywhere);
    await this.#end();
  }

  /** Forgets who was here, in all windows. */
  async #end() {
    await this.#driver?.stop();
    this.#driver = null;
    await this.#store.clear();
    this.#told({ what: "forgotten" });
  }

  /**
   * @param {Kept} remembered
   * @param {Credentials} credentials
   */
  #begin(remembered, credentials) {
    const wishes = { software: SOFTWARE, rooms: [], heartbeat: HEARTBEAT, keep: true, typing: true, credentials };
    this.#driver = new Driver(this.#url, this.#store, remembered, wishes, (notice) => this.#told(notice));
    this.#told({ what: "began" });
    this.#driver.start();
  }

  #needed() {
    if (!this.#driver) throw new Error("Nobody is logged in here any more.");
    return this.#driver;
  }

  /**
   * Tells all windows what the machine tells, with what follows from it.
   * @param {import("../core/output.js").Notice} notice
   */
  #told(notice) {
    const status = notice.what === "connected" && { status: this.#driver?.status };
    const { room, thread } = notice.what === "event" ? notice.event : { room: "", thread: 0 };
    const threads = thread && { threadUnread: this.#driver?.threadUnread(room, thread) };
    this.#tell({ ...notice, ...status, ...threads, now: this.#standing() });
  }

  #standing() {
    const driver = this.#driver;
    return { nick: driver?.session.nick ?? "", state: driver?.state ?? "idle", waiting: driver?.waiting ?? [], me: driver?.me ?? {}, largest: driver?.largest ?? null };
  }
}

/** Returns a token for a first session: 32 random bytes as Base64 for URLs. */
function newToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
