/**
 * The links: dialling, loss, and coming back.
 *
 * There is the current one, which was welcomed, and an attempt. While the current one is suspected an attempt is
 * made beside it (make before break); the one that is welcomed first, or speaks first, is kept. The server asks
 * such an attempt whether it is still wanted, so one that was given up takes nothing over.
 */

import { STEADY } from "./backoff.js";
import { Link } from "./link.js";

/** Seconds for which a hello that was never answered may still take our session over from us. */
const ORPHAN = 60;

/** Seconds after its welcome in which a link that fell silent may never have brought anything forward. */
const YOUNG = 20;

/** Links in a row that brought nothing forward before a suspected one is left alone until it is dead. */
const ENOUGH = 2;

/** The current link, and the attempt beside or before it. */
export class Links {
  /** @type {Link | null} */ current = null;
  /** @type {Link | null} */ attempt = null;
  /** @type {import("./output.js").Notice | null} */ stopped = null;
  #count = 0;
  #stalls = 0;
  /** @type {number | null} */ #orphaned = null;

  /**
   * @param {import("./requests.js").Requests} requests know what a link owes us, and are told when it is gone
   * @param {import("./output.js").Output} out
   * @param {import("./backoff.js").Backoff} backoff
   */
  constructor(requests, out, backoff) {
    this.requests = requests;
    this.out = out;
    this.backoff = backoff;
  }

  // ---- which there are ----------------------------------------------------------------------------

  /** Returns the links that there are, the current one first. */
  all() {
    return [this.current, this.attempt].flatMap((link) => (link ? [link] : []));
  }

  /**
   * Returns the link with that number; null if it is gone.
   * @param {number} number
   */
  get(number) {
    return this.all().find((link) => link.number === number) ?? null;
  }

  /** The current link, once we have spoken behind its welcome. */
  get open() {
    return this.current?.introduced ? this.current : null;
  }

  /** Whether links in a row brought nothing forward: another attempt will hardly. */
  get patient() {
    return this.#stalls >= ENOUGH;
  }

  /** Where we stand: idle, waiting, dialling, greeting, connected, quiet or stopped. */
  get state() {
    if (this.stopped) return "stopped";
    if (this.current) return this.current.quiet ? "quiet" : "connected";
    return this.attempt?.phase ?? "idle";
  }

  // ---- coming up ----------------------------------------------------------------------------------

  /**
   * Makes an attempt in delay seconds.
   * @param {number} delay
   * @param {number} now
   */
  dial(delay, now) {
    this.attempt = new Link(++this.#count);
    this.attempt.wait(now + delay);
    this.out.add({ do: "connect", link: this.attempt.number, delay });
  }

  /**
   * Probes the current link, and dials without waiting; the network may be another one.
   * @param {number} now
   */
  hurry(now) {
    this.#stalls = 0;
    if (this.current) this.out.write(this.current, [this.current.probe(now)], now);
    if (this.attempt?.phase === "waiting") {
      this.attempt.wait(now);
      this.out.add({ do: "connect", link: this.attempt.number, delay: 0 });
    }
  }

  /**
   * Makes an attempt the current link; the one before it, if there is one, is done with.
   * @param {Link} link
   * @param {number} now
   */
  promote(link, now) {
    if (this.current) this.replaced(this.current, now);
    this.current = link;
    this.attempt = null;
  }

  /**
   * Closes the current link, in whose place another one takes the session.
   * @param {Link} link
   * @param {number} now
   */
  replaced(link, now) {
    this.#close(link);
    this.judge(link, now);
    this.#letGo();
  }

  // ---- loss ---------------------------------------------------------------------------------------

  /**
   * Closes link, and goes on as ended does.
   * @param {Link} link
   * @param {string} reason
   * @param {number} now
   * @param {{answered?: boolean, slot?: number | null}} how
   */
  drop(link, reason, now, { answered = true, slot = null } = {}) {
    this.#close(link);
    this.ended(link, reason, now, answered, slot);
  }

  /**
   * Notes that link ended, and dials again.
   * @param {Link} link
   * @param {string} reason
   * @param {number} now
   * @param {boolean} answered somebody was there to end it
   * @param {number | null} slot the wait in seconds that the server named
   */
  ended(link, reason, now, answered, slot = null) {
    this.out.reason = reason;
    if (link === this.attempt) {
      this.#attemptFailed(link, reason, now, answered, slot);
      return;
    }
    if (link.liveSince !== null && now - link.liveSince >= STEADY) this.backoff.reset();
    this.judge(link, now);
    this.#letGo();
    this.out.notify({ what: "lost", reason });
    if (!this.attempt) this.dial(this.delay(now, answered, slot), now);
  }

  /**
   * @param {Link} link
   * @param {string} reason
   * @param {number} now
   * @param {boolean} answered
   * @param {number | null} slot
   */
  #attemptFailed(link, reason, now, answered, slot) {
    const delay = this.delay(now, answered, slot);
    this.#forget(link, now);
    if (!this.current) this.out.notify({ what: "cannot-connect", reason, retryIn: delay });
    if (!this.current || this.current.quiet) this.dial(delay, now);
  }

  /**
   * Looks once whether a link that is suspected, or ends, has brought nothing forward.
   * @param {Link} link
   * @param {number} now
   */
  judge(link, now) {
    const young = link.liveSince !== null && now - link.liveSince < YOUNG;
    if (!(young && link.quiet && (!link.complete || this.requests.owedOn(link)))) this.#stalls = 0;
    else if (!link.judged) {
      link.judged = true;
      this.#stalls += 1;
    }
  }

  /**
   * Notes that a suspected link has brought something: no attempt is needed that nobody has answered.
   * @param {number} now
   */
  served(now) {
    this.#stalls = 0;
    if (this.attempt && !this.attempt.answered) {
      this.#close(this.attempt);
      this.#forget(this.attempt, now);
    }
  }

  /** @param {Link} link */
  #close(link) {
    this.out.add({ do: "close", link: link.number, politely: false });
  }

  /**
   * @param {Link} attempt
   * @param {number} now
   */
  #forget(attempt, now) {
    this.attempt = null;
    if (attempt.phase === "greeting") this.#orphaned = now;
  }

  #letGo() {
    this.current = null;
    this.requests.unlinked();
  }

  /**
   * Returns for how many seconds to wait before the next attempt.
   * @param {number} now
   * @param {boolean} answered
   * @param {number | null} slot
   */
  delay(now, answered = true, slot = null) {
    return answered || slot !== null ? this.backoff.afterAnswer(now, slot) : this.backoff.afterSilence(now);
  }

  /**
   * Returns whether a hello of ours that was never answered may have had its effect.
   * @param {number} now
   */
  orphanedLately(now) {
    return this.#orphaned !== null && now - this.#orphaned < ORPHAN;
  }

  // ---- the end ------------------------------------------------------------------------------------

  /**
   * Closes all links, and makes no other; politely lets out what was written to the current one.
   * @param {string} code
   * @param {string} text
   * @param {boolean} politely
   */
  stop(code, text, politely = false) {
    for (const link of this.all()) this.out.add({ do: "close", link: link.number, politely: politely && link === this.current });
    this.attempt = null;
    this.#letGo();
    this.stopped ??= { what: "stopped", code, text };
    this.out.add({ do: "save", urgent: true });
  }

  /**
   * Stops for a reason that no further attempt can mend.
   * @param {string} code
   * @param {string} text
   */
  giveUp(code, text) {
    this.out.reason = text;
    this.stop(code, text);
    this.out.notify({ what: "stopped", code, text });
  }
}
