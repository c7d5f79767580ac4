/**
 * Permissions: what is worth offering. The server decides (docs/PERMISSIONS.md); what it would refuse is not shown,
 * as far as a window can know that.
 */

/** @typedef {{role: string, kind: string, archived: boolean, peer: string}} Standing what decides of a room */

/** The roles, each with all that the ones before may. */
const RANKS = ["reader", "member", "moderator", "owner"];

/** What needs more than any role has. */
const NOBODY = RANKS.length;

/** @typedef {{public: number, private: number, "read-only": number, direct: number, archived: number}} Need */

/** @type {(open: number, closed: number, read: number, direct: number, archived: number) => Need} */
const need = (open, closed, read, direct, archived) => ({ public: open, private: closed, "read-only": read, direct, archived });
const SPEAKING = need(1, 1, 2, 1, NOBODY), ORDER = need(2, 2, 2, NOBODY, 2), OWNING = need(3, 3, 3, NOBODY, 3);

/** The least role that a request needs, by the kind of the room; in an archived one both cells count. */
const NEEDS = /** @type {Record<string, Need>} */ ({
  leave: need(0, 1, 0, NOBODY, 0),
  send: SPEAKING,
  edit: SPEAKING,
  react: need(1, 1, 1, 1, NOBODY),
  pin: need(2, 2, 2, 1, NOBODY),
  topic: need(1, 1, 2, 1, NOBODY),
  "follow-thread": need(1, 1, 1, 1, 1),
  "invite-to": need(1, 2, 1, NOBODY, NOBODY),
  kick: ORDER,
  ban: ORDER,
  unban: ORDER,
  mute: ORDER,
  unmute: ORDER,
  acts: ORDER,
  remove: need(1, 1, 1, 1, 2),
  role: OWNING,
  set: OWNING,
  "delete-room": OWNING,
});

/**
 * Returns the rank of a role; what is not known counts as a member.
 * @param {string} role
 */
export function rank(role) {
  return RANKS.includes(role) ? RANKS.indexOf(role) : 1;
}

/**
 * Returns whether a request may be made in room.
 * @param {Standing} room
 * @param {string} request
 * @param {boolean} operator
 */
export function mayIn({ role, kind, archived, peer }, request, operator) {
  const needed = NEEDS[request], least = /** @type {any} */ (needed)[peer ? "direct" : kind] ?? needed.public;
  return (operator && !peer ? 3 : rank(role)) >= Math.max(least, archived && !peer ? needed.archived : 0);
}

/**
 * Returns whether it may be made about somebody with a role there: nobody acts on who stands as high.
 * @param {Standing} room
 * @param {string} request
 * @param {boolean} operator
 * @param {string} role
 */
export function mayTo(room, request, operator, role) {
  return mayIn(room, request, operator) && (operator || rank(role) < rank(room.role)) && !(request === "role" && role === "reader");
}

/**
 * Returns whether what somebody has said may be removed.
 * @param {Standing} room
 * @param {boolean} own
 * @param {boolean} operator
 */
export function mayRemove(room, own, operator) {
  return mayIn(room, "remove", operator) && (own || (!room.peer && (operator || rank(room.role) >= 2)));
}
