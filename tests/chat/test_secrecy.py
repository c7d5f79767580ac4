"""Whatever happens in whatever order, nobody is handed what they may not read, and nobody is left out.

Who may read what is worked out a second time, from nothing but the events on disk: from each one on, somebody
is a member, or no more, or banned, or the room is private, or newcomers see no history. No event tells of a
guest who only reads: of such a one it counts what is open to everybody, and since when they asked for it.

What is handed out is judged by the moment at which it is written, however late it is heard. Pages that the
store is asked for, and passwords that are checked or hashed for a request, can be on their way while anything
else happens.
"""

import json
from collections import defaultdict, deque
from functools import partial

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chatd.chat import accounts
from chatd.chat.changes.rows import DELETED
from chatd.ops.settings import AccountsConfig, Config
from chatd.testing import Playground, Refused
from chatd.testing.store import MemoryStore
from chatd.wire import messages as m
from chatd.wire.stored import text_of
from tests.examples import examples
from tests.helpers import LinesTalker, Talker, come_in, guests, hello

NICKS = ["ann", "ben", "cem", "gus", "hal"]
GUESTS = {"gus", "hal"}
"""Come by a listener where guests only read, and may become accounts."""

NETWORKS = {nick: f"127.0.1.{number}/32" for number, nick in enumerate(NICKS)}
ROOMS = ["#a", "#b"]
ANYTHING = " ".join(f"from:{nick}" for nick in NICKS)
"""A query that finds all that anybody of them has said."""
WAYS = {"cut": "abortConnection", "pause": "pauseProducing", "resume": "resumeProducing"}
REMOVING = {"leave": "by", "kick": "whom", "ban": "whom"}


class Truth:
    """What the events of one log say: who may read what, at each moment."""

    def __init__(self, events):
        self.removed, self.edits = {}, {}
        self.kicked = {}
        self.members = [{}]
        self.leaving = [{}]
        self.banned = [set()]
        self.open = [True]
        self.whole = [True]
        for event in events:
            self.take(event)

    def take(self, event):
        members, leaving, banned = dict(self.members[-1]), {}, set(self.banned[-1])
        is_open, whole = self.open[-1], self.whole[-1]
        kind = event["kind"]
        self.note(event)
        if kind == "join":
            members[event["by"]] = event["seq"]
        if kind in REMOVING and event[REMOVING[kind]] in members:
            nick = event[REMOVING[kind]]
            leaving[nick] = members.pop(nick)
            if event.get("reason") == "net" and kind == "kick":
                self.left_with_the_ban(nick, leaving[nick])
        if kind == "ban":
            banned.add(event["whom"])
        if kind == "unban":
            banned.discard(event["whom"])
        if kind == "set":
            rule, value = event["value"].split()
            is_open = value != "private" if rule == "kind" else is_open
            whole = value == "all" if rule == "history" else whole
        for known, new in zip(
            (self.members, self.leaving, self.banned, self.open, self.whole),
            (members, leaving, banned, is_open, whole),
            strict=True,
        ):
            known.append(new)

    def note(self, event):
        if event["kind"] == "remove":
            self.removed |= dict.fromkeys(event.get("refs") or [event["ref"]], event["seq"])
        if event["kind"] == "edit":
            self.edits[event["seq"]] = event["ref"]
        if event["kind"] == "kick":
            self.kicked[event["seq"]] = event["whom"]

    def left_with_the_ban(self, nick, joined):
        """Note that somebody counts as removed since the ban of their address."""
        moment = len(self.members) - 1
        while NETWORKS[nick] not in self.banned[moment] or NETWORKS[nick] in self.banned[moment - 1]:
            moment -= 1
        for between in self.members[moment:]:
            between.pop(nick, None)
        self.leaving[moment][nick] = joined

    @property
    def head(self):
        return len(self.members) - 1

    def may_follow(self, nick, seq, at):
        """Return whether ``nick`` may be handed ``seq`` when there are ``at`` events.

        That is as a member, or because what they were told before they were removed was still on its way.
        """
        joined = self.members[at].get(nick)
        if joined is not None and (self.whole[at] or seq >= joined):
            return True
        return any(
            nick in self.leaving[end] and (self.whole[end] or seq >= self.leaving[end][nick])
            for end in range(seq, at + 1)
        )

    def may_read(self, nick, seq, at):
        """Return whether ``nick`` may look ``seq`` up when there are ``at`` events."""
        joined = self.members[at].get(nick)
        if joined is not None:
            return self.whole[at] or seq >= joined
        return self.is_open(nick, at) and self.whole[at]

    def removes(self, nick, seq):
        return nick in self.leaving[seq]

    def is_open(self, nick, moment):
        """Return whether anybody may come in as ``nick`` at some moment."""
        return self.open[moment] and not {nick, NETWORKS[nick]} & self.banned[moment]

    def may_watch(self, nick, seq, at, since):
        """Return whether ``nick``, a guest who only reads, may be handed ``seq`` when the head is ``at``.

        They asked to be let in when there were ``since`` events. What ends it is handed to them as well.
        """
        ends = [end for end in range(max(seq, 1), at + 1) if self.is_open(nick, end - 1)]
        ends = [end for end in ends if not self.is_open(nick, end)]
        if self.is_open(nick, at):
            ends.append(at)
        return self.kicked.get(seq) == nick or any(self.whole[end] or seq > since for end in ends)


class Heard:
    """One connection of somebody; ``notes`` holds what it heard, each with the heads when it was written."""

    def __init__(self, life, nick, *first):
        super().__init__(*first)
        self.life, self.nick = life, nick
        self.notes = []
        self.written = deque()

    def watch(self, transport):
        """Note the heads at each write of the daemon to ``transport``."""
        write = transport.write

        def noted(data):
            self.written.append([len(data), self.life.heads()])
            write(data)

        transport.write = noted

    def dataReceived(self, data):
        while data:
            piece = self.written[0]
            known = len(self.heard)
            super().dataReceived(data[: piece[0]])
            self.notes += [(message, piece[1]) for message in self.heard[known:]]
            taken = min(piece[0], len(data))
            data, piece[0] = data[taken:], piece[0] - taken
            if not piece[0]:
                self.written.popleft()


class Device(Heard, Talker):
    """One that speaks the native protocol."""


class LinesDevice(Heard, LinesTalker):
    """One that speaks JSON lines."""


SPEAKS = {"native": Device, "json-lines": LinesDevice}


class LateStore(MemoryStore):
    """Its answers to those who read can be ``late``: as they were when it was asked, and when they come."""

    def __init__(self):
        super().__init__()
        self.late = None

    def read(self, log, first, last, limit, newest, done):
        super().read(log, first, last, limit, newest, self.later(done))

    def look(self, log, wanted, user, done):
        super().look(log, wanted, user, self.later(done))

    def search(self, query, scopes, before, limit, done):
        super().search(query, scopes, before, limit, self.later(done))

    def facts(self, log, seq, user, whole, done):
        super().facts(log, seq, user, whole, self.later(done))

    def later(self, done):
        """Return what keeps what was read for ``done`` until it may come."""
        return done if self.late is None else lambda read: self.late.append(partial(done, read))

    def come(self, how):
        """Let what is late come: one ``page``, the ``newest`` one, or all ``pages``."""
        while self.late:
            (self.late.pop if how == "newest" else self.late.popleft)()()
            if how != "pages":
                break


class Life:
    """A daemon, three people and two guests with two devices each, and a disk that fails now and then."""

    def __init__(self):
        config = Config(accounts=AccountsConfig(registration="open"))
        self.playground = Playground(config, store=LateStore())
        self.playground.start_server()
        self.watched = defaultdict(list)
        self.devices = {}
        self.all = []
        self.tokens = {}
        self.asked = {}
        self.sent = defaultdict(int)
        for nick in NICKS:
            for number in (0, 1):
                self.begin(nick, number)
        for room in ROOMS:
            self.step("join", 0, 1, room)
        come_in(self.playground, "zoe", *[m.Join(id=1, room=room) for room in ROOMS])  # no room ever empties
        self.playground.advance()

    def begin(self, nick, number):
        how = {"token": self.tokens[nick, 0], "device": True} if number else {}
        device = self.connect(nick, number, hello("" if number else nick, **how))
        self.tokens[nick, number] = device.of(m.Welcome)[0].token

    def connect(self, nick, number, first):
        speaks = sorted(SPEAKS)[number]
        device = SPEAKS[speaks](self, nick, replace(first, typing=True))
        self.devices[nick, number] = device
        self.all.append(device)
        try:
            with guests(self.playground, "read-only" if nick in GUESTS else "allowed"):
                self.playground.connect(device, speaks)
            newest = max(self.playground.server.connections, key=lambda one: one.number)
            newest.peer_host = NETWORKS[nick].partition("/")[0]
            device.watch(newest.transport)
        except Refused:
            device.lost = "refused"
        self.playground.advance()
        return device

    def heads(self):
        """Return the heads of the logs, as the daemon that hands them out knows them."""
        rooms = self.playground.server.hub.world.rooms
        return {room: rooms[room].log.head if room in rooms else 0 for room in ROOMS}

    def stored(self, room):
        store = self.playground.store
        number = next((row.id for row in store.rooms.values() if row.name == room), 0)
        events = sorted(store.events.get(number, {}).items())
        return [json.loads(bytes(text_of(frame))) for _, frame in events]

    def truth(self, room):
        return Truth(self.stored(room))

    # ---- what happens ---------------------------------------------------------------------------------

    def step(self, what, who, whom, room):
        nick, other = NICKS[who], NICKS[whom]
        device = self.devices[nick, whom % 2]
        there = device.lost is None
        if what in {"slow", "full", "well"}:
            self.disk(what)
        elif what in {"late", "page", "newest", "pages"}:
            self.pages(what)
        elif what == "second":
            self.playground.advance(1)  # behind which it is told who is there, is away, or types
        elif what in {"one", "crash", "register"}:
            getattr(self, what)(nick)
        elif what in {"hashing", "hashed"}:
            self.hash(what)
        elif what == "login":
            self.log_in(nick, whom % 2)
        elif what == "back":
            self.back(nick, whom % 2)
        elif what in WAYS and there:
            getattr(device.transport, WAYS[what])()
        elif what not in WAYS and there and device.of(m.Welcome):
            device.say(*self.words(what, nick, other, room, who, whom))
        self.playground.advance()

    def one(self, _):
        self.playground.store.release(1)

    def crash(self, _):
        self.playground.crash_server()
        self.disk("well")
        self.playground.store.late = None  # nobody waits for them any more
        self.playground.start_server()

    def disk(self, how):
        store = self.playground.store
        store.failing = OSError("disk full") if how == "full" else None
        store.held = how == "slow"
        if not store.held:
            store.release()

    def pages(self, how):
        store = self.playground.store
        if how == "late":
            store.late = deque() if store.late is None else store.late
        elif store.late is not None:
            store.come(how)
            if how == "pages":
                store.late = None

    def hash(self, what):
        """Let passwords wait to be hashed or checked, or be done."""
        self.playground.hashing.held = what == "hashing"
        if what == "hashed":
            self.playground.hashing.release()

    def log_in(self, nick, number):
        """Let somebody's device begin another session, which comes when the password was checked."""
        self.note_tokens()
        if self.devices[nick, number].lost is None:
            self.devices[nick, number].transport.abortConnection()
        self.connect(nick, number, hello(nick, password=password_of(nick)))

    def note_tokens(self):
        for key, device in self.devices.items():
            for welcome in device.of(m.Welcome):
                self.tokens[key] = welcome.token or self.tokens[key]

    @property
    def gone(self):
        """Return whose accounts are deleted."""
        store = self.playground.store
        return {store.users[row.user].nick for row in store.accounts.values() if row.flags & DELETED}

    def register(self, nick):
        hub = self.playground.server.hub
        user = hub.world.nicks.get(nick)
        if user is not None and user.account is None:
            accounts.make(hub.world, user, "hash", self.playground.wall())
            hub.change()

    def back(self, nick, number):
        self.note_tokens()
        old = self.devices[nick, number]
        cursors = run_of(old)[0] if old.of(m.Welcome) else {}
        if old.lost is None:
            old.transport.abortConnection()
        self.connect(nick, number, hello(token=self.tokens[nick, number], cursors=cursors))

    def words(self, what, nick, other, room, who, whom):
        number = len(self.asked) + 1
        self.asked[number] = room
        welcome = self.devices[nick, whom % 2].of(m.Welcome)[0]
        if what in {"join", "join all"} and nick in GUESTS:
            self.watched[nick, room].append(self.heads()[room])
        said = {
            "join": m.Join(id=number, room=room),
            "join all": m.Join(id=number, room=room, after=0),
            "leave": m.Leave(id=number, room=room),
            "kick": m.Kick(id=number, room=room, whom=other),
            "ban": m.Ban(id=number, room=room, whom=other),
            "unban": m.Unban(id=number, room=room, whom=other),
            "ban net": m.Ban(id=number, room=room, whom=NETWORKS[other], reason="net"),
            "unban net": m.Unban(id=number, room=room, whom=NETWORKS[other]),
            "invite": m.InviteTo(id=number, room=room, whom=other),
            "role": m.Role(id=number, room=room, whom=other, role=["moderator", "owner"][who % 2]),
            "private": m.Set(id=number, room=room, rule="kind", value="private"),
            "public": m.Set(id=number, room=room, rule="kind", value="public"),
            "since-join": m.Set(id=number, room=room, rule="history", value="since-join"),
            "all": m.Set(id=number, room=room, rule="history", value="all"),
            "remove": m.Remove(id=number, room=room, seq=self.removable(room, whom)),
            "topic": m.Topic(id=number, room=room, text=f"tea {number}"),
            "history": m.History(id=number, room=room),
            "search": m.Search(id=number, query=ANYTHING),
            "search in": m.Search(id=number, query=f"{ANYTHING} in:{room}", limit=3),
            "present": m.History(id=number, room=room, present=True),
            "look": m.Look(id=number, room=room, seqs=[self.removable(room, whom)]),
            "away": m.SetStatus(id=number, state="away", text=f"words {number}"),
            "type": m.Typing(room=room),
            "enroll": m.Register(id=number, password=password_of(nick)),
            "passwd": m.Passwd(id=number, password=password_of(nick), old=password_of(nick)),
            "delete": m.DeleteAccount(id=number, password=password_of(nick)),
            "erase": m.DeleteAccount(id=number, password=password_of(nick), erase=True),
        }.get(what)
        if said is not None:
            return [said]
        self.sent[welcome.session] += 1
        texts = [f"{number} {n} " + "x" * 8000 for n in range(20)] if what == "much" else [f"{number}"]
        del self.asked[number]
        last = max([device_last(one) for one in self.all if one.nick == nick and same(one, welcome)])
        if what == "edit":
            mine = self.removable(room, whom, nick)
            return [m.Edit(id=0, n=last + 1, room=room, seq=mine, text=f"better {number}")]
        ref = self.removable(room, whom) if what == "reply" else 0
        return [m.Send(id=0, n=last + 1 + n, room=room, text=text, ref=ref) for n, text in enumerate(texts)]

    def removable(self, room, back, nick=""):
        """Return the number of the latest message but ``back``, of ``nick`` maybe, or of what is none."""
        said = [event for event in self.stored(room) if event["kind"] == "message"]
        messages = [event["seq"] for event in said if nick in {"", event["by"]}]
        return [1, *messages][-1 - min(back, len(messages))]

    def settle(self):
        """Let the disk be well, and everybody be here and take what there is."""
        self.disk("well")
        self.pages("pages")
        self.hash("hashed")
        self.playground.advance(1)
        for device in self.devices.values():
            if device.lost is None:
                device.transport.resumeProducing()
        self.playground.advance(1)  # in which those end whose passwords were wrong
        for (nick, number), device in list(self.devices.items()):
            if device.lost is not None:
                self.back(nick, number)
        self.playground.advance(3)

    # ---- what must hold -------------------------------------------------------------------------------

    def check(self):
        truths = {room: self.truth(room) for room in ROOMS}
        for device in self.all:
            for message, heads in device.notes:
                self.check_allowed(truths, device.nick, message, heads)
            _, ends = run_of(device)
            for room, seq in ends:
                if device.nick not in GUESTS:  # of whose coming and going no event tells
                    assert truths[room].removes(device.nick, seq), (device.nick, room, seq)
        for (nick, _), device in self.devices.items():
            if nick in self.gone:
                assert device.lost is not None, "the account is deleted, and its device goes on"
                continue
            assert device.lost is None
            cursors, _ = run_of(device)
            wanted = {room: truth.head for room, truth in truths.items() if nick in truth.members[-1]}
            if nick in GUESTS:
                wanted |= self.watching(truths, nick)
            assert cursors == wanted, "somebody who may read is left out"

    def watching(self, truths, nick):
        """Return the heads of the rooms that ``nick``, a guest, reads, who may."""
        store = self.playground.store
        (guest,) = [row.id for row in store.users.values() if row.nick == nick]
        reads = {store.rooms[room].name for room, user in store.members if user == guest}
        for room in reads:
            truth = truths[room]
            assert nick in truth.members[-1] or truth.is_open(nick, -1)
        return {room: truths[room].head for room in reads}

    def check_allowed(self, truths, nick, message, heads):
        if isinstance(message, m.Event):
            truth, at = truths[message.room], heads[message.room]
            allowed = truth.may_follow(nick, message.seq, at)
            if nick in GUESTS and not allowed:
                since = min(self.watched[nick, message.room])
                allowed = truth.may_watch(nick, message.seq, at, since)
            assert allowed, (nick, message, at)
            self.check_removed(truth, message.seq, message.kind, at)
        elif isinstance(message, m.Typing | m.Presence):
            truth, at = truths[message.room], heads[message.room]
            allowed = truth.may_follow(nick, at, at) or (nick in GUESTS and truth.is_open(nick, at))
            assert allowed, (nick, message, at)
        elif isinstance(message, m.Ok):
            found = [hit.event for hit in message.hits or ()]
            for raw in [*(message.events or ()), *found]:
                event = json.loads(bytes(raw))
                self.check_read(truths, nick, event["room"], event["seq"], heads)
                self.check_removed(truths[event["room"]], event["seq"], event["kind"], heads[event["room"]])
            for hit in message.hits or ():
                event = json.loads(bytes(hit.event))
                self.check_told(truths, nick, event["room"], [(max(event["seq"], hit.edit), "?")], heads)
            told = [(max(one.seq, one.edit), one.text) for one in message.became or ()]
            told += [(one.seq, one.text) for one in message.quotes or ()]
            self.check_told(truths, nick, self.asked.get(message.id), told, heads)

    def check_told(self, truths, nick, room, told, heads):
        for seq, text in told:
            self.check_read(truths, nick, room, seq, heads)
            self.check_removed(truths[room], seq, "" if text else "removed", heads[room])

    def check_read(self, truths, nick, room, seq, heads):
        truth, at = truths[room], heads[room]
        allowed = truth.may_read(nick, seq, at)
        if nick in GUESTS and not allowed:
            allowed = truth.is_open(nick, at) and seq > min(self.watched[nick, room], default=at)
        assert allowed, (nick, room, seq, at)

    @staticmethod
    def check_removed(truth, seq, kind, at):
        for one in (seq, truth.edits.get(seq)):  # what edited it goes with it
            known = kind == "removed" or truth.removed.get(one, at + 1) > at
            assert known, "what was removed is handed out"


def password_of(nick):
    return f"long password of {nick}"


def same(device, welcome):
    return any(one.session == welcome.session for one in device.of(m.Welcome))


def device_last(device):
    """Return the number of the last send that this connection knows as accepted."""
    told = [one.last for one in device.of(m.Welcome)]
    return max(told, default=0) + sum(1 for one in device.of(m.Ok) if one.id == 0 and one.seq is not None)


def run_of(device):
    """Return the cursors of a connection and where runs of events have ended; all of them are dense."""
    cursors, ends = {}, []
    for message in device.heard:
        if isinstance(message, m.Welcome | m.Rooms):
            cursors |= {state.room: state.cursor for state in message.rooms}
        elif isinstance(message, m.Event):
            assert message.seq == cursors[message.room] + 1
            cursors[message.room] = message.seq
        elif isinstance(message, m.Gap):
            cursors[message.room] = message.last
        elif isinstance(message, m.Left):
            ends.append((message.room, cursors.pop(message.room)))
    return cursors, ends


ORDER = ["kick", "ban", "unban", "ban net", "ban net", "unban net", "invite", "role"]
RULES = ["private", "public", "since-join", "all"]
TALK = ["join", "join", "join all", "leave", "history", "say", "say", "much", "remove", "remove", "topic"]
TALK += ["search", "search in"]
TALK += ["present", "look", "edit", "edit", "reply", "reply", "type", "type", "away"]
LINKS = ["back", "cut", "pause", "resume", "register"]
ACCOUNT = ["enroll", "enroll", "login", "passwd", "delete", "erase", "hashing", "hashing", "hashed"]
SURROUNDINGS = ["slow", "one", "full", "well", "well", "crash"]
SURROUNDINGS += ["second", "second", "late", "late", "page", "newest", "newest", "pages"]
ANYBODY, OWNER = st.integers(0, 4), st.sampled_from([0, 0, 0, 1])
WHERE = st.sampled_from(["#a", "#a", "#a", "#b"])
STEP = st.one_of(
    st.tuples(st.sampled_from(ORDER + RULES), OWNER, ANYBODY, WHERE),
    st.tuples(st.sampled_from(TALK), ANYBODY, ANYBODY, WHERE),
    st.tuples(st.sampled_from(LINKS), ANYBODY, ANYBODY, WHERE),
    st.tuples(st.sampled_from(ACCOUNT), st.integers(1, 4), ANYBODY, WHERE),
    st.tuples(st.sampled_from(SURROUNDINGS), st.just(0), st.just(0), st.just("#a")),
)
STEPS = st.lists(STEP, min_size=6, max_size=40)


END = [("kick", 0, 1, "#a"), ("say", 0, 1, "#a"), ("resume", 1, 1, "#a")]
UNSTORED = [("kick", 0, 1, "#a"), ("one", 0, 0, "#a"), ("full", 0, 0, "#a")]
SWEPT = [("join", 1, 1, "#a"), ("join", 2, 1, "#a"), ("slow", 0, 0, "#a"), ("ban net", 0, 1, "#a")]
UNREAD = [("history", 1, 1, "#a"), ("full", 0, 0, "#a")]
LATE, NEWEST, COME = [(what, 0, 0, "#a") for what in ("late", "newest", "pages")]
SEARCHED = [("say", 0, 1, "#a"), LATE, ("search", 1, 1, "#a"), ("search in", 1, 1, "#a")]
ASKED = [("say", 0, 1, "#a"), LATE, ("history", 1, 1, "#a")]
BEHIND = [
    ("join", 1, 1, "#a"),
    ("pause", 1, 1, "#a"),
    *[("much", 0, 1, "#a")] * 4,
    LATE,
    ("resume", 1, 1, "#a"),
]
EDITED = [("say", 0, 1, "#a"), ("edit", 0, 0, "#a"), ("reply", 0, 0, "#a")]
QUOTED = [("say", 0, 1, "#a"), ("join", 1, 1, "#a"), ("reply", 0, 0, "#a"), ("say", 0, 1, "#a")]
PRESENT = [("present", 1, 1, "#a"), ("look", 1, 0, "#a")]
SECOND = ("second", 0, 0, "#a")
TOLD = [("join", 1, 1, "#a"), ("type", 0, 1, "#a"), ("away", 0, 1, "#a")]
HASHED = ("hashed", 0, 0, "#a")
MEMBER = [("enroll", 1, 0, "#a"), ("join", 1, 0, "#a"), ("say", 1, 0, "#a"), ("say", 1, 1, "#a")]
FLIGHT = [("hashing", 1, 0, "#a"), ("login", 1, 1, "#a"), ("delete", 1, 0, "#a"), ("passwd", 1, 0, "#a")]
BOTH = [("say", 1, 1, "#a"), ("back", 1, 0, "#a"), ("back", 1, 1, "#a")]
WATCHED = [("join", 3, 0, "#a"), ("join", 4, 1, "#a"), ("say", 0, 1, "#a")]


@pytest.fixture(params=[100, 1])
def at_once(request, monkeypatch):
    """Let so many members be removed in a turn."""
    monkeypatch.setattr("chatd.chat.sweeping.AT_ONCE", request.param)
    monkeypatch.setattr("chatd.chat.sweeping.LOOKED_AT", request.param)


@pytest.fixture(params=["wide", "tight"])
def room_in_memory(request, monkeypatch):
    """Let memory hold next to nothing, so that nearly everything is read in pages, or as much as it does."""
    if request.param == "tight":
        monkeypatch.setattr("chatd.chat.log.TAIL_BYTES", 600)
        monkeypatch.setattr("chatd.server.delivery.PAGE", 400)
        monkeypatch.setattr("chatd.testing.network.BUFFER", 300)


@pytest.mark.slow  # it works for a second
@pytest.mark.usefixtures("at_once", "room_in_memory")
@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@example([("join", 1, 1, "#a"), ("pause", 1, 1, "#a"), *[("much", 0, 1, "#a")] * 3, *END])
@example([("join", 1, 1, "#a"), ("slow", 0, 0, "#a"), ("back", 1, 1, "#a"), *UNSTORED])
@example(
    [("since-join", 0, 1, "#a"), ("much", 0, 1, "#a"), ("join all", 1, 1, "#a"), ("history", 1, 1, "#a")]
)
@example([*SEARCHED, ("private", 0, 1, "#a"), *END, COME])
@example([("join", 1, 1, "#a"), *SEARCHED, ("remove", 0, 0, "#a"), COME])
@example([("join", 1, 1, "#a"), *SEARCHED, ("slow", 0, 0, "#a"), ("kick", 0, 1, "#a"), COME])
@example([*SWEPT, ("say", 0, 1, "#a"), ("say", 1, 1, "#a"), ("one", 0, 0, "#a"), ("say", 0, 1, "#a")])
@example([*SWEPT, ("one", 0, 0, "#a"), ("full", 0, 0, "#a"), ("well", 0, 0, "#a"), ("say", 0, 1, "#a")])
@example([*SWEPT, ("one", 0, 0, "#a"), ("crash", 0, 0, "#a"), ("back", 1, 1, "#a"), ("back", 0, 1, "#a")])
@example([*SWEPT, ("one", 0, 0, "#a"), ("unban net", 0, 1, "#a"), ("say", 0, 1, "#a")])
@example([("private", 0, 1, "#a"), ("slow", 0, 0, "#a"), ("public", 0, 1, "#a"), *UNREAD])
@example([*ASKED, ("remove", 0, 0, "#a"), NEWEST, COME])
@example([*ASKED, ("private", 0, 1, "#a"), COME])
@example([*ASKED, ("private", 0, 1, "#a"), ("slow", 0, 0, "#a"), ("public", 0, 1, "#a"), COME, UNREAD[1]])
@example([*ASKED, ("ban", 0, 1, "#a"), ("slow", 0, 0, "#a"), ("unban", 0, 1, "#a"), COME, UNREAD[1]])
@example([*BEHIND, ("remove", 0, 3, "#a"), NEWEST, COME])
@example([*BEHIND, ("kick", 0, 1, "#a"), ("say", 0, 1, "#a"), ("page", 0, 0, "#a"), COME])
@example([*[("much", 0, 1, "#a")] * 2, LATE, ("join all", 1, 1, "#a"), ("since-join", 0, 1, "#a"), COME])
@example(
    [*WATCHED, ("private", 0, 1, "#a"), ("say", 0, 1, "#a"), ("public", 0, 1, "#a"), ("say", 0, 1, "#a")]
)
@example([*WATCHED, ("slow", 0, 0, "#a"), ("private", 0, 1, "#a"), UNSTORED[1], ("crash", 0, 0, "#a")])
@example([*WATCHED, ("since-join", 0, 1, "#a"), ("pause", 3, 1, "#a"), ("much", 0, 1, "#a"), LATE, *END])
@example(
    [*WATCHED, ("register", 3, 0, "#a"), ("join", 3, 0, "#a"), ("private", 0, 1, "#a"), ("say", 0, 1, "#a")]
)
@example(
    [("say", 0, 1, "#a"), ("since-join", 0, 1, "#a"), ("join", 1, 1, "#a"), ("reply", 0, 0, "#a"), *PRESENT]
)
@example([*EDITED, LATE, *PRESENT, ("remove", 0, 1, "#a"), NEWEST, COME])
@example([*SEARCHED, ("private", 0, 1, "#a"), ("slow", 0, 0, "#a"), ("public", 0, 1, "#a"), COME, UNREAD[1]])
@example([*EDITED, *SEARCHED, ("remove", 0, 1, "#a"), NEWEST, COME])
@example([*QUOTED, LATE, ("look", 1, 1, "#a"), ("since-join", 0, 1, "#a"), COME])
@example([*TOLD, ("kick", 0, 1, "#a"), SECOND])
@example([*TOLD, ("ban net", 0, 1, "#a"), SECOND, ("say", 0, 1, "#a"), SECOND])
@example([*TOLD, ("slow", 0, 0, "#a"), ("kick", 0, 1, "#a"), SECOND, ("one", 0, 0, "#a"), SECOND])
@example([*WATCHED, ("type", 0, 1, "#a"), ("private", 0, 1, "#a"), SECOND, ("away", 0, 1, "#a"), SECOND])
@example([*MEMBER, *FLIGHT, ("kick", 0, 1, "#a"), ("private", 0, 1, "#a"), HASHED, ("say", 0, 1, "#a")])
@example([*MEMBER, ("erase", 1, 0, "#a"), HASHED, ("history", 2, 0, "#a"), ("search", 2, 1, "#a")])
@example([*MEMBER, ("hashing", 1, 0, "#a"), ("delete", 1, 0, "#a"), ("login", 1, 1, "#a"), HASHED, *BOTH])
@example([*MEMBER, *FLIGHT, ("slow", 0, 0, "#a"), HASHED, ("full", 0, 0, "#a"), ("say", 0, 1, "#a")])
@example([("since-join", 0, 0, "#a"), ("join", 3, 0, "#a")])
@example([("hashing", 1, 0, "#a"), ("login", 2, 0, "#a"), ("pause", 2, 0, "#a")])
@example([*MEMBER, *FLIGHT, ("crash", 0, 0, "#a"), ("back", 1, 0, "#a"), ("back", 1, 1, "#a")])
@given(STEPS)
def test_nobody_is_handed_what_they_may_not_read_and_nobody_is_left_out(steps):
    life = Life()
    for step in steps:
        life.step(*step)
    life.settle()
    life.check()
