/** The watch: looks at each link's silence, and tells when it is suspected or dead. */

/** @typedef {import("./link.js").Link} Link */

/** Watches all links; while the current one is suspected an attempt is made beside it. */
export class Watch {
  /**
   * @param {import("./links.js").Links} links
   * @param {import("./output.js").Output} out
   */
  constructor(links, out) {
    this.links = links;
    this.out = out;
  }

  /** Returns the times at which check has something to do, if nothing happens before. */
  times() {
    const times = this.links.all().filter(({ phase }) => phase === "greeting" || phase === "live").map((link) => link.dueAt());
    const { current, attempt } = this.links;
    const suspected = current && !attempt && !this.#leaveAlone(current) ? current.suspectedAt() : null;
    return suspected === null ? times : [...times, suspected];
  }

  /**
   * Pings where it is time, suspects a link that is silent, and drops one that is dead.
   * @param {number} now
   */
  check(now) {
    for (const link of this.links.all()) {
      const verdict = link.check(now);
      if (verdict === "dead") {
        this.links.drop(link, `silent for ${Math.round(link.silence(now))} s`, now, { answered: false });
        continue;
      }
      if (verdict === "ping") this.out.write(link, [link.ping(now)], now);
      const suspected = link.suspectedAt();
      if (link === this.links.current && !this.links.attempt && suspected !== null && now >= suspected) this.#suspect(link, now);
    }
  }

  /**
   * @param {Link} link
   * @param {number} now
   */
  #suspect(link, now) {
    if (!link.quiet) this.out.notify({ what: "quiet", seconds: link.silence(now) });
    link.quiet = true;
    this.links.judge(link, now);
    if (!this.#leaveAlone(link)) this.links.dial(0, now);
  }

  /**
   * Returns whether a suspected link lives until it is dead, as the ones before it helped nobody.
   * @param {Link} link
   */
  #leaveAlone(link) {
    return link.quiet && this.links.patient;
  }

  /**
   * Ends the suspicion of the current link, which brought something.
   * @param {Link} link
   * @param {number} now
   */
  served(link, now) {
    if (!link.quiet) return;
    link.quiet = link.judged = false;
    this.out.notify({ what: "revived" });
    this.links.served(now);
  }

  /**
   * Begins every silence anew: we were not listening.
   * @param {number} now
   */
  forgive(now) {
    for (const link of this.links.all()) link.forgive(now);
  }
}
