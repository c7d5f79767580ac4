/** Notices: what is worth disturbing somebody for who looks at something else. */

import { fold } from "../core/names.js";

/** @typedef {{room: string, seq: number, title: string, body: string}} Notice */

/** Milliseconds after which an event is old: who has just come to look at the page sees it anyway. */
const OLD = 60_000;

/** Letters of a notice. */
const SHOWN = 200;

/**
 * Returns the notice of what was told, null where there is none to be shown.
 * @param {any} told
 * @param {import("./chat.js").Chat} chat
 * @param {import("./preferences.js").Chosen} chosen
 * @param {{now: number, here: boolean}} moment here: somebody looks at the page
 * @returns {Notice | null}
 */
export function noticeOf(told, chat, chosen, { now, here }) {
  if (told.what !== "event" || told.own) return null;
  const { event } = told, room = chat.rooms.get(event.room), mine = fold(chat.nick);
  const edited = event.kind === "edit" ? room?.item(event.ref ?? 0) : null; // of what is not loaded the counts tell
  if (!room || (event.kind !== "message" && event.kind !== "file" && edited?.asOf !== event.seq) || fold(event.by) === mine) return null;
  if (event.seq <= told.counts.read || chat.status(chat.nick)?.state === "busy" || (here && now - event.ts > OLD)) return null;
  const names = (/** @type {string[]} */ whom) => whom.some((one) => one === "*" || fold(one) === mine), called = names(event.mentions ?? []);
  if (edited && (!called || names(edited.before))) return null; // an edit disturbs where it mentions somebody anew
  const kind = room.peer ? "direct" : called ? "mentions" : event.thread && room.threads.has(event.thread) ? "threads" : "all";
  if (chosen[kind] !== "yes" && chosen.all !== "yes") return null;
  const text = event.text || (event.file ? `📎 ${event.file.name}` : "");
  return { room: event.room, seq: event.seq, title: room.peer ? event.by : `${event.by} in ${room.name}`, body: text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text };
}
