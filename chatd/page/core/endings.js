/** The ends that the server puts to links: it refuses a hello, says goodbye, or makes no sense. */

import { forget, isFinal } from "./session.js";

/** @typedef {import("./link.js").Link} Link */

/** What the reasons of a goodbye mean. */
const REASONS = /** @type {Record<string, string>} */ ({
  goodbye: "the peer said goodbye",
  lost: "the transport closed without a goodbye",
  silent: "nothing was received for the agreed limit",
  stuck: "no byte was taken for 30 s while bytes waited, and nothing was heard",
  behind: "a guest of IRC without history was more than 1 MiB behind",
  swallowed: "large packets were lost on the way; the next connection has smaller ones",
  "hello-timeout": "no complete hello within the deadline",
  "bad-input": "the peer broke the protocol",
  flood: "the peer went on asking far more than it may, and heeded no refusal",
  refused: "the hello was refused",
  "taken-over": "a newer connection of the same session took over",
  ended: "the session was ended by its user or an operator",
  banned: "an operator has banned its address from the server",
  drain: "the daemon is stopping",
  fault: "a fault of the daemon itself, logged with its traceback",
});

const ENDED = "This session was ended by its owner or an operator; log in again, or begin as a guest.";
const TAKEN_OVER = "Another window or device took this session over; only one may use it at a time.";

/** Dials again, in another way maybe, or gives up where no further attempt can mend it. */
export class Endings {
  /**
   * @param {import("./session.js").Session} session
   * @param {import("./rooms.js").Rooms} rooms
   * @param {import("./links.js").Links} links
   * @param {import("./backoff.js").Backoff} backoff
   * @param {import("./output.js").Output} out
   */
  constructor(session, rooms, links, backoff, out) {
    this.session = session;
    this.rooms = rooms;
    this.links = links;
    this.backoff = backoff;
    this.out = out;
  }

  /**
   * Takes in that the server refuses our hello, or the link as a whole.
   * @param {Link} link
   * @param {import("./wire.js").Failure} error
   * @param {number} now
   */
  turnedAway(link, error, now) {
    const greeting = link.phase === "greeting";
    if (greeting && this.#mended(error)) {
      this.out.add({ do: "close", link: link.number, politely: false });
      this.links.dial(0, now);
    } else if (greeting && error.code === "nick-taken" && this.links.orphanedLately(now)) this.#claimAgain(link, now);
    else if (isFinal(error)) this.links.giveUp(error.code, error.text);
    else this.links.drop(link, error.text, now, { slot: error.retry_after ?? null });
  }

  /**
   * Claims the nick again, which an attempt of ours may hold that broke off.
   * @param {Link} link
   * @param {number} now
   */
  #claimAgain(link, now) {
    this.out.add({ do: "close", link: link.number, politely: false });
    this.links.attempt = null;
    const delay = this.links.delay(now);
    this.out.notify({ what: "cannot-connect", reason: "the nick is held by an attempt that broke off", retryIn: delay });
    this.links.dial(delay, now);
  }

  /**
   * Forgets what the server does not know; returns whether another hello may help.
   * @param {import("./wire.js").Failure} error
   */
  #mended(error) {
    if (error.code === "unknown-session") return forget(this.session);
    if (error.code === "cursor-beyond-head" && error.room && this.rooms.seen.cursors.has(error.room)) {
      this.out.notify(this.rooms.forget(error.room, this.rooms.name(error.room)));
      this.out.save();
      return true;
    }
    return false;
  }

  /**
   * Takes in why the server closes the link.
   * @param {Link} link
   * @param {import("./wire.js").Goodbye} goodbye
   * @param {number} now
   */
  goodbye(link, { reason = "", text = "", retry_after: slot = null }, now) {
    if (reason === "ended") {
      forget(this.session);
      this.out.save();
      this.links.giveUp(reason, text || ENDED);
    } else if (reason !== "taken-over") {
      const meaning = Object.hasOwn(REASONS, reason) ? REASONS[reason] : reason;
      this.links.drop(link, text || meaning, now, { slot });
    } else if (this.links.attempt?.phase === "greeting") this.links.replaced(link, now);
    else if (this.links.orphanedLately(now))
      this.links.drop(link, "an earlier attempt of ours took the session over", now, { slot: 0 });
    else this.links.giveUp(reason, TAKEN_OVER);
  }

  /**
   * Gives up a link that makes no sense; who never spoke the protocol will hardly learn it soon.
   * @param {Link} link
   * @param {Error} error
   * @param {number} now
   */
  misunderstood(link, error, now) {
    const slot = link.understood ? null : this.backoff.stubborn();
    this.links.drop(link, `it does not speak chatd's protocol: ${error.message}`, now, { slot });
  }
}
