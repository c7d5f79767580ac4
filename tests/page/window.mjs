// A log of 20,000 events, looked through from its end to its beginning and back: each is seen once a way, in order, and little is held.
import assert from "node:assert/strict";
import { Chat } from "../../chatd/page/ui/chat.js";
import { MOST } from "../../chatd/page/ui/run.js";

const ROOM = "#a", EVENTS = 20_000, PAGE = 60;

const event = (seq) => ({ t: "event", room: ROOM, seq, ts: seq * 1000, kind: seq % 7 ? "message" : "react", by: "ben", text: `text ${seq}`, ...(seq % 5 === 0 && seq > 100 && { ref: seq - 93, thread: seq - 93 }) });

function history({ before = EVENTS + 1, after }) {
  const first = after === undefined ? Math.max(1, before - PAGE) : after + 1, last = after === undefined ? before - 1 : Math.min(EVENTS, after + PAGE);
  const events = Array.from({ length: last - first + 1 }, (_, index) => event(first + index));
  const quotes = events.filter(({ ref }) => ref).map(({ ref }) => ({ seq: ref, by: "ben", text: "text" }));
  return { events, quotes, became: [], more: after === undefined ? first > 1 : last < EVENTS, at: EVENTS };
}

const chat = new Chat();
chat.nick = "ann";
chat.take({ what: "opened", room: ROOM, name: ROOM, topic: "", head: EVENTS, peer: "", state: {}, counts: { read: 0, unread: 0, mentions: 0 } });
const room = chat.rooms.get(ROOM), said = Array.from({ length: EVENTS }, (_, index) => index + 1).filter((seq) => seq % 7);
const bounded = () => assert.ok(room.items.length <= MOST && room.quotes.size <= 2 * MOST && room.stale.size <= MOST);
room.page(history({}), false);
room.scrolled = true;
const up = room.items.map(({ seq }) => seq);
while (room.low > room.first) {
  const { low } = room;
  room.page(history({ before: low }), true);
  up.unshift(...room.items.map(({ seq }) => seq).filter((seq) => seq < low));
  bounded();
}
assert.deepEqual(up, said);
assert.ok(!room.isAtHead);
const down = room.items.map(({ seq }) => seq);
while (!room.isAtHead) {
  const { high } = room;
  room.newer(history({ after: high }));
  down.push(...room.items.map(({ seq }) => seq).filter((seq) => seq > high));
  bounded();
}
assert.deepEqual(down, said);

// What is said meanwhile waits where much is loaded, and comes when somebody goes on.
room.page(history({ before: room.low }), true);
chat.take({ what: "event", event: event(EVENTS + 1), name: ROOM, own: false, check: "", counts: { read: 0, unread: 1, mentions: 0 } });
assert.ok(!room.isAtHead);
bounded();

// A page that was asked for before all was forgotten is none of what is loaded then.
const { age } = room;
room.unload();
assert.notEqual(room.age, age);
assert.equal(room.items.length, 0);
