// What a window shows is the sum of the log, in whatever order pages, answers and events come. Prints a seed that fails.
import assert from "node:assert/strict";
import { Chat } from "../../chatd/page/ui/chat.js";
import { Thread } from "../../chatd/page/ui/threads.js";

const ROOM = "#a", PEOPLE = ["ann", "ben"], EMOJI = ["👍", "🎉"];

/** A generator of numbers below 1, from a seed (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A server with one room; what events have become is worked out anew from all of its log. */
class Server {
  log = [];

  say(event) {
    this.log.push({ t: "event", room: ROOM, seq: this.log.length + 1, ts: this.log.length * 1000, ...event });
  }

  became(seq) {
    const found = { seq, edit: 0, text: "", reactions: new Map(), replies: 0, pinned: false, removed: false };
    for (const event of this.log) {
      if (event.ref === seq && event.kind === "edit") Object.assign(found, { edit: event.seq, text: event.text });
      if (event.ref === seq && event.kind === "react") found.reactions.set(event.value, (found.reactions.get(event.value) ?? new Set()).add(event.by));
      if (event.ref === seq && event.kind === "unreact") found.reactions.get(event.value)?.delete(event.by);
      if (event.ref === seq && (event.kind === "pin" || event.kind === "unpin")) found.pinned = event.kind === "pin";
      if (event.ref === seq && event.kind === "remove") found.removed = true;
      if (event.thread === seq) found.replies += 1;
    }
    const reactions = [...found.reactions].filter(([, who]) => who.size).map(([emoji, who]) => ({ emoji, count: who.size, mine: who.has("ann") }));
    return { ...found, reactions };
  }

  stored(event) {
    return this.became(event.seq).removed ? { ...event, kind: "removed", text: undefined, ref: 999 } : event;
  }

  answer(events, more) {
    const became = events.map(({ seq }) => this.became(seq)).filter((one) => !one.removed);
    return { events: events.map((event) => this.stored(event)), became, more, at: this.log.length };
  }

  history({ before, after, thread, limit = 5 }) {
    const log = this.log.filter((event) => thread === undefined || event.seq === thread || event.thread === thread);
    if (thread !== undefined) {
      const found = after !== undefined ? log.filter(({ seq }) => seq > after).slice(0, limit) : log.filter(({ seq }) => before === undefined || seq < before).slice(-limit);
      return this.answer(found, after !== undefined ? found.at(-1)?.seq !== log.at(-1)?.seq : found[0]?.seq !== log[0]?.seq);
    }
    if (after !== undefined) return this.answer(this.log.slice(after, after + limit), after + limit < this.log.length);
    const end = before === undefined ? this.log.length : Math.min(before - 1, this.log.length);
    return this.answer(this.log.slice(Math.max(0, end - limit), end), end > limit);
  }

  look(seqs) {
    return this.answer(seqs.map((seq) => this.log[seq - 1]), false);
  }
}

function play(seed) {
  const next = random(seed), pick = (many) => many[Math.floor(next() * many.length)], server = new Server(), chat = new Chat();
  chat.nick = "ann";
  const opened = { what: "opened", room: ROOM, name: ROOM, topic: "", head: 0, peer: "", state: {}, counts: { read: 0, unread: 0, mentions: 0 } };
  chat.take(opened);
  const room = chat.rooms.get(ROOM), counts = opened.counts;
  let told = 0;
  const late = [];
  const something = () => {
    const said = server.log.filter(({ kind, seq }) => kind === "message" && !server.became(seq).removed), about = said.length && next() < 0.6;
    if (!about) return server.say({ kind: "message", by: pick(PEOPLE), text: `text ${server.log.length}` });
    const { seq, thread, by } = pick(said), what = pick(["edit", "react", "unreact", "pin", "unpin", "remove", "reply"]);
    if (what === "reply") return server.say({ kind: "message", by: pick(PEOPLE), text: "reply", ref: seq, thread: thread ?? seq });
    if (what === "edit") return server.say({ kind: what, by, ref: seq, text: `edit ${server.log.length}` });
    return server.say({ kind: what, by: pick(PEOPLE), ref: seq, ...(what.endsWith("react") && { value: pick(EMOJI) }) });
  };
  const tell = () => {
    if (told === server.log.length) return;
    const event = server.stored(server.log[told++]);
    chat.take({ what: "event", event, name: ROOM, own: false, check: "", counts });
  };
  const look = () => {
    const seqs = [...room.stale].slice(0, 50), answer = server.look(seqs);
    room.stale.clear();
    return () => room.looked(answer);
  };
  const page = (where, older) => {
    const answer = server.history(where);
    return () => (where.after === undefined ? room.page(answer, older) : room.newer(answer));
  };
  let loading = null; // as the client, no second page is asked for before the first has come
  const paged = (where, older) => {
    const { thread } = chat, answer = server.history({ thread: thread.root, ...where });
    return () => (where.after === undefined ? thread.page(answer, older) : thread.newer(answer));
  };
  let fetching = null;
  const steps = [
    () => {
      const roots = server.log.filter(({ kind, thread }) => kind === "message" && !thread);
      if (roots.length && !chat.thread) chat.thread = new Thread(ROOM, pick(roots).seq, chat);
    },
    () => (fetching ??= chat.thread && !chat.thread.high ? paged({}, false) : null),
    () => (fetching ??= chat.thread?.high && chat.thread.low > chat.thread.first ? paged({ before: chat.thread.low }, true) : null),
    () => (fetching ??= chat.thread?.high && !chat.thread.isAtHead ? paged({ after: chat.thread.high }, false) : null),
    () => {
      fetching?.();
      fetching = null;
    },
    something, something, something, tell, tell, tell,
    () => (loading ??= room.high ? null : page({}, false)),
    () => (loading ??= room.high && room.low > 1 ? page({ before: room.low }, true) : null),
    () => (loading ??= room.high && !room.isAtHead ? page({ after: room.high }, false) : null),
    () => {
      loading?.();
      loading = null;
    },
    () => room.stale.size && late.push(look()),
    () => late.shift()?.(),
  ];
  for (let step = 0; step < 150; step++) pick(steps)();
  loading?.();
  fetching?.();
  while (late.length) late.shift()();
  while (told < server.log.length) tell();
  if (!room.high) page({}, false)();
  while (!room.isAtHead) page({ after: room.high }, false)();
  while (room.stale.size) look()();
  if (chat.thread) {
    const { thread } = chat;
    if (!thread.high) paged({}, false)();
    while (thread.low > thread.first) paged({ before: thread.low }, true)();
    while (!thread.isAtHead) paged({ after: thread.high }, false)();
    if (thread.stale.size) thread.looked(server.look([...thread.stale]));
    const became = (seq) => {
      const { removed, edit, text, pinned, reactions, replies } = server.became(seq), said = server.log[seq - 1].text;
      return removed ? { seq, removed } : { seq, removed, text: edit ? text : said, edited: edit > 0, pinned, reactions, ...(seq === thread.root && { replies }) };
    };
    const seen = thread.items.map(({ seq, removed, text, edited, pinned, reactions, replies }) => (removed ? { seq, removed } : { seq, removed, text, edited, pinned, reactions, ...(seq === thread.root && { replies }) }));
    const all = server.log.filter(({ seq, kind, thread: of }) => kind === "message" && (seq === thread.root || of === thread.root));
    assert.deepEqual(seen, all.map(({ seq }) => became(seq)), `thread of seed ${seed}`);
  }
  const shown = room.items.map(({ seq, text, removed, edited, pinned, replies, reactions }) => ({ seq, text, removed, edited, pinned, replies, reactions }));
  const wanted = server.log
    .filter(({ seq, kind }) => seq >= room.low && kind === "message")
    .map((event) => {
      const { removed, edit, text, pinned, replies, reactions } = server.became(event.seq);
      if (removed) return { seq: event.seq, text: "", removed };
      return { seq: event.seq, text: edit ? text : event.text, removed, edited: edit > 0, pinned, replies, reactions };
    });
  const bare = shown.map((one) => (one.removed ? { seq: one.seq, text: one.text, removed: true } : one));
  assert.deepEqual(bare, wanted, `seed ${seed}`);
}

const [first, last] = process.argv.slice(2).map(Number);
for (let seed = first; seed < last; seed++) play(seed);
