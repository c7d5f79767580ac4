// What disturbs somebody, what is chosen, and what is said in words.
import assert from "node:assert/strict";
import { Notifier } from "../../chatd/page/io/notifier.js";
import { Chat } from "../../chatd/page/ui/chat.js";
import { noticeOf } from "../../chatd/page/ui/notices.js";
import { CHOICES, parse } from "../../chatd/page/ui/preferences.js";
import { since } from "../../chatd/page/ui/settings.js";
import { parse as statusOf, standing } from "../../chatd/page/ui/status.js";

const chat = new Chat(), counts = { read: 4, unread: 1, mentions: 0 };
chat.nick = "Ann";
for (const [room, peer] of [["#a", ""], ["@1+2", "ben"]]) chat.take({ what: "opened", room, name: peer ? `@${peer}` : room, topic: "", head: 4, peer, state: {}, counts });
chat.take({ what: "thread", room: "#a", name: "#a", thread: 3, read: 0, unread: 0, following: true });
const usual = parse(null), moment = { now: 1_000_000, here: false };
const told = (event, more = {}) => ({ what: "event", own: false, counts, event: { room: "#a", seq: 5, ts: 0, kind: "message", by: "ben", text: "<b>hi</b>", ...event }, ...more });
const notice = (event, more, chosen = usual, when = moment) => noticeOf(told(event, more), chat, chosen, when);

assert.equal(notice({}), null); // neither for us nor wanted
assert.deepEqual(notice({ mentions: ["ANN"] }), { room: "#a", seq: 5, title: "ben in #a", body: "<b>hi</b>" });
assert.equal(notice({ mentions: ["*"] })?.seq, 5);
assert.equal(notice({ mentions: ["eve"] }), null);
assert.equal(notice({ thread: 3 })?.seq, 5);
assert.equal(notice({ thread: 2 }), null);
assert.equal(notice({ room: "@1+2" })?.title, "ben");
assert.equal(notice({ room: "@1+2", kind: "file", text: "", file: { name: "a.png" } })?.body, "📎 a.png");
assert.equal(notice({ room: "@1+2", text: "x".repeat(5000) })?.body.length, 201);
assert.equal(notice({}, {}, { ...usual, all: "yes" })?.seq, 5);
assert.equal(notice({ room: "@1+2" }, {}, { ...usual, direct: "no" }), null);
for (const event of [{ kind: "join" }, { kind: "react" }, { kind: "removed" }, { by: "ann" }, { seq: 4 }, { room: "#gone" }]) assert.equal(notice({ mentions: ["ann"], ...event }), null);
assert.equal(notice({ mentions: ["ann"] }, { own: true }), null);
assert.equal(notice({ mentions: ["ann"] }, {}, usual, { now: 1_000_000, here: true }), null); // old, and somebody is here
assert.equal(notice({ mentions: ["ann"] }, {}, usual, { now: 1000, here: true })?.seq, 5);

// An edit disturbs where it mentions somebody anew, once.
const edit = (seq, ref, ...mentions) => { const event = { kind: "edit", seq, ref, text: "x", mentions }; chat.take(told(event)); return notice(event)?.seq ?? 0; };
chat.rooms.get("#a").page({ at: 4 }, false);
for (const [seq, mentions] of [[5, []], [6, ["ann"]]]) chat.take(told({ seq, mentions }));
assert.deepEqual([edit(7, 5), edit(8, 5, "ann"), edit(9, 5, "ann"), edit(10, 5), edit(11, 5, "*"), edit(12, 6, "ANN"), edit(13, 1, "ann")], [0, 8, 0, 0, 11, 0, 0]);
chat.say("ann", { state: "busy" });
assert.equal(notice({ mentions: ["ann"] }), null);

// A room is looked at as long as somebody looks, however fast they look away and back: a lock is granted a moment later.
const held = [], moments = () => new Promise(setImmediate);
const request = async (name, _, until) => {
  await moments();
  held.push(name);
  await until();
  held.splice(held.indexOf(name), 1);
};
Object.defineProperty(globalThis, "navigator", { value: { locks: { request } } });
const notifier = new Notifier();
for (const seen of ["#a", "", "#a", "#b", "#a"]) notifier.looksAt(seen);
await moments().then(moments);
assert.deepEqual(held, ["looks at #a"]);
notifier.looksAt("");
await moments();
assert.deepEqual(held, []);

for (const text of [null, "", "{", "null", "[]", "1", '{"theme":"<script>","size":7}', '{"__proto__":{"theme":"dark"}}']) assert.deepEqual(parse(text), Object.fromEntries(Object.entries(CHOICES).map(([name, [first]]) => [name, first])));
assert.equal(parse('{"theme":"dark","evil":1}').theme, "dark");
assert.equal("evil" in parse('{"evil":1}'), false);

assert.deepEqual(statusOf("lunch for 1h"), { text: "lunch", seconds: 3600 });
assert.deepEqual(statusOf("for 30min"), { text: "", seconds: 1800 });
assert.deepEqual(statusOf("out for lunch"), { text: "out for lunch", seconds: 0 });
assert.equal(standing({ state: "resting", text: "x" }), "away: x"); // what is not known counts as away
assert.deepEqual([30, 60, 7200, 90_000].map(since), ["less than a minute", "1 minute", "2 hours", "1 day"]);

// What happens to roles and rules while one looks.
const room = chat.rooms.get("#a"), said = (kind, value, more) => chat.take(told({ kind, value, seq: room.head + 1, ...more }, { counts }));
said("role", "owner", { whom: "ann" });
assert.equal(room.role, "owner");
said("role", "owner", { by: "ann", whom: "ben" });
assert.equal(room.role, "moderator");
said("set", "kind read-only");
said("set", "slow 7");
said("set", "archived yes");
assert.deepEqual([room.kind, room.slow, room.archived], ["read-only", 7, true]);
