/** The dialogue with the server on one link after the other: what each of its messages means. */

import { ProtocolError } from "./wire.js";

/** @typedef {import("./link.js").Link} Link */

const GREETINGS = new Set(["welcome", "error", "goodbye"]);

/** Has a table of what is done about each message. */
export class Dialogue {
  #daily = "";

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./rooms.js").Rooms} rooms
   * @param {import("./requests.js").Requests} requests
   * @param {import("./links.js").Links} links
   * @param {import("./greeting.js").Greeting} greeting
   * @param {import("./endings.js").Endings} endings
   * @param {import("./output.js").Output} out
   */
  constructor(session, rooms, requests, links, greeting, endings, out) {
    this.links = links;
    /** @param {import("./output.js").Notice[]} notices */
    const tell = (notices) => {
      for (const notice of notices) out.notify(notice);
      out.save();
    };
    /** @type {Record<string, (link: Link, message: any, now: number, check: string) => void>} */
    this.handlers = {
      welcome: (link, message, now) => greeting.welcome(link, message, now),
      rooms: (link, message, now) => greeting.moreRooms(link, message, now),
      event: (link, message, _, check) => {
        if (rooms.renamesUs(message)) session.nick = message.text;
        tell(rooms.event(link.positions, message, check, session.id));
        requests.seen(message);
      },
      gap: (link, message) => tell(rooms.gap(link.positions, message)),
      left: (link, message) => tell([rooms.left(link.positions, message.room)].flatMap((notice) => notice ?? [])),
      presence: (_, { room, online = [], offline = [], statuses = [] }) =>
        out.notify({ what: "presence", room, name: rooms.name(room), online, offline, statuses }),
      following: (_, message) => {
        for (const notice of rooms.following(message)) out.notify(notice);
      },
      unread: (_, message) => {
        for (const notice of rooms.unread(message)) out.notify(notice);
      },
      typing: (_, { room, nicks = [] }) => {
        const others = nicks.filter((/** @type {string} */ nick) => nick !== session.nick);
        if (others.length) out.notify({ what: "typing", room, name: rooms.name(room), nicks: others });
      },
      invited: (_, { room, by, text = "" }) => out.notify({ what: "invited", room, by, text }),
      announcement: (_, { text, ts, daily }) => {
        if (daily && text === this.#daily) return;
        if (daily) this.#daily = text;
        out.notify({ what: "announcement", text, ts });
      },
      chunk: (_, { bytes }) => requests.transfers.chunk(bytes),
      progress: (_, message, now) => requests.transfers.progress(message, now),
      cancel: (_, message, now) => requests.transfers.agreements.cancelled(message, now),
      ok: (link, message, now) => {
        if (requests.accepted(message, now) === null) return;
        link.joining.delete(message.id);
        greeting.announce(link);
      },
      error: (link, message, now) => {
        if (message.id === undefined || message.id === null) {
          endings.turnedAway(link, message, now);
          return;
        }
        const join = requests.refused(message.id, message, now);
        if (join === null) return;
        link.joining.delete(message.id);
        greeting.joinRefused(link, join.wanted, message, now);
      },
      goodbye: (link, message, now) => endings.goodbye(link, message, now),
    };
  }

  /**
   * Takes in one message; throws ProtocolError for what has no place here.
   * @param {Link} link
   * @param {{message: any, check: string}} taken
   * @param {number} now
   */
  take(link, { message, check }, now) {
    if (link !== this.links.current && !GREETINGS.has(message.t)) throw new ProtocolError("It spoke before its welcome.");
    this.handlers[message.t](link, message, now, check);
  }
}
