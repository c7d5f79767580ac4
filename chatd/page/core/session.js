/** The session: who we are for the server, how we introduce ourselves, and which refusals nothing can mend. */

/** @typedef {import("./wire.js").Pulse} Pulse */
/** @typedef {import("./wire.js").Welcome} Welcome */
/** @typedef {import("./wire.js").Failure} Failure */

/** Rooms that one hello may name. */
const MAX_CURSORS = 256;

/** Points of a room's trail that one hello may have, and of all rooms together, about, so that it fits into a frame. */
const MAX_TRAIL = 24, POINTS = 1024;

/** Bytes of a hello that rooms and cursors may take, and those around the two names of a room. */
const NAMES = 30_000, PER_ROOM = 40;

/**
 * What the server knows us by; newToken is what a first session is to have as its token, until it is welcomed.
 * @typedef {{server: string, id: number, token: string, nick: string, account: boolean, failed: number, newToken: string}} Session
 */

/**
 * What this page wants: rooms are joined wherever the server does not follow them already. With credentials a
 * session that is not there yet is begun by a password; they are kept in memory alone.
 * @typedef {{software: string, rooms: string[], heartbeat: Pulse, keep: boolean, typing: boolean, credentials: {password: string, register?: boolean, invite?: string} | null}} Wishes
 */

/** @returns {Session} */
export function nobody() {
  return { server: "", id: 0, token: "", nick: "", account: false, failed: 0, newToken: "" };
}

/**
 * Returns whether welcome begins another session than this one.
 * @param {Session} session
 * @param {Welcome} welcome
 */
export function begins(session, welcome) {
  return Boolean(welcome.token) || welcome.session !== session.id;
}

/**
 * Makes session that of welcome.
 * @param {Session} session
 * @param {Welcome} welcome
 */
export function adopt(session, welcome) {
  session.token = welcome.token || session.token;
  session.server = welcome.server;
  session.id = welcome.session;
  session.nick = welcome.nick;
  session.account = welcome.account ?? false;
  session.failed = welcome.failed || session.failed;
  session.newToken = "";
}

/**
 * Forgets the token that the server does not know; returns false if there is none.
 * @param {Session} session
 */
export function forget(session) {
  if (!session.token) return false;
  session.token = "";
  session.id = 0;
  return true;
}

/**
 * Returns the hello that resumes the session, or logs in, or claims the nick.
 * @param {Session} session
 * @param {Wishes} wishes
 * @param {import("./seen.js").Seen} seen
 * @param {boolean} beside another connection of the session is suspected, and may live
 */
export function introduce(session, wishes, seen, beside) {
  const known = [...thatFit(seen.cursors)].slice(0, MAX_CURSORS);
  const each = Math.max(2, Math.min(MAX_TRAIL, Math.floor(POINTS / Math.max(1, known.length))));
  const trails = known.map(([room]) => /** @type {const} */ ([room, seen.trail(room).some(each)])).filter(([, trail]) => trail.length);
  const { token, nick, newToken } = session, login = token ? null : wishes.credentials;
  return {
    t: "hello",
    version: 1,
    software: wishes.software,
    heartbeat: wishes.heartbeat,
    ...(token ? { token } : { nick }),
    ...(known.length && { cursors: Object.fromEntries(known) }),
    ...(known.length < seen.cursors.size && { follow: "listed" }),
    ...(beside && { beside }),
    ...(trails.length && { trails: Object.fromEntries(trails) }),
    ...(login && { password: login.password, ...(login.register && { register: true }), ...(login.invite && { invite: login.invite }) }),
    ...(!token && !login && newToken && { new_token: newToken }),
    ...(wishes.typing && { typing: true }),
  };
}

/**
 * Yields cursors as long as their rooms, which a hello names twice, leave room for trails in its frame.
 * @param {Iterable<[string, number]>} cursors
 * @returns {Iterable<[string, number]>}
 */
function* thatFit(cursors) {
  let left = NAMES;
  for (const [room, seq] of cursors) {
    left -= 2 * new TextEncoder().encode(room).length + PER_ROOM;
    if (left < 0) return;
    yield [room, seq];
  }
}

/** Refusals that no further attempt can mend. */
const FINAL = new Set([
  "nick-taken", "bad-nick", "wrong-password", "bad-password", "wrong-certificate", "secure-required", "text-too-long",
  "control-character", "guests-refused", "closed-registration", "bad-invite", "version-unsupported",
]);

/**
 * Returns whether no further attempt can mend a refusal.
 * @param {Failure} error
 */
export function isFinal(error) {
  return FINAL.has(error.code);
}
