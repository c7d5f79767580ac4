"""Retention: what is cut is cut in slices, so that nobody waits for it (P6)."""

import pytest

from chatd.chat.changes.rows import Trim
from chatd.ops.settings import Config, LimitsConfig, RetentionConfig
from chatd.server.housekeeping import BLOCK_COST
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import come_in, sends


@pytest.fixture
def cuts(monkeypatch):
    """Make slices small; return a list of how many events each commit deletes."""
    monkeypatch.setattr("chatd.server.housekeeping.SLICE", 100)
    return []


def begin(cuts, **retention):
    playground = Playground(
        Config(
            retention=RetentionConfig(**retention),
            limits=LimitsConfig(requests_per_second=0, new_rooms_per_hour=0),
        )
    )
    append = playground.store.append

    def counting(changes, done):
        events = playground.store.events
        trims = [change for change in changes.others if isinstance(change, Trim)]
        cuts.append(sum(seq < trim.first for trim in trims for seq in events.get(trim.room, {})))
        append(changes, done)

    playground.store.append = counting
    playground.start_server()
    return playground


def test_a_long_log_is_cut_in_slices_and_others_are_served_between(cuts):
    playground = begin(cuts, events=10)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(2000))))
    playground.advance(55, step=1)
    cuts.clear()
    for n in range(2001, 2101):
        ann.say(*sends("#a", "x", n=n))
        playground.advance(0.1)
    playground.advance(60, step=1)
    assert max(cuts) <= 100
    assert sum(cuts) >= 1990
    log = playground.server.hub.world.rooms["#a"].log
    assert (log.first, log.head) == (log.head - 9, 2101)
    assert sorted(playground.store.events[1]) == list(range(log.first, log.head + 1))
    assert len(ann.texts()) == 2100


def test_a_slice_waits_for_the_one_before(cuts):
    playground = begin(cuts, events=10)
    come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(2000))))
    playground.store.held = True
    playground.advance(120, step=1)
    assert playground.server.hub.world.rooms["#a"].log.first <= 201
    playground.store.held = False
    playground.store.release()
    playground.advance(120, step=0.05)
    assert max(cuts) <= 100
    assert playground.server.hub.world.rooms["#a"].log.first == 1992


def test_many_short_logs_are_cut_together(cuts):
    playground = begin(cuts, events=1)
    rooms = [f"#r{number}" for number in range(60)]
    ann = come_in(playground, "ann", *[m.Join(id=1, room=room) for room in rooms])
    for n, room in enumerate(rooms, 1):
        ann.say(*sends(room, "x", n=n))
    playground.advance(50, step=1)
    cuts.clear()
    playground.advance(10.5, step=0.1)
    together = 100 // (1 + BLOCK_COST)  # of each room an event is cut, and a block of marks written anew
    assert [count for count in cuts if count] == [together] * (60 // together)


def test_a_cut_that_cannot_be_stored_is_taken_back_and_made_later(cuts):
    playground = begin(cuts, events=10)
    come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(50))))
    log = playground.server.hub.world.rooms["#a"].log
    playground.store.failing = OSError("disk full")
    playground.advance(70, step=1)
    assert log.first == 1
    playground.store.failing = None
    playground.advance(70, step=1)
    assert log.first == log.head - 9
    assert min(playground.store.events[1]) == playground.store.rooms[1].first == log.first
