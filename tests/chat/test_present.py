"""Whatever happens in whatever order, what events have become is the sum of what the log says of them."""

import json
from dataclasses import dataclass, field

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatd.chat.changes.rows import PutEdit, PutPin, PutReaction, PutReply
from chatd.chat.folding import Fold
from chatd.testing import MemoryStore, Playground
from chatd.wire import messages as m
from chatd.wire.stored import event_in
from tests.examples import examples
from tests.helpers import come_in

NICKS = ["ann", "ben"]
EMOJI = ["🍵", "👍"]


@dataclass
class Sum:
    """What an event has become."""

    text: str = ""
    edit: int = 0
    reactions: dict = field(default_factory=dict)
    replies: list = field(default_factory=list)
    pinned: bool = False


def sums(events):
    """Return what all events of a log have become: the sum, made in the plainest way."""
    found = {
        event["seq"]: Sum(event.get("text", "")) for event in events if event["kind"] in {"message", "file"}
    }
    threads = {}
    for event in events:
        kind, ref = event["kind"], event.get("ref", 0)
        if event.get("thread"):
            threads.setdefault(event["thread"], []).append(event["seq"])
        known = found.get(ref)
        if known is None:
            continue
        if kind == "edit":
            known.text, known.edit = event["text"], event["seq"]
        elif kind == "react":
            known.reactions.setdefault(event["value"], set()).add(event["by"])
        elif kind == "unreact":
            known.reactions[event["value"]].remove(event["by"])
        elif kind in {"pin", "unpin"}:
            known.pinned = kind == "pin"
    for thread, replies in threads.items():
        if thread in found:
            found[thread].replies = replies
    return found


class Life:
    """A room with two people, whose requests are answered, lost, or refused by a disk that fails."""

    def __init__(self):
        self.playground = Playground(store=MemoryStore())
        self.playground.start_server()
        self.tokens, self.people = {}, {}
        for nick in NICKS:
            self.people[nick] = come_in(self.playground, nick, m.Join(id=1, room="#a"))
            self.playground.advance()
            self.tokens[nick] = self.people[nick].of(m.Welcome)[0].token
        self.count = 10

    def step(self, what, who, number, other):
        nick, store = NICKS[who], self.playground.store
        if what in {"fails", "slow", "well"}:
            store.failing = OSError("full") if what == "fails" else None
            store.held = what == "slow"
            if what == "well":
                store.release()
        elif what == "crash":
            self.playground.crash_server()
            store.lose_power()
            store.failing, store.held = None, False
            self.playground.start_server()
            for one in NICKS:
                self.back(one)
        elif what == "trim":
            hub = self.playground.server.hub
            room = hub.world.rooms["#a"]
            hub.trim(room, min(number, room.log.head))
        else:
            self.ask(nick, what, number, other)
        self.playground.advance()

    def back(self, nick):
        token = self.tokens[nick]
        self.people[nick] = come_in(self.playground, token=token, cursors={"#a": 0})
        self.playground.advance()

    def ask(self, nick, what, seq, other):
        self.count += 1
        (session,) = self.playground.server.hub.world.nicks[nick].sessions
        talker, n = self.people[nick], session.last + 1
        about = {"id": self.count, "room": "#a"}
        emoji = EMOJI[other % 2]
        talker.say(
            {
                "say": lambda: m.Send(**about, n=n, text=f"t{self.count}"),
                "call": lambda: m.Send(**about, n=n, text="@ann, @ben and @room"),
                "reply": lambda: m.Send(**about, n=n, text=f"t{self.count}", ref=seq),
                "edit": lambda: m.Edit(**about, n=n, seq=seq, text=f"e{self.count}"),
                "react": lambda: m.React(**about, n=n, seq=seq, emoji=emoji),
                "unreact": lambda: m.React(**about, n=n, seq=seq, emoji=emoji, off=True),
                "pin": lambda: m.Pin(**about, seq=seq),
                "unpin": lambda: m.Pin(**about, seq=seq, off=True),
                "remove": lambda: m.Remove(**about, seq=seq),
            }[what]()
        )

    def settle(self):
        """Let everything be answered, and everybody come back."""
        store = self.playground.store
        store.failing, store.held = None, False
        store.release()
        self.playground.advance()
        for nick in NICKS:
            self.back(nick)

    def page(self, **more):
        self.count += 1
        talker = self.people["ben"]
        talker.say(m.History(id=self.count, room="#a", present=True, limit=200, **more))
        self.playground.advance()
        return next(one for one in talker.of(m.Ok) if one.id == self.count)

    def check(self):
        log = self.playground.server.hub.world.rooms["#a"].log
        assert not log.pending, "all is durable"
        page = self.page()
        events = [json.loads(bytes(raw)) for raw in page.events]
        assert [event["seq"] for event in events] == list(range(log.first, log.head + 1)), "numbers are dense"
        assert page.at == log.head
        became = {one.seq: one for one in page.became}
        for seq, known in sums(events).items():
            told = became.get(seq, m.Became(seq=seq))
            assert (told.edit, told.text) == (known.edit, known.text if known.edit else ""), seq
            counts = {emoji: len(who) for emoji, who in known.reactions.items() if who}
            assert {one.emoji: one.count for one in told.reactions} == counts, seq
            mine = {emoji for emoji, who in known.reactions.items() if "ben" in who}
            assert {one.emoji for one in told.reactions if one.mine} == mine, seq
            assert (told.replies, told.last_reply) == (len(known.replies), max(known.replies, default=0)), seq
            assert told.pinned == known.pinned, seq
        self.check_tables(log, events)
        removed = {event["seq"] for event in events if event["kind"] == "removed"}
        edits = {event["seq"]: event["ref"] for event in events if event["kind"] == "edit"}
        assert not [seq for seq, ref in edits.items() if ref in removed], "edits go with what they edit"
        for seq in removed & set(became):
            assert became[seq] == m.Became(
                seq=seq, replies=became[seq].replies, last_reply=became[seq].last_reply
            ), "of what was removed, the replies are left"

    def check_tables(self, log, events):
        """See that what is kept beside the log is what the fold makes of it."""
        store = self.playground.store
        fold = Fold(log.id, lambda event: store.sessions[event.session].user)
        for event in events:
            fold.take(event_in(store.events[log.id][event["seq"]]))
        should = fold.rows()
        assert should[PutEdit] == set(store.edits.values())
        assert should[PutReply] == set(store.replies.values())
        assert should[PutReaction] == set(store.reactions.values())
        assert should[PutPin] == set(store.pins.values())


DEEDS = ["say", "reply", "reply", "edit", "edit", "react", "react", "unreact", "pin", "unpin", "remove"]
TROUBLE = ["fails", "slow", "slow", "well", "well", "well", "crash", "trim"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*DEEDS, *DEEDS, *TROUBLE]), st.integers(0, 1), st.integers(1, 14), st.integers(0, 1)
    ),
    max_size=40,
)
SLOW, WELL = ("slow", 0, 1, 0), ("well", 0, 1, 0)
BEGUN = [("say", 0, 1, 0), ("say", 1, 1, 0)]


@settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))
@example([*BEGUN, SLOW, ("edit", 0, 3, 0), ("react", 1, 3, 0), ("remove", 0, 3, 0), WELL])
@example([*BEGUN, ("slow", 0, 1, 0), ("react", 1, 3, 0), ("crash", 0, 1, 0), ("react", 1, 3, 0)])
@example([*BEGUN, ("reply", 1, 3, 0), ("reply", 0, 5, 0), ("remove", 1, 5, 0), ("remove", 0, 3, 0)])
@example([*BEGUN, ("edit", 0, 3, 0), ("edit", 0, 3, 0), ("trim", 0, 4, 0), ("say", 0, 1, 0)])
@example(
    [
        *BEGUN,
        ("fails", 0, 1, 0),
        ("react", 0, 4, 0),
        ("react", 0, 4, 0),
        ("well", 0, 1, 0),
        ("react", 0, 4, 1),
    ]
)
@given(STEPS)
def test_what_events_have_become_is_the_sum_of_the_log(steps):
    life = Life()
    for step in steps:
        life.step(*step)
    life.settle()
    life.check()
