"""Draining: everybody hears when to come back, each at another moment, and nothing accepted is lost."""

import random
from collections import Counter
from weakref import ref

import pytest
from twisted.internet.defer import Deferred

from chatd.client.core.backoff import JITTER, MAX_JITTER, Backoff
from chatd.ops.settings import Config, DrainConfig, HeartbeatConfig, LimitsConfig
from chatd.server import protocol
from chatd.server.connection import ChatConnection
from chatd.server.drain import AT_ONCE, FIRST_SLOT, drain, slots
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.client.entering import make_client
from tests.helpers import Talker, come_in, hello, sends, turns


def draining(playground):
    done = []
    committer = playground.committer
    stopped = Deferred.fromCoroutine(
        drain(playground.server, playground.clock, lambda: committer.idle, playground.config.drain)
    )
    stopped.addCallback(done.append)
    return done


def crowd_of(playground, count):
    talkers = [Talker(hello(f"nick{number}")) for number in range(count)]
    for talker in talkers:
        playground.connect(talker)
    playground.advance()
    return talkers


class Followed(ChatConnection):
    """A connection of which one can see when it is freed."""

    __slots__ = ("__weakref__",)


def test_who_is_gone_is_freed_while_others_are_seen_off(monkeypatch):
    """All at once, twenty thousand connections would take 97 ms to free."""
    monkeypatch.setattr(protocol, "ChatConnection", Followed)
    playground = Playground()
    playground.start_server()
    crowd_of(playground, 3 * AT_ONCE)
    there = [ref(connection) for connection in playground.server.connections]
    done, before, freed = draining(playground), len(there), []
    for _ in range(3):
        for _ in turns(playground.clock, 0.1):
            alive = sum(one() is not None for one in there)
            freed.append(before - alive)
            before = alive
    assert done
    assert sum(freed) > 2 * AT_ONCE
    assert max(freed) <= AT_ONCE


@pytest.mark.slow  # ten thousand connections come in
def test_ten_thousand_clients_are_asked_back_without_a_spike():
    playground = Playground(
        Config(limits=LimitsConfig(max_connections=20_000), heartbeat=HeartbeatConfig(interval=60.0))
    )
    playground.start_server()
    talkers = crowd_of(playground, 10_000)
    done = draining(playground)
    playground.advance(1)
    assert done == [None]
    slots = [talker.of(m.Goodbye)[0].retry_after for talker in talkers]
    assert all(talker.lost for talker in talkers)
    span = max(slots) - min(slots)
    assert 9 <= span <= 11
    per_second = Counter(int(slot - min(slots)) for slot in slots)
    average = len(slots) / span
    assert max(per_second.values()) <= 1.5 * average
    assert slots[:100] != sorted(slots[:100])


def chi_squared(moments, buckets, window):
    """Return how far ``moments`` are from being even over ``window``; the mean of that is ``buckets`` - 1."""
    counts = Counter(min(int((moment - FIRST_SLOT) * buckets / window), buckets - 1) for moment in moments)
    expected = len(moments) / buckets
    return sum((counts[bucket] - expected) ** 2 / expected for bucket in range(buckets))


@pytest.mark.parametrize("count", [1, 59, 10_000])
def test_slots_are_even_and_in_no_order(count):
    found = list(slots(count, 60.0, FIRST_SLOT))
    assert len(set(found)) == count
    assert min(found) == FIRST_SLOT
    assert max(found) < FIRST_SLOT + 60.0
    per_second = Counter(int(slot - FIRST_SLOT) for slot in found)
    assert max(per_second.values()) <= count / 60 + 1
    if count == 10_000:
        assert chi_squared(found, 60, 60.0) < 1
        for some in (found[:1000], found[-1000:], found[::10]):  # whoever came together does not come back so
            assert chi_squared(some, 60, 60.0) < 200


def test_a_slot_is_made_when_it_is_asked_for():
    assert next(slots(10**12, 60.0, FIRST_SLOT)) >= FIRST_SLOT


def test_clients_that_keep_their_slots_come_evenly():
    backoff = Backoff(random.Random(7).uniform)
    comings = [backoff.later(slot) for slot in slots(10_000, 60.0, FIRST_SLOT)]
    assert max(comings) <= FIRST_SLOT + 60.0 + MAX_JITTER
    per_second = Counter(map(int, comings))
    average = 10_000 / 60.0
    assert max(per_second.values()) <= 1.3 * average
    begin = 2  # by then as many come later than their slots as are late
    assert min(per_second[second] for second in range(begin, 60)) >= average / (1 + JITTER) * 0.75


@pytest.mark.slow  # it works for a second
def test_some_hundred_clients_are_back_evenly_within_a_minute():
    config = Config(drain=DrainConfig(window=60.0), limits=LimitsConfig(max_connections_per_address=0))
    playground = Playground(config)
    playground.start_server()
    clients = [make_client(playground, f"nick{number}") for number in range(300)]
    for client in clients:
        client.start()
    playground.advance(1)
    assert len(playground.server.connections) == 300
    done = draining(playground)
    playground.advance(0.3)
    assert done == [None]
    playground.crash_server()
    playground.start_server()
    there, comings = 0, []
    for _ in range(13):
        playground.advance(5)
        now = len(playground.server.connections)
        comings.append(now - there)
        there = now
    playground.advance(5)
    assert len(playground.server.connections) == 300
    average = 300 / 60 * 5
    assert all(0.5 * average <= count <= 1.6 * average for count in comings[:12]), comings


def test_what_was_accepted_is_acknowledged_before_the_goodbye(playground):
    talker = come_in(playground, "ann")
    talker.say(m.Join(id=1, room="#a"))
    playground.advance()
    playground.store.held = True
    talker.say(*sends("#a", "last words"))
    playground.advance()
    done = draining(playground)
    playground.advance(1)
    assert not talker.of(m.Goodbye)
    playground.store.held = False
    playground.store.release()
    playground.advance(1)
    assert done == [None]
    assert {type(message) for message in talker.heard[-3:-1]} == {m.Event, m.Ok}
    assert isinstance(talker.heard[-1], m.Goodbye)
    assert talker.heard[-1].text == "The server stops or restarts; clients come back when it is there."


def test_a_peer_that_takes_nothing_does_not_hold_up_the_end():
    playground = Playground(Config(drain=DrainConfig(deadline=3.0)))
    playground.start_server()
    talker = come_in(playground, "ann")
    talker.transport.pauseProducing()
    done = draining(playground)
    playground.advance(2)
    assert not done
    playground.advance(2.5)
    assert done == [None]
    assert not playground.server.connections


def test_nobody_is_let_in_while_draining(playground):
    talker = come_in(playground, "ann")
    talker.transport.pauseProducing()
    draining(playground)
    playground.advance()
    late = Talker(hello("late"))
    try:
        playground.connect(late)
    except Exception:  # noqa: BLE001 - refused is right
        return
    assert not late.heard
