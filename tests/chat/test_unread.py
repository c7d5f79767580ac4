"""What is unread is the same everywhere, whatever happens in whatever order: what a look at all of the log
says.

Two people with two devices each, whose client core counts what it hears. What the server says in its notices
and welcomes, and what the devices count between these, is compared with a fold over all that was ever in the
log.
"""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatd.chat import concerns, mentions, threads, unread
from chatd.chat.changes.rows import PutAccount, PutMention, PutNick, PutThread
from chatd.chat.concerns import Concerns, Kept
from chatd.chat.crowd import Membership
from chatd.client.core import counts
from chatd.client.core.rooms import Rooms
from chatd.client.core.seen import Seen
from chatd.ops.settings import Config, RoomsConfig
from chatd.testing import MemoryStore, Playground
from chatd.wire import messages as m
from chatd.wire.names import fold as key_of
from chatd.wire.stored import event_in
from tests.helpers import come_in

MOST = 3
"""Unread mentions that are kept, so that a few are too many."""

NICKS = {"ann": "ann", "anna": "ann", "ben": "ben", "benny": "ben"}
"""All nicks, and whose they are."""

TEXTS = ["hello", "@ann", "@ben", "@room", "@ann and @ben", "@anna @benny", "@room @ben", "@annie"]


@pytest.fixture(scope="module", autouse=True)
def few():
    before, most = mentions.MAX_UNREAD_MENTIONS, threads.MAX_THREADS
    threads.MAX_THREADS = MOST
    for module in (concerns, mentions, unread, counts):
        module.MAX_UNREAD_MENTIONS = MOST
    yield
    for module in (concerns, mentions, unread, counts):
        module.MAX_UNREAD_MENTIONS = before
    threads.MAX_THREADS = most


def fold(events, first, read, whom):
    """Return what ``whom`` has not read, made in the plainest way of all ``events`` that ever were."""
    rows, present, said_by, edits = [], {}, {}, {}  # rows: (event, whom it mentions, who says it)
    removed = set()

    def keep(new, seq, author):
        for token in sorted(new):
            same = [row for row in rows if row[1] == token]
            if len(same) >= MOST:
                rows.remove(same[0])
            rows.append((seq, token, author))

    for event in events:
        seq, kind, ref = event["seq"], event["kind"], event.get("ref", 0)
        author = NICKS.get(event["by"], event["by"])
        tokens = {NICKS.get(nick, nick) for nick in event.get("mentions", ())}
        if kind in {"message", "file"}:
            present[seq], said_by[seq], edits[seq] = tokens - {author}, author, [seq]
            keep(present[seq], seq, author)
        elif kind == "edit":
            tokens -= {author}
            rows = [row for row in rows if row[0] not in edits[ref] or row[1] in tokens]
            keep(tokens - present[ref], seq, author)
            present[ref] = tokens
            edits[ref].append(seq)
        elif kind == "remove":
            removed.add(ref)
            rows = [row for row in rows if row[0] not in edits.get(ref, ())]
    mine = sorted(
        {
            seq
            for seq, token, author in rows
            if seq > read and seq >= first and (token == whom or (token == "*" and author != whom))
        }
    )
    unread = [seq for seq in said_by if seq > read and seq >= first and seq not in removed]
    return read, len(unread), min(len(mine), MOST), mine[0] if mine else 0


class Device:
    """A device, with the client core that counts what it hears."""

    def __init__(self, life, nick, token, number):
        self.life, self.nick, self.number = life, nick, number
        self.token = token
        self.session = 0
        self.rooms = None
        self.talker = None

    def come(self, **more):
        self.talker = come_in(self.life.playground, token=self.token, cursors={"#a": 0}, **more)
        self.life.playground.advance()
        self.begin()

    @property
    def welcome(self):
        """Return its welcome if it is in."""
        return None if self.talker.lost else next(iter(self.talker.of(m.Welcome)), None)

    def begin(self):
        self.rooms, self.positions, self.taken = Rooms(Seen({}), {}, ()), {}, 0
        self.called = ""

    def hear(self):
        """Count what was heard since the last time."""
        for message in self.talker.heard[self.taken :]:
            if isinstance(message, m.Welcome):
                self.called, self.session = message.nick, message.session
                self.token = message.token or self.token
            for state in message.rooms if isinstance(message, m.Welcome | m.Rooms) else ():
                list(self.rooms.opened(self.positions, state, self.called))
            if isinstance(message, m.Event):
                if self.rooms.renames_us(message):
                    self.called = message.text
                list(self.rooms.event(self.positions, message, "", 0))
            elif isinstance(message, m.Gap):
                list(self.rooms.gap(self.positions, message))
            elif isinstance(message, m.Unread):
                list(self.rooms.unread(message))
            elif isinstance(message, m.Following):
                list(self.rooms.following(message))
            elif isinstance(message, m.Left):
                self.rooms.left(self.positions, message.room)
        self.taken = len(self.talker.heard)

    def told(self):
        one = self.rooms.followed.get("#a")
        return None if one is None else (one.read, one.unread, one.mentions, one.mention)

    def threads(self):
        one = self.rooms.followed.get("#a")
        told = {} if one is None else one.threads
        return {thread: (each.read, each.unread) for thread, each in told.items()}


class Life:
    """A room with two people on two devices each, whose requests are answered, lost, or refused."""

    def __init__(self, keep_edits=True):
        self.playground = Playground(Config(rooms=RoomsConfig(keep_edits=keep_edits)), store=MemoryStore())
        self.playground.start_server()
        self.devices, self.count, self.ever, self.holding = [], 10, {}, frozenset()
        self.noticed = set()  # the rows whose lack was noticed
        self.full = set()  # who has followed as many threads as they may
        for nick in ("ann", "ben"):
            talker = come_in(self.playground, nick, m.Join(id=1, room="#a"))
            self.playground.advance()
            hub = self.playground.server.hub
            user = hub.world.nicks[nick]
            hub.change(PutAccount(user.id, "", 0, 0, 0, 0), PutNick(user.key, user.id, since=1))
            self.playground.advance()
            first = Device(self, nick, talker.of(m.Welcome)[0].token, 0)
            first.talker = talker
            first.begin()
            second = Device(self, nick, first.token, 1)
            second.come(device=True)
            self.devices += [first, second]
        self.note()

    def user(self, nick):
        world = self.playground.server.hub.world
        return next(world.nicks[one] for one, whose in NICKS.items() if whose == nick and one in world.nicks)

    def step(self, what, who, number, other):
        device, store = self.devices[who], self.playground.store
        hub = self.playground.server.hub
        if what in {"fails", "slow", "well", "one", "breaks"}:
            self.disk(what)
        elif what == "crash":
            self.playground.crash_server()
            store.lose_power()
            store.failing, store.held = None, False
            self.playground.start_server()
            self.holding = frozenset()
            for one in self.devices:
                one.come()
        elif what == "trim":
            room = hub.world.rooms["#a"]
            hub.trim(room, room.log.head - number)
        elif what == "house":
            room = hub.world.rooms["#a"]
            hub.keep_tally(room)
        elif what == "back":
            device.come()
            self.holding -= {who}
        elif what in {"hold", "release"}:
            pipe = device.talker.transport.incoming
            (pipe.hold if what == "hold" else pipe.release)()
            self.holding = (self.holding | {who}) - ({who} if what == "release" else set())
        else:
            self.ask(device, what, number, other)
        self.playground.advance()
        self.note()
        if not (store.held or store.failing or self.holding):
            self.playground.advance()
            self.note()
            self.check()

    def disk(self, what):
        """Let commits fail from now on, take long, or be done; let one be done, or those fail that wait."""
        store = self.playground.store
        store.failing = OSError("full") if what in {"fails", "breaks"} else None
        if what in {"well", "one", "breaks"}:
            store.release(1 if what == "one" else None)
        store.held = what == "slow" or (store.held and what == "one")
        if what == "breaks":
            store.failing = None

    def note(self):
        """Keep all events that are durable, as they were first."""
        for seq, stored in self.playground.store.events.get(self.log, {}).items():
            self.ever.setdefault(seq, json.loads(stored[5:]))
        for device in self.devices:
            device.hear()

    @property
    def log(self):
        return self.playground.server.hub.world.rooms["#a"].log.id

    def ask(self, device, what, number, other):
        self.count += 1
        said = [seq for seq, event in self.ever.items() if event["kind"] == "message"]
        seq = said[-min(number, len(said))] if said else 1
        known = [row.seq for row in self.playground.store.threads.values()]
        thread = known[other % len(known)] if known else 1
        user = self.user(device.nick)
        talker = device.talker
        if device.welcome is None:
            return
        n = next(one.last for one in user.sessions if one.id == device.session) + 1
        about = {"id": self.count, "room": "#a"}
        text = TEXTS[other % len(TEXTS)]
        whom = "ben" if self.user("ben").nick == "ben" else "benny"
        nicks = [nick for nick, whose in NICKS.items() if whose == device.nick]
        talker.say(
            {
                "say": lambda: m.Send(**about, n=n, text=text),
                "edit": lambda: m.Edit(**about, n=n, seq=seq, text=text),
                "remove": lambda: m.Remove(**about, seq=seq),
                "read": lambda: m.Read(**about, seq=seq),
                "reply": lambda: m.Send(**about, n=n, text=text, ref=seq),
                "follow": lambda: m.FollowThread(**about, thread=seq, off=not other % 3),
                "unfollow": lambda: m.FollowThread(**about, thread=thread, off=True),
                "read thread": lambda: m.Read(**about, seq=seq, thread=thread),
                "nick": lambda: m.Nick(id=self.count, nick=nicks[other % 2]),
                "kick": lambda: m.Kick(**about, whom=whom),
                "join": lambda: m.Join(**about),
            }[what]()
        )

    def settle(self):
        """Let the disk work again, and everything be heard."""
        store = self.playground.store
        store.failing, store.held = None, False
        store.release()
        for device in self.devices:
            device.talker.transport.incoming.release()
        self.holding = frozenset()
        self.playground.advance()
        for device in self.devices:
            if device.welcome is None:
                device.come()
        self.playground.advance()
        self.note()

    def wanted(self, nick):
        room = self.playground.server.hub.world.rooms["#a"]
        user = self.user(nick)
        if user not in room.members:
            return None
        events = [event for _, event in sorted(self.ever.items())]
        return fold(events, room.log.first, room.members[user].read, nick)

    def check(self):
        """Compare what all devices have counted that are there."""
        for device in self.devices:
            if device.welcome is None:
                continue
            assert device.told() == self.wanted(device.nick), (device.nick, device.number)
            assert device.threads() == self.wanted_threads(device.nick), (device.nick, device.number)
        self.check_concerns()

    def check_concerns(self):
        """See that what is kept of mentions and threads is what the log allows, and all that it demands."""
        store, log, first = self.playground.store, self.log, self.playground.store.rooms[self.log].first
        followed = [row.user for row in store.threads.values()]
        self.full |= {user for user in followed if followed.count(user) >= MOST}

        def called(key, ts):
            row = store.nicks.get(key)
            return row.user if row is not None and ts >= row.since else 0

        def user_of(event):
            row = store.sessions.get(event.session)
            return called(key_of(event.by), event.ts) if row is None else row.user

        found = Concerns(log, user_of, called)
        for _, stored in sorted(store.events.get(log, {}).items()):
            found.take(event_in(stored))
        members = {row.user: Membership(row.read, row.role, row.since) for row in store.members.values()}
        kept = Kept(members, store.mentions.values(), store.threads.values())
        for row in [*store.mentions.values(), *store.threads.values()]:
            assert found.allows(row, kept), row
        lacking = [row for row in found.lacking(kept, first) if row.user not in self.full]
        lacking += [row for row in found.lacking(kept, first) if isinstance(row, PutMention)]
        assert not lacking
        for row in [*store.mentions.values(), *store.threads.values()]:
            rest = Kept(
                members,
                [one for one in kept.mentions if one != row],
                [one for one in kept.threads if one != row],
            )
            self.noticed |= {(type(one), (one.user, one.seq)) for one in found.lacking(rest, first)}

    def wanted_threads(self, nick):
        """Return the mark and the number of unread replies of each thread that is followed."""
        room, user = self.playground.server.hub.world.rooms["#a"], self.user(nick)
        events, found = self.ever.values(), {}
        removed = {event["ref"] for event in events if event["kind"] == "remove"}
        for row in self.playground.store.threads.values():
            if row.user == user.id and not row.off:
                read = max(row.read, room.members[user].read, room.log.first - 1)
                replies = [event["seq"] for event in events if event.get("thread") == row.seq]
                found[row.seq] = row.read, sum(seq > read and seq not in removed for seq in replies)
        return found


DEEDS = ["say", "say", "say", "edit", "edit", "remove", "read", "read", "nick", "kick", "join"]
DEEDS += ["reply", "reply", "reply", "follow", "unfollow", "read thread"]
TROUBLE = [
    "fails",
    "slow",
    "slow",
    "well",
    "well",
    "well",
    "crash",
    "trim",
    "house",
    "back",
    "one",
    "breaks",
    "hold",
    "release",
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*DEEDS, *DEEDS, *TROUBLE]),
        st.integers(0, 3),
        st.integers(1, 9),
        st.integers(0, len(TEXTS) - 1),
    ),
    max_size=45,
)


SLOW, WELL = ("slow", 0, 1, 0), ("well", 0, 1, 0)
REPLY = ("reply", 2, 1, 0)
BEGUN = [("say", 0, 1, 0), ("say", 1, 1, 0)]


COURSES = [
    [*BEGUN, ("house", 0, 1, 0), ("remove", 0, 1, 0), ("crash", 0, 1, 0)],
    [*BEGUN, SLOW, ("remove", 0, 1, 0), ("house", 0, 1, 0), WELL, ("crash", 0, 1, 0)],
    [*BEGUN, SLOW, ("remove", 0, 1, 0), ("read", 0, 2, 0), ("one", 0, 1, 0), ("breaks", 0, 1, 0)],
    [*BEGUN, SLOW, ("house", 0, 1, 0), ("breaks", 0, 1, 0), ("crash", 0, 1, 0)],
    [*BEGUN, *[("say", 0, 1, 2)] * (MOST + 2), ("remove", 0, 1, 0), ("edit", 0, 2, 0), ("edit", 0, 3, 1)],
    [*BEGUN, *[("say", 0, 1, 3)] * (MOST + 2), ("read", 2, 3, 0), ("remove", 0, 1, 0)],
    [("hold", 3, 1, 0), *BEGUN, ("say", 0, 1, 2), ("read", 2, 1, 0), ("say", 0, 1, 2), ("release", 3, 1, 0)],
    [*BEGUN, ("say", 0, 1, 2), ("nick", 2, 1, 1), ("say", 0, 1, 5), ("edit", 0, 2, 5), ("read", 2, 1, 0)],
    [*BEGUN, ("say", 0, 1, 2), ("edit", 0, 1, 2), ("back", 2, 1, 0), ("edit", 0, 1, 6), ("back", 3, 1, 0)],
    [*BEGUN, REPLY, REPLY, ("remove", 0, 1, 0), ("remove", 0, 9, 0)],
    [*BEGUN, REPLY, REPLY, ("read thread", 1, 1, 0), ("remove", 0, 1, 0)],
    [*BEGUN, REPLY, ("unfollow", 0, 1, 0), ("reply", 2, 2, 0), ("kick", 0, 1, 0), ("join", 2, 1, 0)],
    [*BEGUN, *[REPLY, ("say", 0, 1, 0)] * (MOST + 1), ("reply", 2, 3, 0), ("read", 0, 1, 0)],
    [*BEGUN, SLOW, REPLY, REPLY, ("breaks", 0, 1, 0), REPLY],
    [*BEGUN, REPLY, REPLY, ("trim", 0, 2, 0), REPLY, ("trim", 0, 1, 0)],
]
"""What went wrong once, or might easily."""


def live(steps, keep_edits):
    life = Life(keep_edits)
    for step in steps:
        life.step(*step)
    life.settle()
    life.check()
    life.step("crash", 0, 0, 0)
    life.settle()
    life.check()


@pytest.mark.slow  # it works for a second
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, st.booleans())
def test_what_is_unread_is_what_a_look_at_all_of_the_log_says(steps, keep_edits):
    live(steps, keep_edits)


@pytest.mark.parametrize("keep_edits", [True, False])
@pytest.mark.parametrize("steps", COURSES)
def test_it_is_so_in_courses_that_are_known(steps, keep_edits):
    live(steps, keep_edits)


@pytest.mark.parametrize("kind", [PutMention, PutThread])
def test_the_lack_of_what_is_kept_for_a_member_would_be_noticed(kind):
    life = Life()
    for step in [*BEGUN, ("say", 0, 1, 2), ("say", 0, 1, 3), ("edit", 0, 1, 2), ("reply", 2, 1, 0)]:
        life.step(*step)
    kept = life.playground.store.mentions if kind is PutMention else life.playground.store.threads
    assert len(kept) >= 2
    assert {(kind, (row.user, row.seq)) for row in kept.values()} <= life.noticed
