"""Whatever happens in whatever order, nobody is handed what they may not read, and nobody is left out.

Who may read what is worked out a second time, from nothing but the events on disk: from each one on, somebody
is a member, or no more, or banned, or the room is private, or newcomers see no history.
"""

import json
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatd.testing import Playground, Refused
from chatd.wire import messages as m
from chatd.wire.stored import text_of
from tests.helpers import Talker, come_in, hello

NICKS = ["ann", "ben", "cem"]
NETWORKS = {nick: f"127.0.1.{number}/32" for number, nick in enumerate(NICKS)}
ROOMS = ["#a", "#b"]
REMOVING = {"leave": "by", "kick": "whom", "ban": "whom"}


class Truth:
    """What the events of one log say: who may read what, at each moment."""

    def __init__(self, events):
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
        """Return whether ``nick`` was a member who might read ``seq``, at some moment up to ``at``."""
        for moment in range(seq, at + 1):
            joined = self.members[moment].get(nick) or self.leaving[moment].get(nick)
            if joined is not None and (self.whole[moment] or seq >= joined):
                return True
        return False

    def may_read(self, nick, seq, at):
        """Return whether ``nick`` might read ``seq``, as a member or not."""
        return self.may_follow(nick, seq, at) or any(
            self.open[moment] and self.whole[moment] and not {nick, NETWORKS[nick]} & self.banned[moment]
            for moment in range(seq, at + 1)
        )

    def removes(self, nick, seq):
        return nick in self.leaving[seq]


class Device(Talker):
    """One connection of somebody; ``notes`` holds what it heard, each with the heads of that moment."""

    def __init__(self, life, nick, *first):
        super().__init__(*first)
        self.life, self.nick = life, nick
        self.notes = []

    def dataReceived(self, data):
        known = len(self.heard)
        super().dataReceived(data)
        self.notes += [(message, self.life.heads()) for message in self.heard[known:]]


class Life:
    """A daemon, three people with two devices each, and a disk that fails now and then."""

    def __init__(self, store=None):
        self.playground = Playground(store=store)
        self.playground.start_server()
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
        device = Device(self, nick, first)
        self.devices[nick, number] = device
        self.all.append(device)
        try:
            self.playground.connect(device, "native")
            newest = max(self.playground.server.connections, key=lambda one: one.number)
            newest.peer_host = NETWORKS[nick].partition("/")[0]
        except Refused:
            device.lost = "refused"
        self.playground.advance()
        return device

    def heads(self):
        store = self.playground.store
        return {row.name: max(store.events.get(row.id, ()), default=0) for row in store.rooms.values()}

    def truth(self, room):
        store = self.playground.store
        number = next((row.id for row in store.rooms.values() if row.name == room), 0)
        return Truth(
            json.loads(bytes(text_of(frame))) for _, frame in sorted(store.events.get(number, {}).items())
        )

    # ---- what happens ---------------------------------------------------------------------------------

    def step(self, what, who, whom, room):
        nick, other = NICKS[who], NICKS[whom]
        device = self.devices[nick, whom % 2]
        if what in {"slow", "full", "well"}:
            self.disk(what)
        elif what == "one":
            self.playground.store.release(1)
        elif what == "crash":
            self.playground.crash_server()
            self.disk("well")
            self.playground.start_server()
        elif what == "back":
            self.back(nick, whom % 2)
        elif what == "cut" and device.lost is None:
            device.transport.abortConnection()
        elif what == "pause" and device.lost is None:
            device.transport.pauseProducing()
        elif what == "resume" and device.lost is None:
            device.transport.resumeProducing()
        elif device.lost is None and device.of(m.Welcome):
            device.say(*self.words(what, nick, other, room, who, whom))
        self.playground.advance()

    def disk(self, how):
        store = self.playground.store
        store.failing = OSError("disk full") if how == "full" else None
        store.held = how == "slow"
        if not store.held:
            store.release()

    def back(self, nick, number):
        old = self.devices[nick, number]
        cursors = run_of(old)[0] if old.of(m.Welcome) else {}
        if old.lost is None:
            old.transport.abortConnection()
        self.connect(nick, number, hello(token=self.tokens[nick, number], cursors=cursors))

    def words(self, what, nick, other, room, who, whom):
        number = len(self.asked) + 1
        self.asked[number] = room
        welcome = self.devices[nick, whom % 2].of(m.Welcome)[0]
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
            "topic": m.Topic(id=number, room=room, text=f"tea {number}"),
            "history": m.History(id=number, room=room),
        }.get(what)
        if said is not None:
            return [said]
        self.sent[welcome.session] += 1
        texts = [f"{number} {n} " + "x" * 8000 for n in range(20)] if what == "much" else [f"{number}"]
        del self.asked[number]
        last = max([device_last(one) for one in self.all if one.nick == nick and same(one, welcome)])
        return [m.Send(id=0, n=last + 1 + n, room=room, text=text) for n, text in enumerate(texts)]

    def settle(self):
        """Let the disk be well, and everybody be here and take what there is."""
        self.disk("well")
        self.playground.advance(1)
        for nick, number in list(self.devices):
            device = self.devices[nick, number]
            if device.lost is None:
                device.transport.resumeProducing()
            else:
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
                assert truths[room].removes(device.nick, seq), (device.nick, room, seq)
        for (nick, _), device in self.devices.items():
            assert device.lost is None
            cursors, _ = run_of(device)
            wanted = {room: truth.head for room, truth in truths.items() if nick in truth.members[-1]}
            assert cursors == wanted, "somebody who may read is left out"

    def check_allowed(self, truths, nick, message, heads):
        if isinstance(message, m.Event):
            truth, at = truths[message.room], heads[message.room]
            assert truth.may_follow(nick, message.seq, at), (nick, message)
        elif isinstance(message, m.Ok) and message.events is not None:
            room = self.asked[message.id]
            for raw in message.events:
                seq = json.loads(bytes(raw))["seq"]
                assert truths[room].may_read(nick, seq, heads[room]), (nick, room, seq)


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


DEEDS = [
    *[
        "join",
        "join all",
        "leave",
        "kick",
        "ban",
        "unban",
        "ban net",
        "ban net",
        "unban net",
        "invite",
        "role",
    ],
    *["private", "public", "since-join", "all", "topic", "history", "say", "much"],
    *["back", "cut", "pause", "resume", "slow", "one", "full", "well", "well", "crash"],
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(DEEDS), st.integers(0, 2), st.integers(0, 2), st.sampled_from(["#a", "#a", "#b"])
    ),
    max_size=40,
)


END = [("kick", 0, 1, "#a"), ("say", 0, 1, "#a"), ("resume", 1, 1, "#a")]
UNSTORED = [("kick", 0, 1, "#a"), ("one", 0, 0, "#a"), ("full", 0, 0, "#a")]
SWEPT = [("join", 1, 1, "#a"), ("join", 2, 1, "#a"), ("slow", 0, 0, "#a"), ("ban net", 0, 1, "#a")]
UNREAD = [("history", 1, 1, "#a"), ("full", 0, 0, "#a")]


@pytest.fixture(params=[100, 1])
def at_once(request, monkeypatch):
    """Let so many members be removed in a turn."""
    monkeypatch.setattr("chatd.chat.sweeping.AT_ONCE", request.param)
    monkeypatch.setattr("chatd.chat.sweeping.LOOKED_AT", request.param)


@pytest.mark.usefixtures("at_once")
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@example([("join", 1, 1, "#a"), ("pause", 1, 1, "#a"), *[("much", 0, 1, "#a")] * 3, *END])
@example([("join", 1, 1, "#a"), ("slow", 0, 0, "#a"), ("back", 1, 1, "#a"), *UNSTORED])
@example(
    [("since-join", 0, 1, "#a"), ("much", 0, 1, "#a"), ("join all", 1, 1, "#a"), ("history", 1, 1, "#a")]
)
@example([*SWEPT, ("say", 0, 1, "#a"), ("say", 1, 1, "#a"), ("one", 0, 0, "#a"), ("say", 0, 1, "#a")])
@example([*SWEPT, ("one", 0, 0, "#a"), ("full", 0, 0, "#a"), ("well", 0, 0, "#a"), ("say", 0, 1, "#a")])
@example([*SWEPT, ("one", 0, 0, "#a"), ("crash", 0, 0, "#a"), ("back", 1, 1, "#a"), ("back", 0, 1, "#a")])
@example([*SWEPT, ("one", 0, 0, "#a"), ("unban net", 0, 1, "#a"), ("say", 0, 1, "#a")])
@example([("private", 0, 1, "#a"), ("slow", 0, 0, "#a"), ("public", 0, 1, "#a"), *UNREAD])
@given(STEPS)
def test_nobody_is_handed_what_they_may_not_read_and_nobody_is_left_out(steps):
    life = Life()
    for step in steps:
        life.step(*step)
    life.settle()
    life.check()
