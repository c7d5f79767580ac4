/**
 * Agreements: each transfer is agreed on with the server anew on every link, until it ends.
 *
 * What was stored on the other side's disk, or on ours, is where it goes on.
 */

import { Turns } from "./outgoing.js";
import { Receiving } from "./receiving.js";
import { Sending } from "./sending.js";

/** @typedef {Sending | Receiving} Moving */

/** Seconds before a transfer is asked for again that the server could not take, unless it says otherwise. */
const AGAIN = 1;

/** Refusals after which a transfer is asked for again. */
const LATER = new Set(["too-many-transfers", "storage-unavailable"]);

const NO_FILES = "This server takes no files.";
const CHANGED = "There is another file under that number now, because an older copy was restored on the server; look for it in the history.";

/** Agrees with the server on transfers, which are taken out when they have ended. Uploads agreed on take turns. */
export class Agreements {
  /** @type {object[]} messages that are to be written */ words = [];
  turns = new Turns();
  #transfers;
  #number;
  #out;
  #later;
  #numbers = 0;
  /** @type {import("./wire.js").Limits | null} */ #limits = null;

  /**
   * @param {Map<number, Moving>} transfers
   * @param {() => number} number hands out the ids of requests
   * @param {import("./output.js").Output} out
   * @param {(seconds: number) => number} later makes the waits
   */
  constructor(transfers, number, out, later) {
    this.#transfers = transfers;
    this.#number = number;
    this.#out = out;
    this.#later = later;
  }

  // ---- the link -----------------------------------------------------------------------------------

  /**
   * Notes that there is a link whose server has these limits.
   * @param {import("./wire.js").Limits} limits
   */
  linked(limits) {
    this.#limits = limits;
    this.turns = new Turns();
    if (!limits.file) for (const key of [...this.#transfers.keys()]) this.end(key, "unsupported", NO_FILES);
  }

  /**
   * Notes that the link is gone, and with it what was agreed on and is under way.
   *
   * What was refused for a while is not asked for sooner on the next link.
   */
  unlinked() {
    this.#limits = null;
    this.words = [];
    this.turns = new Turns();
    for (const moving of this.#transfers.values()) {
      this.#breakOff(moving);
      this.stage(moving);
    }
  }

  /** How many transfers are asked for, or under way, on the present link. */
  get count() {
    return [...this.#transfers.values()].filter((one) => one.number).length;
  }

  /**
   * Returns the transfer that has this number on the present link.
   * @param {number} number
   */
  numbered(number) {
    return [...this.#transfers.values()].find((one) => one.number === number) ?? null;
  }

  // ---- asking -------------------------------------------------------------------------------------

  /** Returns the times at which there may be something to ask for again. */
  retries() {
    return [...this.#transfers.values()].flatMap((one) => one.retryAt || []);
  }

  /**
   * Returns what the server is to be asked now; nothing while held.
   * @param {number} now
   * @param {boolean} held
   */
  asked(now, held) {
    const asked = [];
    for (const moving of this.#transfers.values()) if (moving.retryAt <= now) moving.retryAt = 0;
    if (!held) for (const moving of this.#transfers.values()) if (this.#mayAsk(moving)) asked.push(this.#ask(moving));
    return asked;
  }

  /** @param {Moving} moving */
  #mayAsk(moving) {
    const idle = !moving.number && !moving.retryAt && moving.ready;
    return this.#limits !== null && idle && this.count < Math.max(1, this.#limits.transfers ?? 0);
  }

  /** @param {Moving} moving */
  #ask(moving) {
    this.#numbers += 1;
    const request = moving.ask(this.#number(), this.#numbers);
    this.stage(moving);
    return request;
  }

  /**
   * Takes in the answer to a request, if it is one of ours.
   * @param {number} request
   * @param {import("./wire.js").Ok | import("./wire.js").Failure} answer
   * @param {number} now
   */
  answered(request, answer, now) {
    const moving = request && [...this.#transfers.values()].find((one) => one.request === request);
    if (!moving) return;
    moving.request = 0;
    moving.reason = "";
    if (answer.t === "error") this.#refused(moving, answer, now);
    else this.#accepted(moving, answer);
  }

  /**
   * @param {Moving} moving
   * @param {import("./wire.js").Ok} ok
   */
  #accepted(moving, ok) {
    const window = this.#limits?.window ?? 0;
    if (moving instanceof Sending) this.turns.add(moving.accepted(ok, window));
    else if (moving.differs(ok)) {
      this.fail(moving.key, "file-changed", CHANGED);
      return;
    } else this.#out.add(...moving.accepted(ok, window));
    this.see(moving);
  }

  /**
   * @param {Moving} moving
   * @param {{code: string, text: string, retry_after?: number | null}} why
   * @param {number} now
   */
  #refused(moving, { code, text, retry_after: after = null }, now) {
    this.#breakOff(moving);
    if (LATER.has(code) || after !== null) {
      moving.reason = text;
      moving.retryAt = now + this.#later(after ?? AGAIN);
      this.stage(moving);
    } else this.end(moving.key, code, text);
  }

  /**
   * Gives up what was agreed on: it begins elsewhere than where our disk ends.
   * @param {Receiving} moving
   */
  askAnew(moving) {
    this.words.push({ t: "cancel", transfer: moving.number });
    moving.forgetLink();
  }

  // ---- the stages, and the end --------------------------------------------------------------------

  /**
   * Notes how far a transfer has come.
   * @param {Moving} moving
   */
  see(moving) {
    if (moving instanceof Sending && moving.complete) {
      this.#breakOff(moving);
      this.end(moving.key);
    } else this.stage(moving);
  }

  /**
   * Tells in which stage a transfer is, if that is another one, or has a reason.
   * @param {Moving} moving
   */
  stage(moving) {
    const stage = this.#stageOf(moving);
    if (stage === moving.stage && !moving.reason) return;
    moving.stage = stage;
    this.#out.add({ do: "staged", key: moving.key });
  }

  /**
   * @param {Moving} moving
   * @returns {import("./sending.js").Stage}
   */
  #stageOf(moving) {
    if (moving.verifying) return "verifying";
    if (!this.#limits) return "waiting";
    if (!moving.number || moving.request) return "offering";
    return moving instanceof Sending ? "sending" : "receiving";
  }

  /** @param {Moving} moving */
  #breakOff(moving) {
    if (moving instanceof Receiving) this.#out.add(...moving.brokenOff());
    else this.#stop(moving);
  }

  /** @param {Sending} moving */
  #stop(moving) {
    const outgoing = moving.brokenOff();
    if (outgoing) this.turns.remove(outgoing);
  }

  /**
   * Takes in that the server has ended a transfer.
   * @param {{transfer: number, code?: string, text?: string}} cancel
   * @param {number} now
   */
  cancelled({ transfer, code = "cancelled", text = "" }, now) {
    const moving = this.numbered(transfer);
    if (moving && !moving.verifying) this.#refused(moving, { code, text }, now);
  }

  /**
   * Ends a transfer for which nobody waits any more.
   * @param {number} key
   */
  drop(key) {
    const moving = this.#transfers.get(key);
    if (!moving) return;
    this.#transfers.delete(key);
    if (moving.number) this.words.push({ t: "cancel", transfer: moving.number });
    if (moving instanceof Sending) this.#stop(moving);
  }

  /**
   * Ends a transfer, if there is one, that cannot go on.
   * @param {number} key
   * @param {string} code
   * @param {string} text
   */
  fail(key, code, text) {
    if (!this.#transfers.has(key)) return;
    this.drop(key);
    this.#out.add({ do: "over", key, code, text });
  }

  /**
   * Notes that a transfer has ended: well without a code.
   * @param {number} key
   * @param {string} code
   * @param {string} text
   */
  end(key, code = "", text = "") {
    this.#transfers.delete(key);
    this.#out.add({ do: "over", key, code, text });
  }
}
