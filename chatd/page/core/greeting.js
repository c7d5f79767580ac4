/**
 * The greeting: what is said on a link from our hello to the first words behind the welcome.
 *
 * A link begins with our hello. The server answers with a welcome and the rooms that it follows, in one message or
 * several. Then we speak: a ping, the joins that are missing, and what waits to be asked. When the joins are
 * answered the program hears "connected".
 */

import { adopt, begins, introduce } from "./session.js";
import { ProtocolError } from "./wire.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./wire.js").Failure} Failure */

/** Refusals of a join that time mends: it is made again on the next link. */
const LATER = new Set(["storage-unavailable", "too-fast"]);

/** Begins each link; unsaved says that a welcome began a session whose token is not on disk yet. */
export class Greeting {
  unsaved = false;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./session.js").Wishes} wishes
   * @param {import("./rooms.js").Rooms} rooms
   * @param {import("./requests.js").Requests} requests
   * @param {import("./links.js").Links} links
   * @param {import("./output.js").Output} out
   */
  constructor(session, wishes, rooms, requests, links, out) {
    this.session = session;
    this.wishes = wishes;
    this.rooms = rooms;
    this.requests = requests;
    this.links = links;
    this.out = out;
  }

  // ---- hello and welcome --------------------------------------------------------------------------

  /**
   * Writes the hello to a link that is open now.
   * @param {Link} link
   * @param {number} now
   */
  greet(link, now) {
    link.greet(now);
    const hello = introduce(this.session, this.wishes, this.rooms.seen, this.links.current !== null);
    link.named = new Set(Object.keys(hello.cursors || {}));
    this.out.write(link, [hello], now);
  }

  /**
   * Makes the link, which is welcome, the current one.
   * @param {Link} link
   * @param {import("./wire.js").Welcome} welcome
   * @param {number} now
   */
  welcome(link, welcome, now) {
    if (link.phase !== "greeting") throw new ProtocolError("It said welcome twice.");
    this.links.promote(link, now);
    link.welcomed(welcome, now);
    if (begins(this.session, welcome)) this.#beginSession(welcome);
    else this.requests.sends.resume(welcome.last);
    adopt(this.session, welcome);
    if (welcome.failed) this.out.notify({ what: "logins-failed", nick: welcome.nick, count: welcome.failed });
    this.out.save();
    this.#openRooms(link, welcome.rooms, welcome.more ?? false, now);
  }

  /**
   * Takes over what a new session can take over of an older one's rooms and sends.
   * @param {import("./wire.js").Welcome} welcome
   */
  #beginSession(welcome) {
    this.unsaved = true;
    if (this.session.server !== "" && this.session.server !== welcome.server) {
      this.rooms.forgetAll();
      this.requests.sends.abandon();
    } else this.rooms.wantKnown();
    this.requests.outbox.renumber(welcome.last);
  }

  /**
   * Takes in what did not fit into the welcome.
   * @param {Link} link
   * @param {{rooms: import("./wire.js").RoomState[], more?: boolean}} rooms
   * @param {number} now
   */
  moreRooms(link, rooms, now) {
    this.#openRooms(link, rooms.rooms, rooms.more ?? false, now);
  }

  /**
   * @param {Link} link
   * @param {import("./wire.js").RoomState[]} rooms
   * @param {boolean} more
   * @param {number} now
   */
  #openRooms(link, rooms, more, now) {
    for (const room of rooms) {
      for (const notice of this.rooms.opened(link.positions, room, this.session.nick)) this.out.notify(notice);
      if (room.restored) this.requests.asking.unread(room.room, room.cursor);
    }
    this.out.save();
    if (more) return;
    link.complete = true;
    this.#introduce(link, now);
  }

  /**
   * Says the first thing behind the welcome, once the token of a new session is on disk.
   *
   * A new session is kept only when the server has heard from it behind its welcome: until then nothing is lost
   * with the token. The ping measures the round trip as well.
   * @param {Link} link
   * @param {number} now
   */
  #introduce(link, now) {
    if (this.unsaved || link.introduced || !link.complete) return;
    link.introduced = true;
    this.out.write(link, [link.ping(now)], now);
    for (const room of this.requests.asking.leaving()) this.rooms.unwant(this.rooms.name(room));
    for (const notice of this.rooms.compare(link.positions, link.named)) this.out.notify(notice);
    for (const name of this.rooms.unjoined(link.positions)) this.#join(link, name, this.rooms.cursor(name));
    this.requests.ask(link, now);
    if (link.limits) this.requests.transfers.agreements.linked(link.limits);
    this.announce(link);
  }

  // ---- the joins that it begins with --------------------------------------------------------------

  /**
   * @param {Link} link
   * @param {string} name
   * @param {number | null} after
   */
  #join(link, name, after) {
    const trail = after === null ? [] : this.rooms.seen.trail(this.rooms.roomOf(name)).some(24);
    const join = { t: "join", room: name, ...(after !== null && { after }), ...(trail.length && { trail }) };
    link.joining.add(this.requests.asking.add(join, { wanted: name }));
  }

  /**
   * Joins room name in another way, on another link, or no more: error says which.
   * @param {Link} link
   * @param {string} name
   * @param {Failure} error
   * @param {number} now
   */
  joinRefused(link, name, error, now) {
    if (error.code === "cursor-beyond-head") {
      this.out.notify(this.rooms.forget(this.rooms.roomOf(name), name));
      this.out.save();
      this.#join(link, name, null);
      if (this.links.open) this.requests.ask(this.links.open, now);
    } else if (LATER.has(error.code)) this.links.drop(link, error.text, now, { slot: error.retry_after ?? null });
    else {
      this.rooms.unwant(name);
      this.out.notify({ what: "join-refused", room: name, code: error.code, text: error.text });
      if (error.code === "removed") this.#letGo(link, name, error);
      this.announce(link);
    }
  }

  /**
   * Forgets the room from which we were removed, or that was deleted, and gives up what waits for it.
   * @param {Link} link
   * @param {string} name
   * @param {Failure} error
   */
  #letGo(link, name, error) {
    this.out.notify(this.rooms.closed(link.positions, this.rooms.roomOf(name)));
    this.requests.sends.giveUp(name, error);
    this.out.save();
  }

  /**
   * Tells the program of the link, once all joins that it begins with are answered.
   * @param {Link} link
   */
  announce(link) {
    if (link.joining.size || link.announced) return;
    link.announced = true;
    this.out.notify({ what: "connected", nick: this.session.nick, resumed: link.resumed });
  }

  // ---- the token on disk --------------------------------------------------------------------------

  /**
   * Answers a ping; behind a new welcome only once the token is on disk, for that is what it says.
   * @param {Link} link
   * @param {string} data
   * @param {number} now
   */
  pong(link, data, now) {
    const pong = { t: "pong", ...(data && { data }) };
    if (this.unsaved) link.owed.push(pong);
    else this.out.say(link, [pong], now);
  }

  /**
   * Says what waited for the token to be on disk; it is, or never will be.
   * @param {number} now
   */
  saved(now) {
    for (const link of this.links.all()) {
      const owed = link.owed;
      link.owed = [];
      for (const pong of owed) this.out.say(link, [pong], now);
    }
    const { current } = this.links;
    if (current && !current.introduced) this.#introduce(current, now);
  }
}
