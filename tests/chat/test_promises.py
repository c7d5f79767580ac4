"""P1 to P4 under attack: sends, commits that wait or fail, crashes, cuts, resends, takeovers, retention, slow
readers, in any order. The model is a set of careful clients that note all they see and are told."""

from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.protocol import Protocol, connectionDone

from chatd.testing import Playground, Refused
from chatd.wire import messages as m
from chatd.wire.frames import FrameDecoder, FrameType, frame
from chatd.wire.native import decode_from_server, encode
from tests.examples import examples

ROOMS = ["#a", "#b"]
NICKS = ["ann", "ben", "cem"]


class Seen:
    """What the world was ever shown: an event never changes and never goes back (P1, P2)."""

    def __init__(self):
        self.events = {}

    def note(self, event):
        key = (event.room, event.seq)
        assert self.events.setdefault(key, event) == event, "an event that was shown has changed"


class Careful(Protocol):
    """One connection of a `Person`."""

    def __init__(self, person):
        self.person = person
        self.decoder = FrameDecoder()
        self.welcomed = False
        self.followed = set()

    def connectionMade(self):
        person = self.person
        self.named = dict(person.cursors)
        self.say(
            m.Hello(
                nick=person.nick,
                token=person.token,
                cursors=dict(person.cursors),
                heartbeat=m.Pulse(2.0, 4),
            )
        )
        for room in ROOMS:
            if room not in person.cursors:
                self.say(m.Join(id=0, room=room, after=0))
        if person.token:
            self.send_from(person.accepted + 1)

    def say(self, *messages):
        self.transport.write(b"".join(map(encode, messages)))

    def send_from(self, n):
        for room, text in self.person.outbox[n - 1 :]:
            self.say(m.Send(id=n, n=n, room=room, text=text))
            n += 1

    def dataReceived(self, data):
        self.decoder.feed(data)
        while (taken := self.decoder.take()) is not None:
            if taken[0] is FrameType.PING:
                self.transport.write(frame(FrameType.PONG, taken[1]))
            elif taken[0] is FrameType.MESSAGE and self.person.link is self:
                self.heard(decode_from_server(taken[1]))

    def heard(self, message):
        hear = self.HEARD.get(type(message))
        if hear is not None:
            hear(self, self.person, message)

    def hear_welcome(self, person, welcome):
        self.welcomed = True
        first = not person.token
        person.token = person.token or welcome.token
        person.session = welcome.session
        assert welcome.last >= person.accepted, "what was acknowledged is not known any more"
        assert welcome.last <= len(person.outbox), "more was accepted than was ever sent"
        person.accepted = welcome.last
        if first:
            self.send_from(1)
        for state in welcome.rooms:
            person.cursors.setdefault(state.room, state.cursor)
        self.followed = {state.room for state in welcome.rooms}
        for room in set(self.named) - self.followed:
            del person.cursors[room]
            self.say(m.Join(id=0, room=room, after=0))

    def hear_left(self, person, left):
        del person.cursors[left.room]

    def hear_rooms(self, person, rooms):
        for state in rooms.rooms:
            assert person.cursors.setdefault(state.room, state.cursor) == state.cursor

    def hear_gap(self, person, gap):
        assert person.cursors[gap.room] + 1 == gap.first
        person.cursors[gap.room] = gap.last
        person.gaps.append(gap)

    def hear_event(self, person, event):
        assert event.seq == person.cursors[event.room] + 1, "a hole, or an event twice"
        person.cursors[event.room] = event.seq
        person.seen.note(event)

    def hear_ok(self, person, ok):
        person.accepted = max(person.accepted, ok.id)

    def hear_error(self, person, error):
        if error.id is None:
            assert error.code in {"storage-unavailable", "nick-taken", "hello-timeout"}
            person.orphaned |= error.code == "nick-taken"
        else:
            assert error.code in {"storage-unavailable", "out-of-order", "not-a-member", "no-such-room"}, (
                error
            )

    HEARD: ClassVar = {
        m.Welcome: hear_welcome,
        m.Rooms: hear_rooms,
        m.Left: hear_left,
        m.Gap: hear_gap,
        m.Event: hear_event,
        m.Ok: hear_ok,
        m.Error: hear_error,
    }

    def connectionLost(self, reason=connectionDone):
        del reason
        if self.person.link is self:
            self.person.link = None


class Person:
    """One session, for ever: its outbox, what of it was accepted, and its cursors."""

    def __init__(self, nick, playground, seen):
        self.nick = nick
        self.playground = playground
        self.seen = seen
        self.token = ""
        self.session = 0
        self.outbox = []
        self.accepted = 0
        self.cursors = {}
        self.gaps = []
        self.link = None
        self.orphaned = False

    def connect(self):
        link = self.link = Careful(self)
        try:
            self.playground.connect(link)
        except Refused:
            self.link = None


class Chat:
    """The daemon, its people, and everything that can befall them."""

    def __init__(self):
        self.playground = Playground()
        self.playground.start_server()
        self.up = True
        self.seen = Seen()
        self.count = 0
        self.people = [Person(nick, self.playground, self.seen) for nick in NICKS]
        for person in self.people:
            person.connect()
            self.playground.advance()

    def link(self, who):
        return self.people[who].link

    def send(self, who, room, size):
        person = self.people[who]
        for _ in range(size):
            self.count += 1
            person.outbox.append((room, f"{person.nick} {self.count} " + "x" * size))
        if person.link is not None and person.token:
            person.link.send_from(len(person.outbox) - size + 1)

    def leave(self, who, room):
        if self.link(who) is not None and self.people[who].token:
            self.link(who).say(m.Leave(id=0, room=room))

    def leave_in_vain(self, who, room):
        """Come back behind a leave that is taken back."""
        self.disk_waits(True)
        self.send((who + 1) % len(NICKS), "#a", 1)
        self.playground.advance()
        self.leave(who, room)
        self.playground.advance()
        self.connect_again(who)
        self.playground.advance()
        self.disk_is_full(True)
        self.disk_waits(False)
        self.disk_is_full(False)
        link, rooms = self.link(who), self.rooms_of(self.people[who])
        self.playground.advance()
        if link is not None and link.welcomed:
            assert link.followed == rooms, "a welcome that tells of other rooms than there are"

    def rooms_of(self, person):
        """Return the rooms that ``person`` is a member of on disk."""
        store = self.playground.store
        session = store.sessions.get(person.session)
        return {store.rooms[room].name for room, user in store.members if session and user == session.user}

    def time_passes(self, seconds):
        self.playground.advance(seconds)

    def connect_again(self, who):
        self.people[who].connect()

    def drop(self, who):
        if self.link(who) is not None:
            self.link(who).transport.abortConnection()

    def cut(self, direction):
        self.playground.network.cut(direction)

    def heal(self):
        self.playground.network.heal()

    def disk_waits(self, held):
        self.playground.store.held = held
        if not held:
            self.playground.store.release()

    def disk_writes(self, count):
        self.playground.store.release(count)

    def disk_is_full(self, full):
        self.playground.store.failing = OSError("disk full") if full else None

    def hurry(self, who):
        """Send at once behind a hello whose welcome is still being committed."""
        self.disk_waits(True)
        self.send((who + 1) % len(NICKS), "#a", 1)
        self.connect_again(who)
        self.playground.advance()
        self.send(who, "#b", 3)
        self.playground.advance()
        self.disk_writes(1)

    def commit_fails_late(self, one, other):
        """Let a commit fail while a batch that was built upon it is open."""
        self.disk_waits(True)
        self.send(one, "#a", 2)
        self.playground.advance()
        self.connect_again(other)
        self.send(other, "#a", 2)
        self.playground.advance()
        self.send(one, "#b", 2)
        self.send(other, "#b", 1)
        self.playground.advance()
        self.disk_is_full(True)
        self.disk_waits(False)
        self.disk_is_full(False)

    def read_slowly(self, who):
        if self.link(who) is not None:
            self.link(who).transport.pauseProducing()

    def read_on(self, who):
        if self.link(who) is not None:
            self.link(who).transport.resumeProducing()

    def crash(self):
        if self.up:
            self.playground.crash_server()
            self.playground.store.lose_power()
            self.up = False

    def restart(self):
        if not self.up:
            self.playground.start_server()
            self.up = True

    def forget(self, room, keep):
        found = self.playground.server.hub.world.rooms.get(room) if self.up else None
        if found is not None:
            self.playground.server.hub.trim(found, found.log.head - keep + 1)
            found.log.forget_tail()

    def forget_memory(self, room):
        found = self.playground.server.hub.world.rooms.get(room) if self.up else None
        if found is not None:
            found.log.forget_tail()

    def settle(self):
        """Let everything be well again, and everybody come back."""
        self.heal()
        self.disk_is_full(False)
        self.disk_waits(False)
        self.restart()
        for _ in range(3):
            for person in self.people:
                if not person.orphaned:
                    person.connect()
                    self.playground.advance(0.5)
            self.playground.advance(6)

    def check_acknowledged(self):
        """See that nothing is acknowledged that is not on disk (P1)."""
        last = {row.id: row.last for row in self.playground.store.sessions.values()}
        for person in self.people:
            assert person.accepted <= last.get(person.session, 0)

    def check_the_end(self):
        """See that everything is there: once, in order, and seen by everybody."""
        world = self.playground.server.hub.world
        events = sorted(self.seen.events.items())
        for (room, seq), _ in events:
            assert seq <= world.rooms[room].log.head, "something that was shown is absent now"
        complete = not any(person.gaps for person in self.people)
        for person in self.people:
            if not person.orphaned:
                self.check_person(person, [event for _, event in events], complete)

    def check_person(self, person, events, complete):
        world = self.playground.server.hub.world
        assert person.accepted == len(person.outbox), "a message never became durable"
        own = [event for event in events if event.by == person.nick and event.kind == "message"]
        for room in ROOMS:
            assert person.cursors[room] == world.rooms[room].log.head, "not everything was received"
            numbers = [event.n for event in own if event.room == room]
            assert numbers == sorted(set(numbers)), "out of order, or twice"
        if complete:
            said = [(event.room, event.text) for event in sorted(own, key=lambda event: event.n)]
            assert said == person.outbox, "lost or changed"


def op(name, *args):
    return st.tuples(st.just(name), *args)


WHO = st.integers(0, len(NICKS) - 1)
ROOM = st.sampled_from(ROOMS)
SEND = op("send", WHO, ROOM, st.sampled_from([1, 2, 3, 300]))
STEPS = st.one_of(
    SEND,
    SEND,
    SEND,
    op("time_passes", st.sampled_from([0.0, 0.0, 0.1, 3.0, 12.0])),
    op("time_passes", st.just(0.0)),
    op("connect_again", WHO),
    op("connect_again", WHO),
    op("drop", WHO),
    op("cut", st.sampled_from(["up", "down"])),
    op("heal"),
    op("heal"),
    op("disk_waits", st.booleans()),
    op("disk_writes", st.sampled_from([1, 2])),
    op("hurry", WHO),
    op("commit_fails_late", WHO, WHO),
    op("disk_is_full", st.sampled_from([False, False, True])),
    op("leave", WHO, ROOM),
    op("leave_in_vain", WHO, ROOM),
    op("read_slowly", WHO),
    op("read_on", WHO),
    op("crash"),
    op("restart"),
    op("restart"),
    op("forget_memory", ROOM),
)
FORGETTING = st.one_of(STEPS, STEPS, op("forget", ROOM, st.integers(0, 30)))


def live_through(steps):
    chat = Chat()
    for name, *args in steps:
        getattr(chat, name)(*args)
        chat.check_acknowledged()
    chat.settle()
    chat.check_the_end()


HARD = settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow  # it works for a second
@HARD
@given(st.lists(STEPS, min_size=20, max_size=60))
def test_the_promises_hold_whatever_befalls(steps):
    live_through(steps)


@pytest.mark.slow  # it works for a second
@HARD
@given(st.lists(FORGETTING, min_size=20, max_size=60))
def test_the_promises_hold_when_the_log_forgets(steps):
    live_through(steps)
