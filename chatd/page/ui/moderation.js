/** What keeps order: dialogs for what may be done with a member and with a room. */

import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { ask, Dialog } from "./dialog.js";
import { mayIn, mayTo } from "./permissions.js";
import { standing } from "./status.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./chat.js").Room} Room */
/** @typedef {{nick: string, online: boolean, role?: string, operator?: boolean, status?: import("./status.js").Status}} Member */

/** For how long somebody is banned or muted, in seconds. */
const TERMS = /** @type {[string, string][]} */ ([["600", "10 minutes"], ["3600", "an hour"], ["86400", "a day"], ["604800", "a week"], ["0", "for good"]]);

const WHY = { name: "reason", label: "Why (others see it)" };

/**
 * Asks before something is done to a member of room.
 * @param {Client} client
 * @param {Room} room
 * @param {string} nick
 * @param {"kick" | "ban" | "mute"} what
 */
function act(client, room, nick, what) {
  const words = { kick: ["Remove", "They may come back."], ban: ["Ban", "They are removed, and cannot come back meanwhile."], mute: ["Mute", "They can read, and not speak."] }[what];
  const term = /** @type {import("./dialog.js").Field} */ ({ name: "seconds", label: "For", kind: "choice", options: TERMS, value: "3600" });
  ask(client, {
    title: `${words[0]} ${nick}`, text: words[1], yes: words[0], danger: true, fields: what === "kick" ? [WHY] : [term, WHY],
    act: ({ reason, seconds }) => client.ask({ t: what, room: room.room, whom: nick, reason, ...(seconds && { seconds: Number(seconds) }) }),
  });
}

/**
 * What may be done with somebody.
 * @param {{client: Client, room: Room, member: Member}} props
 */
export function Person({ client, room, member: { nick, role = "member", operator = false, status } }) {
  const may = (/** @type {string} */ what) => nick !== client.chat.nick && mayTo(room, what, client.me.operator, role);
  /** @param {string} to */
  const become = (to) => client.attempt(() => (client.show(null), client.ask({ t: "role", room: room.room, whom: nick, role: to })));
  const handOver = () => ask(client, {
    title: `Hand ${room.name} over to ${nick}`, text: "They own the room from then on, and you are a moderator of it.", yes: "Hand over", danger: true,
    act: () => client.ask({ t: "role", room: room.room, whom: nick, role: "owner" }),
  });
  const block = (/** @type {string} */ t) => client.attempt(() => (client.show(null), client.ask({ t, whom: nick })));
  return html`
    <${Dialog} title=${nick} close=${() => client.show(null)}>
      <p>${operator ? "operator of the server" : role}${status?.state ? html`, <span dir="auto">${standing(status)}</span>` : ""}</p>
      <ul class="choices">
        ${nick !== client.chat.nick && html`<li><button onClick=${() => (client.show(null), client.join(`@${nick}`))}>Write to them</button></li>`}
        ${may("mute") && html`<li><button onClick=${() => act(client, room, nick, "mute")}>Mute…</button></li>
          <li><button onClick=${() => client.attempt(() => (client.show(null), client.ask({ t: "unmute", room: room.room, whom: nick })))}>Let them speak again</button></li>`}
        ${may("kick") && html`<li><button onClick=${() => act(client, room, nick, "kick")}>Remove from the room…</button></li>`}
        ${may("ban") && html`<li><button onClick=${() => act(client, room, nick, "ban")}>Ban…</button></li>`}
        ${may("role") && role !== "moderator" && html`<li><button onClick=${() => become("moderator")}>Make a moderator</button></li>`}
        ${may("role") && role === "moderator" && html`<li><button onClick=${() => become("member")}>Make a member again</button></li>`}
        ${may("role") && html`<li><button onClick=${handOver}>Hand the room over…</button></li>`}
        ${nick !== client.chat.nick && html`<li><button onClick=${() => block("block")}>Take no direct messages</button></li><li><button onClick=${() => block("unblock")}>Take direct messages again</button></li>`}
      </ul>
    <//>
  `;
}

/**
 * What may be done with a room; more are things that others add.
 * @param {{client: Client, room: Room, more?: [string, () => void][]}} props
 */
export function RoomMenu({ client, room, more = [] }) {
  const may = (/** @type {string} */ what) => mayIn(room, what, client.me.operator), id = room.room;
  const asking = (/** @type {import("./dialog.js").Question} */ question) => () => ask(client, question);
  return html`
    <${Dialog} title=${room.name} close=${() => client.show(null)}>
      ${room.topic && html`<p dir="auto">${room.topic}</p>`}
      <ul class="choices">
        ${more.map(([words, what]) => html`<li key=${words}><button onClick=${() => (client.show(null), what())}>${words}</button></li>`)}
        ${may("topic") && html`<li><button onClick=${asking({ title: "Topic", yes: "Set", fields: [{ name: "text", label: "Topic", value: room.topic }], act: ({ text }) => client.ask({ t: "topic", room: id, text }) })}>Topic…</button></li>`}
        ${may("invite-to") && html`<li><button onClick=${asking({ title: "Invite somebody", yes: "Invite", fields: [{ name: "whom", label: "Whom", required: true }, { name: "reason", label: "A word with it" }], act: ({ whom, reason }) => client.ask({ t: "invite-to", room: id, whom, reason }) })}>Invite somebody…</button></li>`}
        ${may("set") && html`<li><button onClick=${() => rules(client, room)}>Rules…</button></li>`}
        ${may("acts") && html`<li><button onClick=${() => client.show(Acts, { room })}>Bans, mutes, invitations…</button></li>`}
        ${may("leave") && html`<li><button onClick=${asking({ title: `Leave ${room.name}?`, text: room.kind === "private" ? "You need an invitation to come back." : "You may come back.", yes: "Leave", danger: true, act: () => client.ask({ t: "leave", room: id }) })}>Leave…</button></li>`}
        ${may("delete-room") && html`<li><button onClick=${asking({ title: `Delete ${room.name}?`, text: "It is gone for everybody, with all that was said in it.", yes: "Delete for good", danger: true, fields: [WHY], act: ({ reason }) => client.ask({ t: "delete-room", room: id, reason }) })}>Delete the room…</button></li>`}
      </ul>
    <//>
  `;
}

/**
 * Asks for the rules of room, and sets those that are changed. A window knows only some of those that are in force.
 * @param {Client} client
 * @param {Room} room
 */
function rules(client, room) {
  const roles = /** @type {[string, string][]} */ ([["", "as it is"], ["member", "members"], ["moderator", "moderators"], ["owner", "the owner"]]);
  const present = /** @type {Record<string, string>} */ ({ kind: room.kind, slow: String(room.slow), archived: room.archived ? "yes" : "no" });
  ask(client, {
    title: `Rules of ${room.name}`, yes: "Set",
    fields: [
      { name: "kind", label: "Kind", kind: "choice", value: room.kind, options: [["public", "public: anybody may join"], ["private", "private: by invitation, in no list"], ["read-only", "read-only: moderators speak"]] },
      { name: "history", label: "Newcomers read", kind: "choice", options: [["", "as it is"], ["all", "all that was said"], ["since-join", "what is said from then on"]] },
      { name: "posting", label: "Who speaks", kind: "choice", options: roles },
      { name: "topic", label: "Who sets the topic", kind: "choice", options: roles },
      { name: "slow", label: "Seconds between two messages of a member (0: no limit)", kind: "number", max: 3600, value: String(room.slow) },
      { name: "archived", label: "Archived: it can be read, and nothing is added", kind: "choice", value: present.archived, options: [["no", "no"], ["yes", "yes"]] },
    ],
    act: async (values) => {
      const changed = Object.entries(values).filter(([rule, value]) => value && value !== present[rule]);
      for (const [rule, value] of changed.sort(([a], [b]) => Number(a === "archived") - Number(b === "archived"))) await client.ask({ t: "set", room: room.room, rule, value });
    },
  });
}

/**
 * Bans, mutes and invitations that hold, and how they are taken back.
 * @param {{client: Client, room: Room}} props
 */
function Acts({ client, room }) {
  const [acts, list] = useState(/** @type {any[] | null} */ (null)), [error, tell] = useState("");
  const load = () => client.ask({ t: "acts", room: room.room }).then(({ acts: found }) => list(found), (why) => tell(why.message));
  useEffect(() => void load(), []);
  const lift = (/** @type {any} */ { what, whom }) => client.ask({ t: `un${what}`, room: room.room, whom }).then(load, (why) => tell(why.message));
  const names = /** @type {Record<string, string>} */ ({ ban: "banned", mute: "muted", invite: "invited" });
  return html`
    <${Dialog} title=${`Order in ${room.name}`} close=${() => client.show(null)}>
      ${error && html`<p class="error" role="alert">${error}</p>`}
      ${acts?.length === 0 && html`<p>Nobody is banned, muted or invited.</p>`}
      <ul>${(acts ?? []).map((one) => html`<li key=${`${one.what} ${one.whom}`}><strong dir="auto">${one.whom}</strong> ${names[one.what] ?? one.what} by <span dir="auto">${one.by}</span>
        ${one.reason && html` <span dir="auto">(${one.reason})</span>`} ${one.what !== "invite" && html`<button onClick=${() => lift(one)}>take back</button>`}</li>`)}</ul>
    <//>
  `;
}

/**
 * Asks before what somebody has said is removed.
 * @param {Client} client
 * @param {Room} room
 * @param {import("./run.js").Item} item
 */
export function askToRemove(client, room, item) {
  ask(client, {
    title: "Remove this message?", text: (item.text || (item.file?.name ?? "")).slice(0, 200), yes: "Remove", danger: true, fields: item.own ? [] : [WHY],
    act: ({ reason = "" }) => client.ask({ t: "remove", room: room.room, seq: item.seq, reason }),
  });
}
