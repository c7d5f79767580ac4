"""What is told of counts: to slow readers once, to thousands in turns, on every device."""

import time

import pytest

from chatd.chat import unread_board
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import ask, come_in, sends, turns


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    return playground


def told(talker):
    return [(one.head, one.read, one.unread, one.mentions, one.mention) for one in talker.of(m.Unread)]


def state(talker, room):
    states = [one for message in talker.of(m.Welcome) + talker.of(m.Rooms) for one in message.rooms]
    return next(
        (one.unread, one.mentions, one.mention) for one in reversed(states) if one.room.startswith(room)
    )


def test_a_device_hears_that_another_one_has_read(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), wait=0.1)
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"), *sends("#a", "one", "@ann", "three"), wait=0.1)
    second = come_in(playground, token=ann.of(m.Welcome)[0].token, device=True, wait=0.1)
    assert state(second, "#a") == (3, 1, 4)
    ask(playground, ann, m.Read(id=2, room="#a", seq=4))
    assert told(ann) == told(second) == [(5, 4, 1, 0, 0)]
    assert told(ben) == []
    ask(playground, ann, m.Read(id=3, room="#a", seq=4))
    assert len(told(ann)) == 1, "nothing has changed"


def test_direct_messages_count(playground):
    ann = come_in(playground, "ann", wait=0.1)
    come_in(playground, "ben", *sends("@ann", "one", "two"), wait=0.1)
    second = come_in(playground, token=ann.of(m.Welcome)[0].token, device=True, wait=0.1)
    assert state(second, "@") == (2, 0, 0)


def test_who_takes_nothing_is_told_once_when_they_take_again(playground):
    """However often it changes meanwhile: what waits for a slow reader does not grow (P5)."""
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), wait=0.1)
    ben = come_in(playground, "ben", m.Join(id=1, room="#a", after=0), wait=0.1)
    ann.say(*sends("#a", *map(str, range(20))))
    playground.advance(0.1)
    user = playground.server.hub.world.nicks["ben"]
    (session,) = user.sessions
    second = come_in(playground, token=ben.of(m.Welcome)[0].token, device=True, wait=0.1)
    session.peer.reader.pause()
    for seq in range(5, 15):
        ask(playground, second, m.Read(id=seq, room="#a", seq=seq))
    assert told(ben) == []
    assert len(told(second)) == 10
    session.peer.reader.resume()
    playground.advance(0.1)
    assert told(ben) == told(second)[-1:]


def test_who_lags_is_told_when_they_have_caught_up(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one", "two"), wait=0.1)
    (session,) = playground.server.hub.world.nicks["ann"].sessions
    session.peer.reader.leave_behind(playground.server.hub.world.rooms["#a"].log, 1)
    session.peer.reader.inform(
        playground.server.hub.world.rooms["#a"].log, lambda: m.Unread(room="#a", head=3, unread=7)
    )
    assert told(ann) == []
    playground.advance(0.1)
    assert told(ann) == [(3, 0, 7, 0, 0)]


def test_nothing_is_kept_of_who_has_left(playground):
    come_in(playground, "ann", m.Join(id=1, room="#a"), wait=0.1)
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"), wait=0.1)
    come_in(playground, "cat", m.Join(id=1, room="#a"), *sends("#a", "@ben"), wait=0.1)
    assert len(playground.store.mentions) == 1
    ask(playground, ben, m.Leave(id=2, room="#a"))
    assert not playground.store.mentions
    assert playground.server.hub.world.rooms["#a"].mentioned is None


def test_what_could_not_be_written_of_the_counts_is_written_later(playground):
    come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"), wait=0.1)
    playground.store.failing = OSError("full")
    playground.advance(61)
    assert not playground.store.tallies
    playground.store.failing = None
    playground.advance(61)
    (row,) = playground.store.tallies.values()
    assert (row.upto, row.bits) == (2, b"\x04")
    assert not playground.server.hub.world.untallied


def test_what_was_never_written_is_told_to_nobody_who_has_left(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"), wait=0.1)
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"), wait=0.1)
    (session,) = playground.server.hub.world.nicks["ben"].sessions
    session.peer.reader.pause()
    ask(playground, ann, m.Remove(id=2, room="#a", seq=2))
    removed = m.Kick(id=3, room="#a", whom="ben")
    ask(playground, ann, removed)
    session.peer.reader.resume()
    playground.advance(0.1)
    assert told(ben) == []


def test_thousands_are_told_in_turns(playground, monkeypatch):
    """What everybody in a large room has to hear makes no turn long (P6)."""
    monkeypatch.setattr(unread_board, "AT_ONCE", 5)
    monkeypatch.setattr(unread_board, "LOOKED_AT", 10)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one", "two"), wait=0.1)
    others = [come_in(playground, f"n{number}", m.Join(id=1, room="#a"), wait=0.05) for number in range(40)]
    world = playground.server.hub.world
    for user in world.nicks.values():
        world.change(world.rooms["#a"].member_row(user)._replace(read=0))
    ann.say(m.Remove(id=2, room="#a", seq=2), m.Remove(id=3, room="#a", seq=3))
    most = last = 0
    for _ in turns(playground.clock, 0.0):
        count = sum(len(told(other)) for other in others)
        most, last = max(most, count - last), count
    playground.advance(0.1)
    assert {told(other)[-1][1:] for other in others} == {(0, 0, 0, 0)}
    assert 0 < most <= 5


def test_a_welcome_counts_in_no_time(playground):
    """Of 200 rooms with ten thousand events each, all of them unread."""
    room = "#a"
    come_in(playground, "ann", m.Join(id=1, room=room), wait=0.1)
    world = playground.server.hub.world
    one, ann = world.rooms[room], world.nicks["ann"]
    one.log.tally.grow(one.log.head, 10_000, (1 << 10_000) - 1)
    one.log.head = one.log.last = one.log.head + 10_000
    began = time.process_time()
    states = [one.state(ann, 1) for _ in range(200)]
    took = time.process_time() - began
    assert states[0].unread == 10_000
    assert took < 0.05, "200 of them in a few milliseconds, on a machine that is not ten times as slow"
