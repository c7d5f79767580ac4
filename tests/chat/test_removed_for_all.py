"""Whatever happens in whatever order, what was removed is handed to nobody any more, and all see the same.

It is the life of `tests.chat.test_secrecy`, in which much is removed, and pages of the disk come late.
"""

import json

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatd.wire import messages as m
from chatd.wire.stored import text_of
from tests.chat.test_secrecy import LINKS, ORDER, ROOMS, RULES, SURROUNDINGS, TALK, Life
from tests.examples import examples


class RemovingLife(Life):
    """A life in which what was said is removed."""

    def step(self, what, who, whom, room):
        if what != "cold":
            super().step("pages" if what == "arrive" else what, who, whom, room)
            return
        known = self.playground.server.hub.world.rooms.get(room)
        if known is not None:
            known.log.forget_tail()
        self.playground.advance()

    def words(self, what, nick, other, room, who, whom):
        if what not in {"remove", "remove last"}:
            return super().words(what, nick, other, room, who, whom)
        number = len(self.asked) + 1
        self.asked[number] = room
        head = self.heads().get(room, 1)
        seq = head - who if what == "remove last" else head * (who + 1) // 4
        return [m.Remove(id=number, room=room, seq=max(1, seq))]

    def check(self):
        super().check()
        removals = {room: self.removals(room) for room in ROOMS}
        for device in self.all:
            for message, heads in device.notes:
                if isinstance(message, m.Event):
                    event = msgspec.to_builtins(message)
                    self.check_gone(removals[message.room], event, heads[message.room])
                elif isinstance(message, m.Ok) and message.events is not None:
                    room = self.asked[message.id]
                    for raw in message.events:
                        self.check_gone(removals[room], json.loads(bytes(raw)), heads[room])
        for log, events in self.playground.store.events.items():
            for seq, frame in events.items():
                if json.loads(bytes(text_of(frame)))["kind"] == "removed":
                    assert all(seq in known for name, known in removals.items() if self.number(name) == log)

    def number(self, room):
        return next((row.id for row in self.playground.store.rooms.values() if row.name == room), 0)

    def removals(self, room):
        """Return the events that were removed, each with the event that did it."""
        events = self.playground.store.events.get(self.number(room), {}).values()
        told = [json.loads(bytes(text_of(frame))) for frame in events]
        return {event["ref"]: event["seq"] for event in told if event["kind"] == "remove"}

    @staticmethod
    def check_gone(removals, event, at):
        """Check that ``event``, as it was handed out, is what it was for everybody at that moment."""
        by = removals.get(event["seq"])
        if by is not None and by <= at:
            assert (event["kind"], event.get("text"), event.get("ref")) == ("removed", None, by)
        else:
            assert event["kind"] != "removed"


MORE = [
    "remove",
    "remove last",
    "remove last",
    "cold",
    "late",
    "arrive",
    "say",
    "join all",
    "history",
    "back",
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*ORDER, *RULES, *TALK, *LINKS, *SURROUNDINGS, *MORE, *MORE]),
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from(["#a", "#a", "#b"]),
    ),
    max_size=40,
)

SAID = [("say", 0, 1, "#a"), ("late", 0, 0, "#a")]
END = [("remove last", 0, 1, "#a"), ("arrive", 0, 0, "#a"), ("history", 0, 0, "#a"), ("back", 0, 0, "#a")]


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@example([*SAID, ("history", 0, 0, "#a"), *END])
@example([*SAID, ("cold", 0, 0, "#a"), ("back", 0, 0, "#a"), *END])
@example([("say", 0, 1, "#a"), ("remove last", 0, 1, "#a"), ("join all", 1, 1, "#a"), *END])
@example([*SAID, ("slow", 0, 0, "#a"), ("remove last", 0, 1, "#a"), ("full", 0, 0, "#a"), *END])
@example([("say", 0, 1, "#a"), ("remove last", 0, 1, "#a"), ("crash", 0, 0, "#a"), ("back", 0, 0, "#a")])
@given(STEPS)
def test_what_was_removed_is_handed_to_nobody_and_all_see_the_same(steps):
    life = RemovingLife()
    for step in steps:
        life.step(*step)
    life.settle()
    life.check()
