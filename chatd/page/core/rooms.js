/** Rooms as the client sees them: names, what is wanted, and the count that proves that nothing was missed. */

import { Counts } from "./counts.js";
import { fold } from "./names.js";
import { HoleError } from "./problems.js";
import { Replay } from "./replay.js";

/** @typedef {import("./wire.js").Event} Event */
/** @typedef {import("./wire.js").RoomState} RoomState */
/** @typedef {import("./output.js").Notice} Notice */
/** @typedef {Map<string, number>} Positions Per followed room, the last event that one link brought. */

/**
 * A room that is followed; cursor is the last event handed over, name what people call it. A remembered one was
 * followed by an earlier page: no link of this one has told of it yet.
 * @typedef {{room: string, name: string, head: number, cursor: number, topic: string, peer: string, remembered: boolean, counts: Counts}} Followed
 */

/** All followed rooms, their names for people, and what was seen of them. */
export class Rooms {
  /** @type {Map<string, string>} those that are joined on every link that does not follow them, by their folded form */
  wanted = new Map();
  /** @type {Map<string, Followed>} */ followed = new Map();
  /** @type {Map<string, string>} */ names;
  /** @type {Map<string, Replay>} */ #replays = new Map();
  /** @type {string[]} */ #entering = [];

  /**
   * @param {import("./seen.js").Seen} seen
   * @param {Iterable<[string, string]>} names of the rooms of an earlier page, in order
   * @param {Iterable<string>} wanted
   */
  constructor(seen, names, wanted) {
    this.seen = seen;
    this.names = new Map(names);
    for (const [room, name] of this.names) this.followed.set(room, remembered(room, name, seen.cursors.get(room) ?? 0));
    for (const name of wanted) this.want(name);
  }

  /**
   * Returns what people call room.
   * @param {string} room
   */
  name(room) {
    return this.names.get(room) ?? room;
  }

  /**
   * Returns the wire name of the room that people call name, as far as is known.
   * @param {string} name
   */
  roomOf(name) {
    const folded = fold(name);
    for (const [room, known] of this.names) if (fold(known) === folded) return room;
    return folded;
  }

  /**
   * Returns the last event seen of the room that people call name, null where none was.
   * @param {string} name
   */
  cursor(name) {
    return this.seen.cursors.get(this.roomOf(name)) ?? null;
  }

  // ---- what is wanted -----------------------------------------------------------------------------

  /**
   * Joins the room that people call name wherever a new link does not follow it.
   * @param {string} name
   */
  want(name) {
    if (!this.wanted.has(fold(name))) this.wanted.set(fold(name), name);
  }

  /**
   * Joins rooms that an earlier page did not come to enter, as long as it is the same server.
   * @param {string[]} names
   */
  enter(names) {
    this.#entering = names.filter((name) => !this.wanted.has(fold(name)));
    for (const name of this.#entering) this.want(name);
  }

  /**
   * Joins the room that people call name no longer.
   * @param {string} name
   */
  unwant(name) {
    this.wanted.delete(fold(name));
  }

  /** Joins every room that has a cursor: a new session is a member of none. */
  wantKnown() {
    for (const room of this.seen.cursors.keys()) if (room.startsWith("#")) this.want(room);
  }

  /**
   * Returns the wanted rooms that the link whose positions these are does not follow.
   * @param {Positions} positions
   */
  unjoined(positions) {
    return [...this.wanted.values()].filter((name) => !positions.has(this.roomOf(name)));
  }

  /**
   * Compares with what a new link follows; returns what is given up.
   *
   * Rooms that its hello named and that it does not follow were left, on another device maybe. Those that it did
   * not name are joined again.
   * @param {Positions} positions
   * @param {Set<string>} named
   */
  compare(positions, named) {
    const all = new Set([...this.seen.cursors.keys(), ...this.followed.keys()]);
    const missing = [...all].filter((room) => !positions.has(room));
    const gone = missing.filter((room) => named.has(room) || !this.seen.cursors.has(room));
    const left = gone.filter((room) => !this.wanted.has(fold(this.name(room))));
    for (const room of missing) if (!gone.includes(room)) this.want(this.name(room));
    return left.map((room) => this.closed(positions, room));
  }

  /**
   * Returns whether events are known that the link with these positions has not brought.
   * @param {Positions} positions
   */
  behind(positions) {
    return [...this.followed.values()].some(({ room, head }) => head > (positions.get(room) ?? head));
  }

  /**
   * Returns whether the link has not brought all that is known of room name.
   * @param {Positions} positions
   * @param {string} name
   */
  behindIn(positions, name) {
    const head = this.head(name);
    return (positions.get(this.roomOf(name)) ?? head) < head;
  }

  /**
   * Returns the newest event that the room which people call name is known to have.
   * @param {string} name
   */
  head(name) {
    return this.followed.get(this.roomOf(name))?.head ?? 0;
  }

  // ---- what is forgotten --------------------------------------------------------------------------

  /**
   * Forgets the cursor of room, which people call name: the server's log does not reach it.
   * @param {string} room
   * @param {string} name
   */
  forget(room, name) {
    const seen = this.seen.cursors.get(room) ?? 0;
    this.seen.forget(room);
    this.#replays.delete(room);
    return { what: "cursor-forgotten", room, name, seen };
  }

  /** Forgets every cursor: they counted the events of another server. Earlier pages want nothing here. */
  forgetAll() {
    for (const name of this.#entering) this.unwant(name);
    this.seen.forgetAll();
    this.#replays.clear();
    this.followed.clear();
  }

  // ---- what the server says -----------------------------------------------------------------------

  /**
   * Follows a room on the link whose positions these are; returns what the program should know.
   * @param {Positions} positions
   * @param {RoomState} state
   * @param {string} nick
   * @returns {Notice[]}
   */
  opened(positions, state, nick) {
    const { room, head, cursor: start, topic = "", peer = "", read = 0 } = state;
    /** @type {Notice[]} */ const notices = [];
    const name = peer ? `@${peer}` : room;
    positions.set(room, start);
    this.names.set(room, name);
    let cursor = this.seen.cursors.get(room) ?? null;
    if (cursor !== null && state.restored) notices.push(this.#turned(state, name, cursor));
    else this.#replays.get(room)?.again();
    if (cursor === null || state.restored) {
      cursor = start;
      this.seen.move(room, start);
    }
    if (state.check && start === cursor && cursor > this.seen.trail(room).last) this.seen.note(room, start, state.check);
    const counts = new Counts();
    counts.begin(state, nick);
    this.followed.set(room, { room, name, head, cursor, topic, peer, remembered: false, counts });
    notices.push({ what: "opened", room, name, topic, head, cursor, read, peer, state, counts: counts.told });
    if (start > cursor) notices.push(this.#skip(room, cursor + 1, start));
    return notices;
  }

  /**
   * Returns the event if it is news, nothing if it was seen; throws HoleError if one is missing.
   *
   * What comes again behind the newest event that a restored log is known to agree in was seen as long as it has
   * the same checks. It is held until that is known, and the cursor stays where it is.
   * @param {Positions} positions
   * @param {Event} event
   * @param {string} check
   * @param {number} session
   * @returns {Notice[]}
   */
  event(positions, event, check, session) {
    const { room, seq } = event, position = positions.get(room);
    if (position === undefined || seq <= position) return [];
    if (seq !== position + 1) throw new HoleError(`event ${position + 1} of ${this.name(room)} is missing`);
    positions.set(room, seq);
    this.followed.get(room)?.counts.take(event);
    if (seq <= (this.seen.cursors.get(room) ?? 0)) return [];
    return this.#replays.has(room) ? this.#replayed(room, event, check, session) : [this.#take(event, check, session)];
  }

  /**
   * @param {Event} event
   * @param {string} check
   * @param {number} session
   * @returns {Notice}
   */
  #take(event, check, session) {
    const { room, seq, kind } = event, followed = /** @type {Followed} */ (this.followed.get(room));
    this.seen.take(room, seq, check);
    followed.cursor = seq;
    followed.head = Math.max(followed.head, seq);
    if (kind === "topic") followed.topic = event.text ?? "";
    if (kind === "nick" && followed.peer && fold(followed.peer) === fold(event.by)) {
      followed.peer = event.text ?? "";
      followed.name = `@${followed.peer}`;
    }
    if (kind === "topic" || kind === "nick") this.names.set(room, followed.name);
    return { what: "event", event, name: followed.name, own: session > 0 && event.session === session, check, counts: followed.counts.told };
  }

  /**
   * Returns what is known to be news now that event has come behind an older copy.
   * @param {string} room
   * @param {Event} event
   * @param {string} check
   * @param {number} session
   */
  #replayed(room, event, check, session) {
    const replay = /** @type {Replay} */ (this.#replays.get(room));
    const seen = replay.take(event, check, /** @type {Followed} */ (this.followed.get(room)).head);
    if (seen === null) return [];
    const held = replay.held;
    replay.again();
    const notices = held.map((one) => this.#take(one.event, one.check, session));
    if (seen) return [];
    this.#replays.delete(room);
    return notices;
  }

  /**
   * Returns what of the gap is news, behind the events that came before it and were held.
   * @param {Positions} positions
   * @param {{room: string, first: number, last: number}} gap
   * @returns {Notice[]}
   */
  gap(positions, { room, first, last }) {
    const position = positions.get(room);
    if (position === undefined || last <= position) return [];
    if (first > position + 1) throw new HoleError(`event ${position + 1} of ${this.name(room)} is missing`);
    positions.set(room, last);
    if (last <= (this.seen.cursors.get(room) ?? 0)) return [];
    const replay = this.#replays.get(room);
    const notices = (replay?.held ?? []).map((one) => this.#take(one.event, one.check, 0));
    replay?.again();
    notices.push(this.#skip(room, Math.max(first, (this.seen.cursors.get(room) ?? 0) + 1), last));
    return notices;
  }

  /**
   * Takes over what is unread; returns that.
   * @param {{room: string, head: number, read?: number, unread?: number, mentions?: number, mention?: number}} told
   * @returns {Notice[]}
   */
  unread(told) {
    const followed = this.followed.get(told.room);
    if (!followed) return [];
    followed.counts.correct(told);
    return [{ what: "unread", room: told.room, name: followed.name, ...followed.counts.told }];
  }

  /**
   * Takes over what is said of threads; returns that.
   * @param {{threads: {room: string, thread: number, head: number, read?: number, unread?: number, off?: boolean}[]}} told
   * @returns {Notice[]}
   */
  following({ threads }) {
    return threads.flatMap((one) => {
      const followed = this.followed.get(one.room), { room, thread, read = 0, unread = 0, off = false } = one;
      followed?.counts.follow(one);
      return followed ? [{ what: "thread", room, name: followed.name, thread, read, unread, following: !off }] : [];
    });
  }

  /**
   * Returns whether an event that has just come gives us another nick.
   * @param {Event} event
   */
  renamesUs(event) {
    return this.followed.get(event.room)?.counts.renamesUs(event) ?? false;
  }

  /**
   * Follows room no longer.
   * @param {Positions} positions
   * @param {string} room
   * @returns {Notice | null}
   */
  closed(positions, room) {
    positions.delete(room);
    const name = this.name(room);
    this.seen.forget(room);
    this.#replays.delete(room);
    return this.followed.delete(room) ? { what: "closed", room, name } : null;
  }

  /**
   * Follows room no longer, and wants it no longer either: it was left.
   * @param {Positions} positions
   * @param {string} room
   */
  left(positions, room) {
    this.unwant(this.name(room));
    return this.closed(positions, room);
  }

  /**
   * Goes back to where state says: the log has not the events that were seen up to seen.
   * @param {RoomState} state
   * @param {string} name
   * @param {number} seen
   */
  #turned(state, name, seen) {
    const { room, cursor: start } = state, trail = this.seen.trail(room);
    const agreed = state.check ? trail.knows(start, state.check) : trail.has(start);
    const replay = this.#replays.get(room);
    if (replay) replay.again(); // an older copy again, before it was known where the last one parts
    else this.#replays.set(room, new Replay(trail));
    this.seen.cut(room, start);
    return { what: "restored", room, name, start, seen, agreed, again: agreed && trail.next(start) > start + 1 };
  }

  /**
   * @param {string} room
   * @param {number} first
   * @param {number} last
   * @returns {Notice}
   */
  #skip(room, first, last) {
    this.seen.move(room, last);
    const followed = /** @type {Followed} */ (this.followed.get(room));
    followed.cursor = last;
    followed.head = Math.max(followed.head, last);
    return { what: "gap", room, name: followed.name, first, last };
  }
}

/**
 * @param {string} room
 * @param {string} name
 * @param {number} cursor
 * @returns {Followed}
 */
function remembered(room, name, cursor) {
  return { room, name, head: cursor, cursor, topic: "", peer: name.startsWith("@") ? name.slice(1) : "", remembered: true, counts: new Counts() };
}
