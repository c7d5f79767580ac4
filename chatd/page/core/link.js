/**
 * One link: a connection from its dialling to its end, its heartbeat, its round trip.
 *
 * Two may exist at once; each has a number. Nothing here decides about the session.
 */

import { checkOf } from "./check.js";
import { Heartbeat, RoundTrip } from "./heartbeat.js";
import { decode } from "./wire.js";

/** Seconds an attempt may take from its first packet to the welcome. */
const ATTEMPT = 10;

/** Seconds of silence that the server has for its welcome at the least, however long connecting took. */
const GREETING = 3;

/** Seconds that an answer may take at the least before its lateness is suspicious. */
const PATIENCE = 1;

/** The same for the answer to a probe: there was reason to doubt the link. */
const PROBE_PATIENCE = 0.3;

/** Parts of the heartbeat's limit: a ping goes out after one, and its answer has one until the suspicion. */
const QUARTERS = 4;

/** Requests that we leave unanswered at once at the most. */
const MOST_UNANSWERED = 256;

/** Pings whose answers are waited for: more than the server can leave unanswered alive. */
const PINGS = 16;

/** @typedef {"waiting" | "dialling" | "greeting" | "live"} Phase */

/**
 * One connection; times are seconds of one steady clock.
 *
 * It is complete when all rooms of its welcome came, introduced when we spoke behind that, and announced when the
 * program knows; answered if any word came, and understood if it was a message. It is judged when it was counted
 * as one that brings nothing forward.
 */
export class Link {
  /** @type {Phase} */ phase = "waiting";
  due = 0;
  /** @type {number | null} */ liveSince = null;
  answered = false;
  understood = false;
  writable = true;
  /** @type {Map<string, number>} per followed room, the last event that it brought */ positions = new Map();
  /** @type {Set<number>} the ids of the joins that it begins with */ joining = new Set();
  /** @type {Set<string>} the rooms of its hello */ named = new Set();
  /** @type {object[]} answers to pings that wait for the token to be on disk */ owed = [];
  /** @type {import("./wire.js").Limits | null} */ limits = null;
  /** @type {Set<string>} */ features = new Set();
  operator = false;
  /** @type {object | null} what our user says of themselves */ status = null;
  complete = false;
  introduced = false;
  announced = false;
  resumed = false;
  quiet = false;
  judged = false;
  #roundTrip = new RoundTrip();
  #heart = new Heartbeat(ATTEMPT, 1, 0);
  #opened = 0;
  #read = 0;
  /** @type {number | null} */ #unanswered = null;
  /** @type {number | null} */ #probed = null;
  /** @type {Map<string, number>} */ #pings = new Map();
  #count = 0;

  /** @param {number} number */
  constructor(number) {
    this.number = number;
  }

  /**
   * Notes that the transport is to be opened at due.
   * @param {number} due
   */
  wait(due) {
    this.phase = "waiting";
    this.due = due;
  }

  /**
   * Notes that the transport is being opened.
   * @param {number} now
   */
  dial(now) {
    this.phase = "dialling";
    this.#opened = now;
  }

  /**
   * Notes that the transport is open and the hello on its way.
   * @param {number} now
   */
  greet(now) {
    this.phase = "greeting";
    this.#heart = new Heartbeat(Math.max(GREETING, ATTEMPT - (now - this.#opened)), 1, now);
    this.#read = now;
  }

  /**
   * Notes that the welcome came, with the heartbeat and the limits in force.
   * @param {import("./wire.js").Welcome} welcome
   * @param {number} now
   */
  welcomed(welcome, now) {
    this.phase = "live";
    this.liveSince = now;
    const { interval, misses } = welcome.heartbeat, parts = Math.max(misses, QUARTERS);
    this.#heart = new Heartbeat((interval * misses) / parts, parts, now);
    this.#read = now;
    this.resumed = welcome.resumed ?? false;
    this.limits = welcome.limits;
    this.features = new Set(welcome.features ?? []);
    this.operator = welcome.operator ?? false;
    this.status = welcome.status ?? null;
  }

  /** How many requests may be unanswered. */
  get window() {
    return this.limits === null ? 0 : Math.max(1, Math.min(MOST_UNANSWERED, this.limits.unanswered));
  }

  /**
   * Returns the message that text holds, an event with its check beside it; null for one of an unknown kind and
   * for the answer to a ping. Throws ProtocolError.
   * @param {string} text
   * @param {number} now
   */
  message(text, now) {
    this.#came(now);
    const message = decode(text);
    this.understood = true;
    if (message?.t === "event") return { message, check: checkOf(text) };
    if (message?.t === "pong") {
      this.#ponged(message.data ?? "", now);
      return null;
    }
    return message && { message, check: "" };
  }

  /**
   * Returns a part of a file, as a message.
   * @param {Uint8Array} bytes
   * @param {number} now
   */
  chunk(bytes, now) {
    this.#came(now);
    return { message: { t: "chunk", bytes }, check: "" };
  }

  /** @param {number} now */
  #came(now) {
    if (this.phase === "greeting" && !this.answered) this.#heart = new Heartbeat(ATTEMPT, 1, now); // it may take us over
    this.heard(now);
    this.answered = true;
  }

  /**
   * Notes that something came.
   * @param {number} now
   */
  heard(now) {
    this.#heart.heard(now);
    this.#read = now;
    this.#probed = null;
    if (this.#unanswered !== null) this.#unanswered = this.#pings.size ? now : null;
  }

  /**
   * Notes that something was written that the server answers at once.
   * @param {number} now
   */
  asked(now) {
    this.said(now);
    this.#unanswered ??= now;
  }

  /**
   * Notes that something was written that the server does not answer.
   * @param {number} now
   */
  said(now) {
    this.#heart.said(now);
  }

  /**
   * Returns for how many seconds nothing was heard.
   * @param {number} now
   */
  silence(now) {
    return Math.max(0, now - this.#read);
  }

  /**
   * Returns what the heartbeat asks for.
   * @param {number} now
   * @returns {import("./heartbeat.js").Verdict}
   */
  check(now) {
    if (this.phase !== "greeting" && this.phase !== "live") return "alive";
    const verdict = this.#heart.check(now);
    return this.phase === "live" || verdict === "dead" ? verdict : "alive";
  }

  /**
   * Returns a new ping.
   * @param {number} now
   */
  ping(now) {
    this.#count += 1;
    const data = String(this.#count);
    if (this.#pings.size > PINGS) for (const oldest of [...this.#pings.keys()].slice(0, 1)) this.#pings.delete(oldest);
    this.#pings.set(data, now);
    this.asked(now);
    return { t: "ping", data };
  }

  /**
   * Returns a ping whose lateness is suspicious without any silence before it.
   * @param {number} now
   */
  probe(now) {
    this.#probed ??= now;
    return this.ping(now);
  }

  /**
   * Begins the silence anew: we were not listening.
   * @param {number} now
   */
  forgive(now) {
    this.#heart.forgive(now);
    this.#read = now;
    this.#unanswered = this.#probed = null;
  }

  /**
   * Returns when silence, or the lateness of an answer, becomes suspicious; null before the welcome. That is no
   * later than half of the heartbeat's limit after the last word that came.
   */
  suspectedAt() {
    if (this.phase !== "live") return null;
    const times = [this.#read + this.#heart.limit / 2];
    if (this.#unanswered !== null) {
      const late = this.#unanswered + this.#roundTrip.patience(PATIENCE);
      times.push(Math.max(late, this.#read + this.#heart.interval));
    }
    if (this.#probed !== null) times.push(this.#probed + this.#roundTrip.patience(PROBE_PATIENCE));
    return Math.min(...times);
  }

  /** Returns when check has something to say if nothing happens before. */
  dueAt() {
    return this.#heart.dueAt();
  }

  /**
   * @param {string} data
   * @param {number} now
   */
  #ponged(data, now) {
    const sent = this.#pings.get(data);
    this.#pings.delete(data);
    if (sent !== undefined) this.#roundTrip.measured(now - sent);
    if (!this.#pings.size) this.#unanswered = null;
  }
}
