"""Draining: everybody hears when to come back, each at another moment, and nothing accepted is lost."""

from collections import Counter

from twisted.internet.defer import Deferred

from chatd.ops.settings import Config, DrainConfig, HeartbeatConfig, LimitsConfig
from chatd.server.drain import drain
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import Talker, come_in, hello, sends


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
