/**
 * The client's state machine: one session with one server, over as many links as it takes.
 *
 * No I/O, no clock: time comes in as seconds of a steady clock, effects go out. Every input returns the effects to
 * be performed, in order. It does the same as the companion client's machine, on every input: the same scenarios
 * drive both in the tests. The machine hands its inputs down to its parts, none of which calls it.
 */

import { Backoff } from "./backoff.js";
import { Dialogue } from "./dialogue.js";
import { Endings } from "./endings.js";
import { Greeting } from "./greeting.js";
import { Links } from "./links.js";
import { Output } from "./output.js";
import { HoleError, OutOfStepError } from "./problems.js";
import { Requests } from "./requests.js";
import { Rooms } from "./rooms.js";
import { Seen } from "./seen.js";
import { Trail } from "./trail.js";
import { Watch } from "./watch.js";
import { ProtocolError } from "./wire.js";

/** @typedef {import("./output.js").Effect} Effect */

/** Seconds that a tick may come late before we, not the server, are held to have been away. */
const STALL = 1;

/** Seconds until it is said again that somebody types in a room: others take it for true for twice as long. */
const TYPES_AGAIN = 3;

/**
 * What an earlier page left: session, last accepted send, cursors with names and trails, outbox, and the rooms
 * that something waits for, and whose joins were not done.
 * @typedef {{session: import("./session.js").Session, last: number, rooms: {room: string, name: string, cursor: number, trail: ReturnType<Trail["kept"]> | null}[], outbox: import("./outbox.js").Entry[], entering: string[]}} Remembered
 */

/** The session, its rooms and its requests, and the links that come and go. */
export class Machine {
  #backoff;
  #watch;
  #greeting;
  #endings;
  #dialogue;
  /** @type {number | null} */ #due = null;
  #reading = true;
  /** @type {Map<string, number>} */ #typed = new Map();

  /**
   * @param {Remembered} remembered
   * @param {import("./session.js").Wishes} wishes
   * @param {(low: number, high: number) => number} uniform draws a number from a range
   */
  constructor(remembered, wishes, uniform) {
    this.session = { ...remembered.session };
    this.wishes = wishes;
    this.out = new Output();
    this.#backoff = new Backoff(uniform);
    const cursors = remembered.rooms.map(({ room, cursor }) => /** @type {[string, number]} */ ([room, cursor]));
    const trails = remembered.rooms.flatMap(({ room, trail }) => (trail ? [/** @type {[string, Trail]} */ ([room, Trail.from(trail)])] : []));
    const names = remembered.rooms.map(({ room, name }) => /** @type {[string, string]} */ ([room, name]));
    this.rooms = new Rooms(new Seen(cursors, trails), names, wishes.rooms);
    this.rooms.enter(remembered.entering);
    this.requests = new Requests(remembered, this.session, this.rooms, this.out, (slot) => this.#backoff.later(slot));
    this.links = new Links(this.requests, this.out, this.#backoff);
    this.#watch = new Watch(this.links, this.out);
    this.#greeting = new Greeting(this.session, wishes, this.rooms, this.requests, this.links, this.out);
    this.#endings = new Endings(this.session, this.rooms, this.links, this.#backoff, this.out);
    this.#dialogue = new Dialogue(this.session, this.rooms, this.requests, this.links, this.#greeting, this.#endings, this.out);
  }

  /** Where we stand: idle, waiting, dialling, greeting, connected, quiet or stopped. */
  get state() {
    return this.links.state;
  }

  // ---- inputs: a link, from its beginning to its end ----------------------------------------------

  /**
   * Begins to connect.
   * @param {number} now
   */
  start(now) {
    this.links.dial(0, now);
    return this.#effects();
  }

  /**
   * Notes that the delay is over and the transport of link number is being opened.
   * @param {number} number
   * @param {number} now
   */
  dialling(number, now) {
    this.links.get(number)?.dial(now);
    return this.#effects();
  }

  /**
   * Says hello: the transport of link number is open.
   * @param {number} number
   * @param {number} now
   */
  connected(number, now) {
    const link = this.links.get(number);
    if (link) this.#greeting.greet(link, now);
    else this.out.add({ do: "close", link: number, politely: false });
    return this.#effects();
  }

  /**
   * Takes in one message, as text, or a part of a file from link number.
   * @param {number} number
   * @param {string | Uint8Array} data
   * @param {number} now
   */
  received(number, data, now) {
    const link = this.links.get(number);
    if (!link) return this.#effects();
    try {
      const taken = typeof data === "string" ? link.message(data, now) : link.chunk(data, now);
      if (taken?.message.t === "ping") this.#greeting.pong(link, taken.message.data ?? "", now);
      else if (taken) this.#dialogue.take(link, taken, now);
      if (link === this.links.current) {
        this.#watch.served(link, now);
        this.#pump(now);
      }
    } catch (error) {
      if (error instanceof ProtocolError) this.#endings.misunderstood(link, error, now);
      else if (error instanceof HoleError) this.links.drop(link, `the server left out events: ${error.message}`, now);
      else if (error instanceof OutOfStepError) this.links.drop(link, "the server's answers do not fit what was sent", now);
      else throw error;
    }
    return this.#effects();
  }

  /**
   * Notes whether the transport of link number takes more now.
   * @param {number} number
   * @param {boolean} on
   * @param {number} now
   */
  writable(number, on, now) {
    const link = this.links.get(number);
    if (link) {
      link.writable = on;
      this.#pump(now);
    }
    return this.#effects();
  }

  /**
   * Notes that link number ended or never began.
   * @param {number} number
   * @param {string} reason
   * @param {boolean} answered somebody was there to end it
   * @param {number} now
   */
  lost(number, reason, answered, now) {
    const link = this.links.get(number);
    if (link) this.links.ended(link, reason, now, answered);
    return this.#effects();
  }

  // ---- inputs: time -------------------------------------------------------------------------------

  /** Returns when tick is to be called, if nothing happens before; null: never. */
  wakeAt() {
    const times = [...this.#watch.times(), ...(this.links.open ? this.requests.due() : [])];
    this.#due = times.length ? Math.min(...times) : null;
    return this.#due;
  }

  /**
   * Looks at the clock.
   * @param {number} now
   */
  tick(now) {
    if (this.requests.due().some((due) => now >= due)) this.#pump(now);
    if (!this.#reading || (this.#due !== null && now - this.#due > STALL)) this.#watch.forgive(now);
    this.#watch.check(now);
    return this.#effects();
  }

  /**
   * Notes that what comes is, or is not, being read: what is unread says nothing of the server.
   * @param {boolean} on
   * @param {number} now
   */
  reading(on, now) {
    this.#reading = on;
    this.#watch.forgive(now);
    return this.#effects();
  }

  /**
   * Tries now: probes the live link, or dials without waiting; a hint, not a proof of anything.
   * @param {number} now
   */
  hurry(now) {
    this.links.hurry(now);
    return this.#effects();
  }

  // ---- inputs: what the program wants -------------------------------------------------------------

  /**
   * Appends a send to the outbox, or what act does about event ref; returns its key and effects.
   * @param {string} room
   * @param {string} text
   * @param {number} now
   * @param {{act?: import("./outbox.js").Entry["act"], ref?: number, file?: import("./wire.js").File}} about
   */
  queue(room, text, now, { act = "", ref = 0, file } = {}) {
    this.#typed.delete(this.rooms.roomOf(room));
    const key = this.requests.sends.queue(room, text, act, ref, file);
    this.#pump(now);
    return { key, effects: this.#effects() };
  }

  /**
   * Takes back sends that are not known to be accepted; once that is saved, what is behind goes on.
   * @param {number[]} keys
   */
  withdraw(keys) {
    this.requests.sends.withdraw(new Set(keys));
    return this.#effects();
  }

  /**
   * Asks message, now or once there is a link; returns the id that its reply names, and effects.
   * @param {import("./wire.js").Request} message
   * @param {number} now
   */
  ask(message, now) {
    const id = this.requests.enter(message);
    if (this.links.open) this.requests.ask(this.links.open, now);
    return { id, effects: this.#effects() };
  }

  /**
   * Asks for id no more; an answer on its way is not waited for.
   * @param {number} id
   * @param {number} now
   */
  cancel(id, now) {
    this.requests.asking.answered(id);
    this.#pump(now);
    return this.#effects();
  }

  /**
   * Lets others know that somebody types in room, if that can be told now.
   * @param {string} name
   * @param {number} now
   */
  type(name, now) {
    const link = this.links.open, room = this.rooms.roomOf(name);
    const can = link?.features.has("typing") && !link.quiet && link.writable && this.rooms.followed.has(room);
    if (link && can && !this.requests.outbox.entries.length && now >= (this.#typed.get(room) ?? 0)) {
      for (const [one, until] of this.#typed) if (until <= now) this.#typed.delete(one);
      this.#typed.set(room, now + TYPES_AGAIN);
      this.out.write(link, [{ t: "typing", room }], now);
    }
    return this.#effects();
  }

  /**
   * Begins or ends a transfer, or takes in what became of one of its errands.
   * @param {import("./transfers.js").Step} step
   * @param {number} now
   */
  transfer(step, now) {
    this.requests.transfers.step(step);
    this.#pump(now);
    return this.#effects();
  }

  // ---- inputs: the end ----------------------------------------------------------------------------

  /**
   * Says goodbye and is done; what waits stays remembered.
   * @param {number} now
   */
  stop(now) {
    const goodbye = { t: "goodbye", ...(!this.wishes.keep && { forget: true }) };
    if (this.links.current) this.out.write(this.links.current, [goodbye], now);
    this.links.stop("goodbye", "The client was stopped.", true);
    return this.#effects();
  }

  // ---- inputs: the disk ---------------------------------------------------------------------------

  /** Returns what must be written down since the last call; say saved when it is. */
  changes() {
    this.#greeting.unsaved = false;
    const { stored, deleted } = this.requests.outbox.changes();
    const rooms = this.rooms.seen.changed().map(({ room, cursor, trail }) => ({
      room,
      name: this.rooms.name(room),
      cursor,
      trail: trail.kept(),
    }));
    return { session: { ...this.session }, last: this.requests.outbox.last, rooms, stored, deleted };
  }

  /**
   * Notes that the last changes are on disk, or never will be: what waited for that may go out.
   * @param {number} now
   */
  saved(now) {
    this.#greeting.saved(now);
    this.#pump(now);
    return this.#effects();
  }

  /** @param {number} now */
  #pump(now) {
    if (this.links.open) this.requests.pump(this.links.open, now);
  }

  /** @returns {Effect[]} */
  #effects() {
    return this.out.taken(() => this.#greeting.unsaved || this.requests.outbox.unsaved);
  }
}
