/**
 * Trails: what was seen of a room, as checks, so that it can be told whether a log is still the one it was.
 *
 * The latest events are known one by one, of older ones fewer and fewer are: the older, the wider apart.
 */

/** Latest events that are known one by one, at the least; twice as many at the most. */
const WINDOW = 256;

/** Events between two points that leave the run. */
const GRAIN = 16;

/** The part of its distance from the newest event that may lie between a point and the next. */
const PART = 16;

/** Points that are kept at the most: enough for some hundred thousand events. */
const MOST = 255;

/** How far before the last event those are that stand for all of the run. */
const AGES = [450, 300, 200, 135, 90, 60, 40, 27, 18, 12, 8, 6, 5, 4, 3, 2, 1, 0];

const UNKNOWN = "";

/** @typedef {[seq: number, check: string]} Point */

/** The checks of events seen of one room: a run of the latest ones, with small holes, and older points. */
export class Trail {
  /** @type {Point[]} */ points = [];
  begin = 1;
  /** @type {string[]} */ run = [];

  /**
   * Returns the trail that kept, as stored, was.
   * @param {{points: Point[], begin: number, run: string[]}} kept
   */
  static from(kept) {
    return Object.assign(new Trail(), { points: [...kept.points], begin: kept.begin, run: [...kept.run] });
  }

  /** Returns it as it can be stored. */
  kept() {
    return { points: [...this.points], begin: this.begin, run: [...this.run] };
  }

  /** The newest event known; 0 where there is none. */
  get last() {
    return this.run.length ? this.begin + this.run.length - 1 : 0;
  }

  /**
   * Notes the check of event seq, newer than all that is known.
   * @param {number} seq
   * @param {string} check
   */
  add(seq, check) {
    const hole = seq - this.last - 1;
    if (this.run.length && hole > WINDOW) this.#spill(this.run.length);
    if (this.run.length) for (let i = 0; i < hole; i++) this.run.push(UNKNOWN);
    else this.begin = seq;
    this.run.push(check);
    if (this.run.length >= 2 * WINDOW) this.#spill(WINDOW);
  }

  /**
   * Returns whether event seq was seen, with that check.
   * @param {number} seq
   * @param {string} check
   */
  knows(seq, check) {
    return this.#check(seq) === check;
  }

  /**
   * Returns whether the check of event seq is known.
   * @param {number} seq
   */
  has(seq) {
    return this.#check(seq) !== null;
  }

  /**
   * Returns the oldest event known behind seq; the one behind the newest if there is none.
   * @param {number} seq
   */
  next(seq) {
    const point = this.points.find(([at]) => at > seq);
    if (point) return point[0];
    seq = Math.max(seq + 1, this.begin);
    while (seq <= this.last && this.#at(seq) === UNKNOWN) seq++;
    return seq;
  }

  /**
   * Returns at most so many events with their checks, the newest first, the older the wider apart.
   * @param {number} most
   * @returns {Point[]}
   */
  some(most) {
    if (!this.run.length) return [];
    const run = this.#spread().map((seq) => /** @type {Point} */ ([seq, this.#at(seq)]));
    let found = [...this.#rare(), ...run.filter(([, check]) => check !== UNKNOWN)];
    const count = found.length, all = found;
    if (count > most)
      found = most > 1 ? Array.from({ length: most }, (_, i) => all[Math.floor((i * (count - 1)) / (most - 1))]) : all.slice(-1);
    return found.reverse();
  }

  /**
   * Returns the part of it up to event seq.
   * @param {number} seq
   */
  cut(seq) {
    const part = new Trail();
    part.points = this.points.filter(([at]) => at <= seq);
    part.begin = this.begin;
    part.run = this.run.slice(0, Math.max(0, seq + 1 - this.begin));
    while (part.run.length && part.run[part.run.length - 1] === UNKNOWN) part.run.pop();
    const last = part.run.length ? undefined : part.points.pop();
    if (last) [part.begin, part.run] = [last[0], [last[1]]];
    return part;
  }

  /** @param {number} seq */
  #at(seq) {
    return this.run[seq - this.begin];
  }

  /**
   * @param {number} seq
   * @returns {string | null}
   */
  #check(seq) {
    if (this.run.length && this.begin <= seq && seq <= this.last) return this.#at(seq) || null;
    const point = this.points.find(([at]) => at === seq);
    return point ? point[1] : null;
  }

  /** Returns the run's first event, then ones that are ever closer to its last one, and that. */
  #spread() {
    return [this.begin, ...AGES.map((age) => this.last - age).filter((seq) => seq > this.begin)];
  }

  /** Returns some of the older points: one for each doubling of the distance. */
  #rare() {
    const ages = new Set(), newest = this.points.length ? this.points[this.points.length - 1][0] : 0;
    return this.points.filter(([seq]) => {
      const far = Math.floor((newest - seq) / WINDOW), age = far ? Math.floor(Math.log2(far)) + 1 : 0;
      return !ages.has(age) && ages.add(age);
    });
  }

  /**
   * Makes points of some of the count oldest events of the run, and keeps fewer of the older ones.
   * @param {number} count
   */
  #spill(count) {
    let newest = this.begin + count - 1;
    while (this.#at(newest) === UNKNOWN) newest--; // the first one of a run is known
    for (let seq = this.begin; seq <= newest; seq++) {
      const check = this.#at(seq);
      if (check !== UNKNOWN && (seq === this.begin || seq === newest || seq % GRAIN === 0)) this.points.push([seq, check]);
    }
    this.run.splice(0, count);
    this.begin += count;
    while (this.run.length && this.run[0] === UNKNOWN) {
      this.run.shift();
      this.begin++;
    }
    this.#thin(PART);
    for (let part = PART >> 1; this.points.length > MOST; part >>= 1) this.#thin(part);
  }

  /**
   * Drops the points without which no hole is more than that part of its distance.
   * @param {number} part
   */
  #thin(part) {
    const points = this.points;
    if (points.length < 2) return;
    const newest = points[points.length - 1][0], kept = [points[points.length - 1]];
    for (let at = points.length - 2; at > 0; at--) {
      const hole = kept[kept.length - 1][0] - points[at - 1][0];
      if (hole > Math.max(GRAIN, Math.floor((newest - points[at][0]) / part))) kept.push(points[at]);
    }
    this.points = [points[0], ...kept.reverse()];
  }
}
