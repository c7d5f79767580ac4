/** Pages: has what is to be seen of a log loaded, page by page. */

/** @typedef {import("./run.js").Run} Run */

/** Events of a page of history. */
export const PAGE = 60;

/** Milliseconds for which events whose reactions changed gather before they are looked at. */
const LOOK = 150;

/** Loads what is wanted of logs. */
export class Pages {
  /** @type {number | undefined} */ #looking;
  #ask;
  #came;
  #changed;
  #refused;

  /**
   * @param {(message: any) => Promise<any>} ask
   * @param {{came: () => void, changed: () => void, refused: (why: string) => void}} tell came: what is shown may be read now
   */
  constructor(ask, { came, changed, refused }) {
    this.#ask = ask;
    this.#came = came;
    this.#changed = changed;
    this.#refused = refused;
  }

  /**
   * Loads the newest page of a log.
   * @param {Run} run
   */
  async load(run) {
    await this.page(run, {}, false);
    await this.newer(run);
    this.#came();
  }

  /**
   * Loads what is behind what is loaded: all of it, or a page where somebody looks at what was said before.
   * @param {Run} run
   */
  async newer(run) {
    while (run.high && !run.isAtHead) {
      const before = run.high;
      await this.page(run, { after: run.high }, false);
      if (run.high === before || run.scrolled) return;
    }
  }

  /**
   * Loads the page before what is loaded.
   * @param {Run} run
   */
  async older(run) {
    if (run.low > run.first) await this.page(run, { before: run.low }, true);
  }

  /**
   * Goes to the newest event.
   * @param {Run} run
   */
  async toEnd(run) {
    run.scrolled = false;
    if (!run.isAtHead) await this.load(run);
    this.#came();
    this.#changed();
  }

  /**
   * Loads a page, unless one is on its way.
   * @param {Run} run
   * @param {{before?: number, after?: number}} where
   * @param {boolean} older
   */
  page(run, where, older) {
    run.loading ??= this.#fetch(run, where, older);
    return run.loading;
  }

  /**
   * @param {Run} run
   * @param {{before?: number, after?: number}} where
   * @param {boolean} older
   */
  async #fetch(run, where, older) {
    const { age } = run;
    run.broken = false;
    try {
      const page = await this.#ask({ t: "history", limit: PAGE, present: true, ...run.where, ...where });
      if (run.age !== age) return;
      if (where.after) run.newer(page);
      else run.page(page, older);
    } catch (error) {
      run.broken = true;
      this.#refused(String(/** @type {Error} */ (error).message));
    } finally {
      run.loading = null;
      this.#changed();
    }
    if (run.age !== age) await this.load(run);
  }

  /**
   * Looks at the events of a log whose reactions changed, once for all that change in a moment.
   * @param {Run} run
   */
  lookSoon(run) {
    this.#looking ??= setTimeout(async () => {
      this.#looking = undefined;
      const seqs = [...run.stale].slice(0, 50);
      run.stale.clear();
      const found = await this.#ask({ t: "look", room: run.where.room, seqs }).catch(() => null);
      if (found) run.looked(found);
      else for (const seq of seqs) run.stale.add(seq); // behind the next link
      this.#changed();
    }, LOOK);
  }
}
