/**
 * A run: events of a log that are loaded, from low to high, without holes, each with what it has become.
 *
 * Only so many are loaded at once. Where somebody looks at old ones the newest go, and come again as they go on; so
 * a log of any length can be looked through, and what a window holds and shows of it stays bounded.
 */

import { gist } from "./words.js";

/** @typedef {import("../core/wire.js").Event} Event */
/** @typedef {{emoji: string, count: number, mine?: boolean}} Reaction */
/** @typedef {{seq: number, by: string, text?: string, removed?: boolean}} Quote */

/**
 * A page of history, or what was looked at: events, and what they have become up to event at.
 * @typedef {{events?: Event[], became?: any[], quotes?: Quote[], more?: boolean, at?: number}} Page
 */

/**
 * One event with what it has become up to event asOf, its reactions up to event reactedAt.
 * @typedef {{seq: number, asOf: number, reactedAt: number, ts: number, kind: string, by: string, text: string, own: boolean, edited: boolean, removed: boolean, pinned: boolean, reactions: Reaction[], replies: number, ref: number, thread: number, mentions: string[], before: string[], value: string, whom: string, reason: string, file?: import("../core/wire.js").File}} Item
 */

/** Events that stay loaded while nobody looks further up, and how many more gather before the oldest of them go. */
const KEPT = 200, SLACK = 100;

/** Events that are loaded at the most. */
export const MOST = 300;

/** What is left of an event whose content was removed. */
const REMOVED = Object.freeze({ removed: true, text: "", reactions: [], pinned: false, file: undefined });

/** Events about others that are kept while a page may be on its way. */
const RECENT = 200;

/** Letters of a quote. */
const QUOTED = 80;

/** Kinds of events that have no line of their own. */
const ABOUT = new Set(["edit", "react", "unreact", "pin", "unpin", "remove"]);

/** What is loaded of one log. */
export class Run {
  /** How its lines are named in the page. */
  mark = "e";
  head = 0;
  low = 0;
  high = 0;
  first = 1;
  /** @type {Promise<void> | null} a page on its way */ loading = null;
  /** The event that is to be scrolled to once it is there, 0 for none. */
  sought = 0;
  /** Whether the last page did not come: then no other one is asked for until somebody wants it. */
  broken = false;
  /** Counts how often all was forgotten: a page that was asked for before is none of it. */
  age = 0;
  /** Whether somebody looks at what was said before: then that stays, and nothing new is added beyond bounds. */
  scrolled = false;
  /** @type {Item[]} */ items = [];
  /** @type {Map<number, Quote>} */ quotes = new Map();
  /** @type {Event[]} the latest that are about others, for pages that were read before they came */ recent = [];
  /** @type {Set<number>} events whose reactions are to be looked at again */ stale = new Set();
  #whose;

  /** @param {{nick: string}} whose who reads it */
  constructor(whose) {
    this.#whose = whose;
  }

  /**
   * Where its history is read.
   * @returns {{room: string, thread?: number}}
   */
  get where() {
    return { room: "" };
  }

  /** Whether what is loaded reaches the newest event. */
  get isAtHead() {
    return this.high >= this.head;
  }

  /**
   * Returns the item with that number.
   * @param {number} seq
   */
  item(seq) {
    let low = 0, high = this.items.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, found = this.items[middle];
      if (found.seq === seq) return found;
      if (found.seq < seq) low = middle + 1;
      else high = middle - 1;
    }
    return null;
  }

  /** Forgets what is loaded. */
  unload() {
    this.age += 1;
    this.low = this.high = 0;
    this.items = [];
    this.quotes.clear();
    this.stale.clear();
  }

  // ---- events that come ---------------------------------------------------------------------------

  /**
   * Adds an event that stands at the end of what is loaded, unless there is too much of that already.
   * @param {Event} event
   * @param {boolean} own
   */
  follow(event, own) {
    if (this.scrolled && this.items.length >= MOST) return;
    this.high = event.seq;
    this.#append(event, own, event.seq);
    this.#shorten();
  }

  /**
   * Adds an event as it is at event asOf.
   * @param {Event} event
   * @param {boolean} own
   * @param {number} asOf
   */
  #append(event, own, asOf) {
    if (ABOUT.has(event.kind)) return;
    const item = itemOf(event, own || event.by === this.#whose.nick, asOf);
    this.items.push(item);
    if (item.ref && !this.#quote(item.ref) && !this.quotes.has(item.ref)) this.stale.add(item.ref);
  }

  /**
   * Takes in an event that may be about others.
   * @param {Event} event
   */
  heed(event) {
    if (!ABOUT.has(event.kind) && !event.thread) return;
    this.recent = [...this.recent.slice(-RECENT), event];
    this.#concern(event);
  }

  /**
   * Changes what an event is about, as far as that is loaded and not known already.
   * @param {Event} event
   */
  #concern(event) {
    const root = event.thread ? this.item(event.thread) : null;
    if (root && event.seq > root.asOf) Object.assign(root, { replies: root.replies + 1, asOf: event.seq });
    if (ABOUT.has(event.kind)) for (const seq of event.refs?.length ? event.refs : [event.ref ?? 0]) this.#change(seq, event);
  }

  /**
   * @param {number} seq
   * @param {Event} event
   */
  #change(seq, event) {
    const item = this.item(seq), quoted = this.quotes.get(seq), { kind, text = "", mentions = [] } = event;
    if (kind === "remove" && quoted) Object.assign(quoted, { removed: true, text: "" });
    if (kind === "edit" && quoted && !quoted.removed) quoted.text = text.slice(0, QUOTED);
    if (!item || item.removed) return;
    if (kind === "react" || kind === "unreact") {
      if (event.seq > item.reactedAt) this.stale.add(seq);
    } else if (event.seq > item.asOf) {
      item.asOf = event.seq;
      if (kind === "remove") Object.assign(item, REMOVED);
      else if (kind === "edit") Object.assign(item, { text, edited: true, mentions, before: item.mentions });
      else item.pinned = kind === "pin";
    }
  }

  // ---- pages --------------------------------------------------------------------------------------

  /**
   * Takes in a page of history: one to begin with, or the one before what is loaded.
   * @param {Page} page
   * @param {boolean} older
   */
  page({ events = [], became = [], quotes = [], more = false, at = 0 }, older) {
    const items = events.filter((event) => !ABOUT.has(event.kind)).map((event) => itemOf(event, event.by === this.#whose.nick, at));
    if (older) {
      this.items.unshift(...items);
      if (this.items.length > MOST) {
        this.items.splice(MOST);
        this.high = this.items[MOST - 1].seq;
        this.#prune();
      }
    } else {
      this.items = items;
      this.high = events.length ? events[events.length - 1].seq : at;
      this.head = Math.max(this.head, this.high);
    }
    this.low = more && events.length ? events[0].seq : this.first;
    for (const one of quotes) this.quotes.set(one.seq, one);
    for (const item of items) if (item.ref) this.#quote(item.ref);
    this.#became(became, at);
  }

  /**
   * Takes in the page behind what is loaded.
   * @param {Page} page
   */
  newer({ events = [], became = [], quotes = [], at = 0 }) {
    for (const one of quotes) this.quotes.set(one.seq, one);
    for (const event of events) {
      if (event.seq <= this.high) continue; // it came meanwhile
      this.high = event.seq;
      this.#append(event, event.by === this.#whose.nick, at);
    }
    this.head = Math.max(this.head, this.high);
    this.#became(became, at);
    if (this.scrolled && this.items.length > MOST) this.#drop(this.items.length - MOST);
    this.#shorten();
  }

  /**
   * Takes in what was looked at: events with what they have become, loaded ones and others that are quoted.
   * @param {Page} answer
   */
  looked({ events = [], became = [], at = 0 }) {
    for (const { seq, by, text = "", kind } of events) {
      const item = this.item(seq), removed = kind === "removed";
      if (!item) this.quotes.set(seq, { seq, by, text: removed ? "" : text.slice(0, QUOTED), removed });
      else if (removed) Object.assign(item, REMOVED);
      else if (at >= item.reactedAt) Object.assign(item, { reactions: [], reactedAt: at });
    }
    this.#became(became, at);
  }

  /**
   * Takes in what events have become up to event at, and then what came since.
   * @param {any[]} became
   * @param {number} at
   */
  #became(became, at) {
    for (const { seq, edit = 0, text = "", reactions = [], replies = 0, pinned = false } of became) {
      const item = this.item(seq);
      if (!item || item.removed) continue;
      if (at >= item.reactedAt) Object.assign(item, { reactions, reactedAt: at });
      if (at < item.asOf) continue;
      Object.assign(item, { replies, pinned, edited: edit > 0, asOf: at });
      if (edit && text) item.text = text;
    }
    for (const event of this.recent) if (event.seq > at) this.#concern(event);
  }

  // ---- what goes ----------------------------------------------------------------------------------

  /** Forgets the oldest of what is loaded, where there is much of it and nobody looks at it. */
  #shorten() {
    if (!this.scrolled && this.items.length >= KEPT + SLACK) this.#drop(this.items.length - KEPT);
  }

  /** @param {number} count */
  #drop(count) {
    this.items.splice(0, count);
    this.low = this.items[0].seq;
    this.#prune();
  }

  /** Forgets quotes that nothing loaded refers to, and what was to be looked at for these. */
  #prune() {
    const needed = new Set(this.items.flatMap(({ seq, ref }) => [seq, ref]));
    for (const seq of this.quotes.keys()) if (!needed.has(seq)) this.quotes.delete(seq);
    for (const seq of this.stale) if (!needed.has(seq)) this.stale.delete(seq);
  }

  /**
   * Keeps the beginning of event seq, to which another one replies; returns whether it is loaded.
   * @param {number} seq
   */
  #quote(seq) {
    const target = this.item(seq);
    if (target) this.quotes.set(seq, { seq, by: target.by, text: gist(target), removed: target.removed });
    return target !== null;
  }
}

/**
 * Returns the item of an event as the log has it, to which what is said of it up to asOf is added.
 * @param {Event} event
 * @param {boolean} own
 * @param {number} asOf
 * @returns {Item}
 */
function itemOf({ seq, ts, kind, by, text = "", ref = 0, thread = 0, mentions = [], value = "", whom = "", reason = "", file }, own, asOf) {
  const removed = kind === "removed";
  return {
    seq, asOf: Math.max(asOf, seq), reactedAt: Math.max(asOf, seq), ts, by, text: removed ? "" : text, own, ref: removed ? 0 : ref, thread, mentions, before: [], value, whom, reason,
    ...(file && { file }), kind: removed ? "message" : kind, removed, edited: false, pinned: false, reactions: [], replies: 0,
  };
}
