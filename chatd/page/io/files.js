/**
 * Files: what windows have chosen goes to the server and is posted, what they want comes into the browser.
 *
 * The machine carries the bytes over the links that come and go; here is what is done with them on this side.
 */

import { Downloads } from "./downloads.js";
import { Uploads } from "./uploads.js";

/** @typedef {import("../core/output.js").Errand} Errand */
/** @typedef {import("../core/transfers.js").Step} Step */
/** @typedef {import("../core/agreements.js").Moving} Moving */
/** @typedef {import("./shelf.js").Upload} Upload */

/**
 * What windows are told of one file: how much of it is safe on the disk of the side that receives.
 * @typedef {{id: number, room: string, ref: number, name: string, size: number, done: number, stage: string, reason: string}} Going
 * @typedef {{sha256: string, size: number, done: number, stage: string}} Coming
 */

/** Milliseconds between two words about how far files are. */
const TELL = 200;

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

/**
 * A file that is moved; key is the number of its present transfer, 0 while there is none.
 * @typedef {{key: number}} Moved
 */

/**
 * What both directions do in the same way.
 * @typedef {object} Hand
 * @property {(way: Way, one: any, step: (key: number) => Step) => void} begin begins a transfer
 * @property {(key: number) => void} end hears of a transfer no more
 * @property {(key: number, work: Promise<Step>) => Promise<void>} answer tells the machine what came of an errand
 * @property {() => void} tell tells all windows soon how far all of them are
 */

/** @typedef {{perform: (one: any, errand: Errand) => void, ended: (one: any, code: string, text: string) => void}} Way */

/** All files of a session. */
export class Files {
  #port;
  #count = 0;
  /** @type {Map<number, {way: Way, one: Moved}>} by their transfers */ #moving = new Map();
  /** @type {number | undefined} */ #telling;

  /**
   * @param {import("./shelf.js").Shelf} shelf
   * @param {Upload[]} uploads what an earlier page has left
   * @param {Set<number>} posts the keys of what waits in the outbox
   * @param {Port} port
   */
  constructor(shelf, uploads, posts, port) {
    this.#port = port;
    const hand = {
      begin: (/** @type {Way} */ way, /** @type {Moved} */ one, /** @type {(key: number) => Step} */ step) => this.#begin(way, one, step),
      end: (/** @type {number} */ key) => void this.#moving.delete(key),
      answer: (/** @type {number} */ key, /** @type {Promise<Step>} */ work) => this.#answer(key, work),
      tell: () => this.#tell(),
    };
    this.uploads = new Uploads(shelf, uploads, posts, port, hand);
    this.downloads = new Downloads(shelf, port, hand);
  }

  /** Returns how far all of them are. */
  get list() {
    return { sent: this.uploads.list, wanted: this.downloads.list };
  }

  /**
   * @param {Way} way
   * @param {Moved} one
   * @param {(key: number) => Step} step
   */
  #begin(way, one, step) {
    one.key = ++this.#count;
    this.#moving.set(one.key, { way, one });
    this.#port.step(step(one.key));
  }

  /**
   * Does what a transfer asks for.
   * @param {Errand} errand
   */
  perform(errand) {
    const moving = this.#moving.get(errand.key);
    if (errand.do === "over") this.#over(errand.key, errand.code, errand.text);
    else if (errand.do === "staged") this.#tell();
    else moving?.way.perform(moving.one, errand);
  }

  /**
   * @param {number} key
   * @param {Promise<Step>} work
   */
  async #answer(key, work) {
    let step;
    try {
      step = await work;
    } catch (error) {
      const { code = "unusable", message } = /** @type {any} */ (error);
      step = { do: /** @type {const} */ ("failed"), key, code, text: code === "unusable" ? `This browser cannot keep it: ${message}.` : message };
    }
    this.#port.step(step);
    this.#tell();
  }

  /**
   * @param {number} key
   * @param {string} code
   * @param {string} text
   */
  #over(key, code, text) {
    const moving = this.#moving.get(key);
    this.#moving.delete(key);
    if (!moving) return;
    moving.one.key = 0;
    moving.way.ended(moving.one, code, text);
    this.#tell();
  }

  #tell() {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#port.tell({ what: "files", files: this.list });
    }, TELL);
  }
}
