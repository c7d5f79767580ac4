/** The messages of the protocol, as JSON (docs/PROTOCOL.md): types, and what a message must be to be one. */

/** @typedef {{t: "event", room: string, seq: number, ts: number, kind: string, by: string, text?: string, session?: number, n?: number, ref?: number, refs?: number[], thread?: number, value?: string, whom?: string, reason?: string, operator?: boolean, mentions?: string[], file?: File}} Event */
/** @typedef {{sha256: string, size: number, name: string, media?: string}} File */
/** @typedef {{interval: number, misses: number}} Pulse */
/** @typedef {{frame: number, text: number, name: number, rooms: number, unanswered: number, file?: number, window?: number, transfers?: number}} Limits */
/** @typedef {{room: string, head: number, cursor: number, read?: number, first?: number, topic?: string, peer?: string, check?: string, restored?: boolean, kind?: string, role?: string, slow?: number, archived?: boolean, unread?: number, mentions?: number, mention?: number}} RoomState */
/** @typedef {{t: "welcome", server: string, session: number, nick: string, last: number, now: number, heartbeat: Pulse, limits: Limits, rooms: RoomState[], token?: string, resumed?: boolean, more?: boolean, account?: boolean, operator?: boolean, failed?: number, features?: string[], status?: object | null}} Welcome */
/** @typedef {{t: "ok", id: number, seq?: number | null, ts?: number | null, room?: string, [more: string]: any}} Ok */
/** @typedef {{t: "error", code: string, text: string, id?: number | null, room?: string, suggest?: string, retry_after?: number | null}} Failure */
/** @typedef {{t: "goodbye", reason?: string, text?: string, retry_after?: number | null}} Goodbye */
/** @typedef {{t: string, id?: number, [more: string]: any}} Request */

/** What a message of the server must at least have; one that has not makes no sense. */
const SHAPES = /** @type {Record<string, Record<string, string>>} */ ({
  welcome: { server: "string", session: "number", nick: "string", last: "number", heartbeat: "object", limits: "object", rooms: "object" },
  rooms: { rooms: "object" },
  left: { room: "string" },
  invited: { room: "string", by: "string" },
  announcement: { text: "string", ts: "number" },
  event: { room: "string", seq: "number", ts: "number", kind: "string", by: "string" },
  gap: { room: "string", first: "number", last: "number" },
  presence: { room: "string" },
  typing: { room: "string" },
  following: { threads: "object" },
  unread: { room: "string", head: "number" },
  ok: { id: "number" },
  error: { code: "string", text: "string" },
  progress: { transfer: "number", received: "number", stored: "number" },
  cancel: { transfer: "number" },
  goodbye: {},
  ping: {},
  pong: {},
});

/** The server's words make no sense. */
export class ProtocolError extends Error {}

/**
 * Returns the message that text holds, null for one of a kind that is not known. Throws ProtocolError.
 * @param {string} text
 * @returns {any}
 */
export function decode(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw new ProtocolError("What came is no JSON.");
  }
  if (message === null || typeof message !== "object" || typeof message.t !== "string")
    throw new ProtocolError("What came is no message.");
  const shape = Object.hasOwn(SHAPES, message.t) ? SHAPES[message.t] : null;
  if (shape === null) return null;
  for (const [name, type] of Object.entries(shape))
    if (typeof message[name] !== type || message[name] === null) throw new ProtocolError(`A ${message.t} came without ${name}.`);
  return message;
}
