/** The driver: performs the machine's effects with the browser's sockets, timers and database. */

import { Machine } from "../core/machine.js";
import { packed } from "../core/transfers.js";
import { Attempt, Past } from "./attempt.js";
import { Files } from "./files.js";

/** @typedef {import("../core/output.js").Effect} Effect */
/** @typedef {import("../core/output.js").Notice} Notice */

/** Milliseconds for which changes gather that nothing waits for. */
const GATHER = 200;

/** Bytes that may wait in a socket before no more is written, and milliseconds between looks whether they are gone. */
const HIGH = 262_144, LOOK = 100;

/** Texts that are known again where a window asks twice: those of windows that are closed in the same moment. */
const DRAFTS = 100;

/** Seconds by which the calendar may run ahead of the steady clock: more, and the machine has slept. */
const SLEPT = 2;

/** Drives one machine, and answers who asks. */
export class Driver {
  /** @type {Map<number, WebSocket>} */ #sockets = new Map();
  /** @type {Map<number, Attempt>} */ #attempts = new Map();
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (why: Error) => void}>} */ #asked = new Map();
  #url;
  #store;
  #notice;
  /** @type {number | undefined} */ #dialling;
  /** @type {number | undefined} */ #ticking;
  /** @type {number | undefined} */ #gathering;
  #past = new Past();
  #writing = false;
  /** @type {(() => void)[]} */ #unsaved = [];
  /** @type {string[]} */ #drafts;
  #slept = Date.now() - performance.now();
  #machine;

  /**
   * @param {string} url of the WebSocket
   * @param {import("./store.js").Store} store
   * @param {import("./store.js").Kept} remembered
   * @param {import("../core/session.js").Wishes} wishes
   * @param {(notice: Notice) => void} notice hears what the machine tells
   */
  constructor(url, store, remembered, wishes, notice) {
    this.#url = url;
    this.#store = store;
    this.#notice = (/** @type {Notice} */ told) => void (this.files.uploads.hears(told) || notice(told));
    this.#drafts = remembered.drafts;
    this.#machine = new Machine(remembered, wishes, (low, high) => low + Math.random() * (high - low));
    const posts = new Set(remembered.outbox.filter((entry) => !entry.withdrawn).map((entry) => entry.key));
    this.files = new Files(store.shelf, remembered.uploads, posts, {
      step: (step) => this.#perform(this.#machine.transfer(step, now())),
      moving: (key) => this.#machine.requests.transfers.all.get(key),
      post: (upload) => this.#post(upload),
      withdraw: (key) => this.withdraw([key]),
      save: () => this.#saved(),
      tell: notice,
    });
  }

  get session() {
    return this.#machine.session;
  }

  get state() {
    return this.#machine.state;
  }

  /**
   * Returns how much is unread in a thread, 0 where it is not followed.
   * @param {string} room
   * @param {number} thread
   */
  threadUnread(room, thread) {
    return this.#machine.rooms.followed.get(room)?.counts.threads.get(thread)?.unread ?? 0;
  }

  /** What the server lets us be. */
  get me() {
    return { account: this.session.account, operator: this.#machine.links.current?.operator ?? false };
  }

  /** What our user said of themselves when the link began. */
  get status() {
    return this.#machine.links.current?.status ?? null;
  }

  /** Returns the texts that wait to be accepted, the oldest first. */
  get waiting() {
    return this.#machine.requests.outbox.entries.filter((entry) => !entry.withdrawn && !entry.file);
  }

  /** Returns the rooms that are followed, those of an earlier page until the server has told of them. */
  get rooms() {
    return [...this.#machine.rooms.followed.values()];
  }

  /** Bytes that a file may have, null while that is not known. */
  get largest() {
    const limits = this.#machine.links.current?.limits;
    return limits ? (limits.file ?? 0) : null;
  }

  start() {
    this.#perform(this.#machine.start(now()));
    this.files.uploads.start();
  }

  /** Says goodbye, and ends; done when nothing is written down any more. */
  async stop() {
    this.#perform(this.#machine.stop(now()));
    clearTimeout(this.#ticking);
    clearTimeout(this.#dialling);
    while (this.#writing || this.#gathering !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /**
   * Ends the session on the server, if it can be reached now; all others of the user too, or none.
   * @param {boolean} everywhere
   */
  async logOut(everywhere) {
    if (everywhere) {
      if (this.state !== "connected") throw new Error("There is no connection; try again when there is one.");
      await this.ask({ t: "logout", everywhere });
    } else if (this.state === "connected") await this.ask({ t: "logout" }).catch(() => {});
  }

  /** Why there will be no further attempt, null if there will. */
  get stopped() {
    const stopped = this.#machine.links.stopped;
    return stopped && { code: stopped.code, text: stopped.text };
  }

  /** Tries now: the network may be back. */
  hurry() {
    this.#perform(this.#machine.hurry(now()));
  }

  /**
   * Notes that what comes is, or is not, being read.
   * @param {boolean} on
   */
  reading(on) {
    this.#perform(this.#machine.reading(on, now()));
  }

  /**
   * Queues a text for room, or what act does about event ref; done once that is on the disk.
   * @param {string} room
   * @param {string} text
   * @param {{act?: "" | "edit" | "react" | "unreact", ref?: number}} about
   * @param {string} draft names it: what is asked twice is done once
   */
  async queue(room, text, about, draft) {
    if (this.#drafts.includes(draft)) return;
    this.#drafts = [...this.#drafts.slice(-DRAFTS), draft];
    const { effects } = this.#machine.queue(room, text, now(), about);
    const saved = new Promise((resolve) => this.#unsaved.push(() => resolve(undefined)));
    this.#perform(effects);
    await saved;
  }

  /**
   * Queues the post of a file whose bytes the server has; returns its key.
   * @param {import("./shelf.js").Upload} upload
   */
  #post({ room, text, ref, file }) {
    const { key, effects } = this.#machine.queue(room, text, now(), { ref, file });
    queueMicrotask(() => this.#perform(effects)); // with the key in what is written down
    return key;
  }

  /**
   * Takes back what is not known to be accepted.
   * @param {number[]} keys
   */
  withdraw(keys) {
    this.#perform(this.#machine.withdraw(keys));
  }

  /**
   * Lets others know that somebody types.
   * @param {string} room
   */
  type(room) {
    this.#perform(this.#machine.type(room, now()));
  }

  /**
   * Returns the answer to a request; fails with the server's words.
   * @param {import("../core/wire.js").Request} message
   * @returns {Promise<any>}
   */
  ask(message) {
    const { id, effects } = this.#machine.ask(message, now());
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    this.#perform(effects);
    return message.t === "register" ? answer.then((ok) => this.#registered(ok)) : answer;
  }

  /**
   * Notes that we have an account from now on, which else only the next welcome tells; returns the answer.
   * @param {any} ok
   */
  #registered(ok) {
    this.session.account = true;
    return ok;
  }

  // ---- effects ------------------------------------------------------------------------------------

  /** @param {Effect[]} effects */
  #perform(effects) {
    for (const effect of effects) {
      if (effect.do === "connect") this.#connect(effect.link, effect.delay);
      else if (effect.do === "write") this.#send(effect.link, effect.messages.map((message) => JSON.stringify(message)));
      else if (effect.do === "close") this.#close(effect.link);
      else if (effect.do === "notify") this.#notice(effect.notice);
      else if (effect.do === "reply") this.#reply(effect.id, effect.answer);
      else if (effect.do === "save") this.#save(effect.urgent);
      else if (effect.do === "chunk") this.#send(effect.link, [packed(effect)]);
      else this.files.perform(effect);
    }
    clearTimeout(this.#ticking);
    const due = this.#machine.wakeAt();
    if (due !== null) this.#ticking = setTimeout(() => this.#tick(), Math.max(0, (due - now()) * 1000));
  }

  #tick() {
    const slept = Date.now() - performance.now();
    if (Math.abs(slept - this.#slept) > SLEPT * 1000) this.#perform(this.#machine.hurry(now()));
    this.#slept = slept;
    this.#perform(this.#machine.tick(now()));
  }

  /**
   * @param {number} link
   * @param {number} delay
   */
  #connect(link, delay) {
    clearTimeout(this.#dialling);
    this.#dialling = setTimeout(() => this.#dial(link), delay * 1000);
  }

  /** @param {number} link */
  #dial(link) {
    this.#perform(this.#machine.dialling(link, now()));
    const opened = (/** @type {WebSocket} */ socket) => {
      this.#attempts.delete(link);
      this.#opened(link, socket);
    };
    const failed = () => {
      this.#attempts.delete(link);
      this.#perform(this.#machine.lost(link, "no connection could be made", false, now()));
    };
    this.#attempts.set(link, new Attempt(this.#url, this.#past, opened, failed));
  }

  /**
   * @param {number} link
   * @param {WebSocket} socket
   */
  #opened(link, socket) {
    socket.binaryType = "arraybuffer";
    this.#sockets.set(link, socket);
    socket.onmessage = ({ data }) => {
      this.#perform(this.#machine.received(link, typeof data === "string" ? data : new Uint8Array(data), now()));
    };
    socket.onclose = ({ reason }) => {
      if (this.#sockets.delete(link)) this.#perform(this.#machine.lost(link, reason || "the connection broke off", true, now()));
    };
    this.#perform(this.#machine.connected(link, now()));
  }

  /**
   * @param {number} link
   * @param {(string | Uint8Array)[]} data
   */
  #send(link, data) {
    const socket = this.#sockets.get(link);
    if (socket?.readyState !== WebSocket.OPEN) return;
    for (const one of data) socket.send(one);
    if (socket.bufferedAmount < HIGH) return;
    this.#perform(this.#machine.writable(link, false, now()));
    setTimeout(() => this.#drained(link), LOOK);
  }

  /** @param {number} link */
  #drained(link) {
    const socket = this.#sockets.get(link);
    if (!socket) return;
    if (socket.bufferedAmount < HIGH) this.#perform(this.#machine.writable(link, true, now()));
    else setTimeout(() => this.#drained(link), LOOK);
  }

  /** @param {number} link */
  #close(link) {
    const socket = this.#sockets.get(link), attempt = this.#attempts.get(link);
    this.#sockets.delete(link);
    this.#attempts.delete(link);
    attempt?.close();
    socket?.close();
  }

  /**
   * @param {number} id
   * @param {any} answer
   */
  #reply(id, answer) {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (answer?.t === "ok") asked?.resolve(answer);
    else asked?.reject(new Refusal(answer));
  }

  // ---- the database -------------------------------------------------------------------------------

  /** Has all that changed written down; done when it is. */
  async #saved() {
    const saved = new Promise((resolve) => this.#unsaved.push(() => resolve(undefined)));
    this.#save(true);
    await saved;
  }

  /** @param {boolean} urgent */
  #save(urgent) {
    if (urgent) {
      clearTimeout(this.#gathering);
      this.#gathering = undefined;
      this.#flush();
    } else this.#gathering ??= setTimeout(() => this.#flush(), GATHER);
  }

  /** Writes down what changed, one write at a time; what comes meanwhile goes with the next. */
  async #flush() {
    this.#gathering = undefined;
    if (this.#writing) {
      this.#save(false);
      return;
    }
    this.#writing = true;
    const unsaved = this.#unsaved.splice(0);
    try {
      await this.#store.write(this.#machine.changes(), this.#drafts, this.files.uploads.changes());
    } catch (error) {
      this.#notice({ what: "not-saved", reason: String(error) });
    }
    this.#writing = false;
    for (const told of unsaved) told();
    this.#perform(this.#machine.saved(now()));
  }
}

/** A request that was refused, or whose answer never comes: with the code of the server, or none. */
export class Refusal extends Error {
  /** @param {{code: string, text: string} | null} error */
  constructor(error) {
    super(error?.text ?? "The connection was lost before the answer came; look whether it was done.");
    this.code = error?.code ?? "";
  }
}

/** Seconds of the steady clock. */
function now() {
  return performance.now() / 1000;
}
