"""The reaper looks at those who are due; a long heartbeat delays no other deadline."""

from collections import Counter

from chatd.server.connection import ChatConnection
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from tests.helpers import come_in, sends

CALM = m.Pulse(60.0, 10)


def enter(playground, nick, pulse=CALM):
    return come_in(playground, nick, m.Join(id=1, room="#a"), wait=1, heartbeat=pulse)


def test_nobody_is_looked_at_while_there_is_nothing_to_see(playground, monkeypatch):
    enter(playground, "alice")
    looks = []
    sweep = ChatConnection.sweep
    monkeypatch.setattr(ChatConnection, "sweep", lambda self, now: looks.append(now) or sweep(self, now))
    playground.advance(55)
    assert looks == []
    playground.advance(10)
    assert looks


def test_of_very_many_who_are_due_some_are_looked_at_in_each_tick(playground, monkeypatch):
    monkeypatch.setattr("chatd.server.reaper.AT_ONCE", 2)
    looks = Counter()
    sweep = ChatConnection.sweep
    monkeypatch.setattr(ChatConnection, "sweep", lambda self, now: looks.update([now]) or sweep(self, now))
    crowd = [enter(playground, f"n{number}", m.Pulse(2.0, 4)) for number in range(40)]
    playground.advance(20)
    assert max(looks.values()) <= 2
    assert not any(talker.lost for talker in crowd)
    for talker in crowd[:10]:
        talker.answer_pings = False
    playground.advance(20)
    assert len(playground.server.connections) == 30


def test_very_many_are_forgiven_a_few_at_a_time_behind_a_stall(playground, monkeypatch):
    monkeypatch.setattr("chatd.server.reaper.AT_ONCE", 3)
    crowd = [enter(playground, f"n{number}", m.Pulse(2.0, 4)) for number in range(30)]
    forgiven = Counter()
    forgive = ChatConnection.forgive
    monkeypatch.setattr(
        ChatConnection, "forgive", lambda self, now: forgiven.update([now]) or forgive(self, now)
    )
    playground.clock.advance(100)
    playground.advance(5)
    assert sum(forgiven.values()) == 30
    assert max(forgiven.values()) <= 3
    assert not any(talker.lost for talker in crowd)


def test_a_quiet_peer_that_takes_nothing_any_more_is_stuck_after_the_limit(playground):
    alice, bob = enter(playground, "alice"), enter(playground, "bob", m.Pulse(5.0, 6))
    (connection,) = [c for c in playground.server.connections if c.session.user.nick == "alice"]
    playground.advance(1)
    alice.transport.pauseProducing()
    bob.say(*sends("#a", *["x" * 10_000] * 20))
    playground.advance(29)
    assert connection.close_reason is None
    playground.advance(2)
    assert connection.close_reason is CloseReason.STUCK


def test_a_quiet_peer_that_takes_no_goodbye_is_aborted_after_the_deadline(playground):
    alice = enter(playground, "alice")
    (connection,) = playground.server.connections
    alice.transport.pauseProducing()
    connection.output.say(bytes(10_000))
    connection.close(CloseReason.GOODBYE)
    playground.advance(4.5)
    assert playground.server.connections
    playground.advance(1.2)
    assert not playground.server.connections
