/** Requests: all that is asked of the server over the links that come and go, and what its answers mean. */

import { Asking } from "./asking.js";
import { Outbox } from "./outbox.js";
import { Sends } from "./sends.js";
import { Transfers } from "./transfers.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./wire.js").Ok} Ok */
/** @typedef {import("./wire.js").Failure} Failure */

/** What waits to be asked or answered; answers change the session and the rooms. */
export class Requests {
  asking = new Asking();

  /**
   * @param {{outbox: import("./outbox.js").Entry[], last: number}} remembered
   * @param {import("./session.js").Session} session
   * @param {import("./rooms.js").Rooms} rooms
   * @param {import("./output.js").Output} out
   * @param {(seconds: number) => number} later
   */
  constructor(remembered, session, rooms, out, later) {
    this.outbox = new Outbox(remembered.outbox, remembered.last);
    this.sends = new Sends(this.outbox, () => this.asking.number(), out, later);
    this.transfers = new Transfers(() => this.asking.number(), out, later);
    this.session = session;
    this.rooms = rooms;
    this.out = out;
  }

  // ---- the link -----------------------------------------------------------------------------------

  /**
   * Takes in message behind everything that was entered before; returns its id.
   * @param {import("./wire.js").Request} message
   */
  enter(message) {
    return this.asking.add(message, { after: this.sends.newest });
  }

  /**
   * Writes the plain requests that may be written to link now.
   * @param {Link} link
   * @param {number} now
   */
  ask(link, now) {
    const asked = this.asking.writable(this.sends.oldest, (room) => this.rooms.behindIn(link.positions, room));
    for (const one of asked) if (one.message.t === "topic" && !one.again) one.head = this.rooms.head(one.message.room);
    if (asked.length) this.out.write(link, asked.map((one) => one.message), now);
  }

  /**
   * Writes the requests, the sends and what concerns files that may be written to link now; their parts come last.
   * @param {Link} link
   * @param {number} now
   */
  pump(link, now) {
    this.sends.tick(now);
    this.ask(link, now);
    if (link.writable && this.outbox.sendable) {
      const sends = this.sends.requests(link.window, this.asking.lastSend());
      if (sends.length) this.out.write(link, sends, now);
    }
    const { all, agreements } = this.transfers;
    if (all.size || agreements.words.length) this.#pumpTransfers(link, now);
  }

  /**
   * @param {Link} link
   * @param {number} now
   */
  #pumpTransfers(link, now) {
    const told = this.transfers.told(), asked = this.transfers.agreements.asked(now, this.asking.delayed);
    if (told.length) this.out.say(link, told, now);
    if (asked.length) this.out.write(link, asked, now);
    if (link.writable) for (const chunk of this.transfers.chunks(now)) this.out.chunk(link, chunk, now);
  }

  /** Returns the times at which there may be something to write, if nothing happens before. */
  due() {
    const times = this.transfers.all.size ? this.transfers.due() : [];
    return this.sends.heldUntil === null ? times : [...times, this.sends.heldUntil];
  }

  /**
   * Returns whether the server has not answered or brought yet what link asked it for.
   * @param {Link} link
   */
  owedOn(link) {
    const asked = [...this.asking.asked.values()].some((one) => one.written);
    return asked || this.outbox.inFlight > 0 || this.transfers.agreements.count > 0 || this.rooms.behind(link.positions);
  }

  /** Notes that the link is gone; what cannot be asked again is answered with nothing. */
  unlinked() {
    this.transfers.agreements.unlinked();
    this.outbox.restart();
    for (const id of this.asking.restart()) this.out.reply(id, null);
  }

  // ---- answers ------------------------------------------------------------------------------------

  /**
   * Takes in that a request was done; returns it if it is a join that a new link began with.
   * @param {Ok} ok
   * @param {number} now
   */
  accepted(ok, now) {
    if (this.outbox.asked(ok.id)) {
      this.sends.accepted(ok);
      return null;
    }
    const asked = this.asking.answered(ok.id);
    if (asked?.wanted) return asked;
    if (asked) {
      this.#done(asked.message);
      this.out.reply(ok.id, ok);
    } else this.transfers.agreements.answered(ok.id, ok, now);
    return null;
  }

  /**
   * Takes in that request id was refused; returns it if it is a join that a new link began with.
   * @param {number} id
   * @param {Failure} error
   * @param {number} now
   */
  refused(id, error, now) {
    if (this.outbox.asked(id)) {
      this.sends.refused(id, error, now);
      return null;
    }
    const asked = this.asking.answered(id);
    if (asked?.wanted) return asked;
    if (asked && asked.again && asked.message.t === "leave" && error.code === "not-a-member") {
      this.#done(asked.message);
      this.out.reply(id, { t: "ok", id });
    } else if (asked) this.out.reply(id, error);
    else this.transfers.agreements.answered(id, error, now);
    return null;
  }

  /**
   * Takes in an event: it may tell what became of a request whose answer was lost.
   * @param {import("./wire.js").Event} event
   */
  seen(event) {
    if (event.kind !== "topic" || event.by !== this.session.nick) return;
    const id = this.asking.seenTopic(this.rooms.name(event.room), event.text ?? "", event.seq);
    if (id === null) return;
    this.asking.answered(id);
    this.out.reply(id, { t: "ok", id, seq: event.seq, room: event.room });
  }

  /** @param {import("./wire.js").Request} message */
  #done(message) {
    if (message.t === "join") this.rooms.want(message.room);
    else if (message.t === "leave") this.rooms.unwant(message.room);
    else if (message.t === "nick") {
      this.session.nick = message.nick;
      this.out.save();
    }
  }
}
