"""Typing: told to who wants it and has nothing else to hear, at most once a second, and kept nowhere."""

import pytest

from chatd.ops.settings import Config, LimitsConfig, RoomsConfig
from chatd.server.housekeeping import LATE, PRESENCE_INTERVAL
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import come_in, guests, sends


@pytest.fixture
def playground():
    return begun()


def begun(**rooms):
    playground = Playground(Config(rooms=RoomsConfig(**rooms)))
    playground.start_server()
    return playground


def enter(playground, nick, room="#tea", **fields):
    return come_in(playground, nick, m.Join(id=1, room=room), wait=0.1, **{"typing": True} | fields)


def type_on(playground, typist, room="#tea", seconds=1.0, times=1):
    for _ in range(times):
        typist.say(m.Typing(room=room))
        playground.advance(seconds / times)


def told(talker):
    return [(one.room, one.nicks) for one in talker.of(m.Typing)]


@pytest.mark.parametrize("speaks", ["native", "json-lines"])
def test_others_in_the_room_are_told(playground, speaks):
    ann, ben = enter(playground, "ann", speaks=speaks), enter(playground, "ben", speaks=speaks)
    outside = enter(playground, "eve", "#hall")
    type_on(playground, ben)
    assert told(ann) == [("#tea", ["ben"])]
    assert told(ben) == told(outside) == []
    assert ben.of(m.Error) == []
    assert not ben.lost


def test_it_is_no_event(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    head = playground.server.hub.world.rooms["#tea"].log.last
    type_on(playground, ben)
    assert playground.server.hub.world.rooms["#tea"].log.last == head
    assert not playground.server.hub.world.batch
    assert [e.seq for e in ann.of(m.Event)] == list(range(1, head + 1))


def test_at_most_once_in_a_second_and_the_latest_win(playground):
    ann = enter(playground, "ann")
    typists = [enter(playground, f"t{number}") for number in range(7)]
    for _ in range(20):
        for typist in typists:
            typist.say(m.Typing(room="#tea"))
        playground.advance(0.1)
    assert 2 <= len(told(ann)) <= 3
    assert told(ann)[-1][1] == ["t2", "t3", "t4", "t5", "t6"]


def test_who_does_not_ask_for_it_is_told_nothing(playground):
    ann, ben = enter(playground, "ann", typing=False), enter(playground, "ben")
    type_on(playground, ben)
    assert told(ann) == []


def test_what_was_said_ends_it(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    playground.advance(0.5)
    ben.say(m.Typing(room="#tea"), *sends("#tea", "here"))
    playground.advance(2)
    assert (told(ann), ann.texts()) == ([], ["here"])


def test_who_lags_or_has_something_waiting_is_told_nothing(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    ann.transport.pauseProducing()
    ben.say(*sends("#tea", *["x" * 4000] * 100))
    playground.advance(1)
    type_on(playground, ben, seconds=3, times=3)
    ann.transport.resumeProducing()
    playground.advance(1)
    assert (len(ann.texts()), told(ann)) == (100, [])
    type_on(playground, ben)
    assert told(ann) == [("#tea", ["ben"])]


def test_a_reactor_with_much_to_do_tells_nobody(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    clock = playground.clock
    ben.say(m.Typing(room="#tea"))
    while not (clock.seconds() % PRESENCE_INTERVAL) > 0.5:
        playground.advance(0.05)
    clock.advance(PRESENCE_INTERVAL - clock.seconds() % PRESENCE_INTERVAL + 2 * LATE)
    playground.advance(0.1)
    assert told(ann) == []
    type_on(playground, ben, seconds=1.1)
    assert told(ann) == [("#tea", ["ben"])]


def test_who_goes_away_types_no_more(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    ben.say(m.Typing(room="#tea"))
    ben.say(m.Leave(id=5, room="#tea"))
    playground.advance(1)
    cyd = enter(playground, "cyd")
    cyd.say(m.Typing(room="#tea"))
    cyd.transport.loseConnection()
    playground.advance(1)
    assert told(ann) == []


def test_where_it_is_off_nobody_is_told():
    playground = begun(typing=False)
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    type_on(playground, ben)
    assert told(ann) == []
    assert not ben.lost
    assert "typing" not in ann.of(m.Welcome)[0].features
    assert "typing" in enter(begun(), "ann").of(m.Welcome)[0].features


def test_in_direct_messages_it_reaches_only_who_takes_them(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    type_on(playground, ben, "@ann")
    assert told(ann) == []  # nothing was ever said there
    ben.say(*sends("@ann", "psst"))
    playground.advance(0.1)
    room = ann.of(m.Event)[-1].room
    type_on(playground, ben, "@ann")
    assert told(ann) == [(room, ["ben"])]
    ann.say(m.Block(id=9, whom="ben"))
    playground.advance(0.1)
    type_on(playground, ben, "@ann")
    assert len(told(ann)) == 1


def test_a_guest_who_only_reads_hears_it_and_types_nothing(playground):
    ann = enter(playground, "ann")
    with guests(playground, "read-only"):
        reader = enter(playground, "reader")
        type_on(playground, reader)
        assert (told(ann), reader.lost) == ([], None)
        type_on(playground, ann)
        assert told(reader) == [("#tea", ["ann"])]


def test_rooms_that_are_not_there_and_what_is_no_room_are_passed_over(playground):
    ben = enter(playground, "ben")
    for room in ("#nowhere", "", "@nobody", "#" * 2000, "@1:2"):
        type_on(playground, ben, room)
    assert not ben.lost
    assert ben.of(m.Error) == []


def test_before_the_hello_it_is_refused(playground):
    talker = come_in(playground, "", wait=0.0)
    playground.advance(0.1)
    assert talker.lost  # a hello without a nick; the next one says none at all
    talker = type(talker)(m.Typing(room="#tea"))
    playground.connect(talker)
    playground.advance(0.1)
    assert [error.code for error in talker.of(m.Error)] == ["hello-expected"]


def test_who_types_all_the_time_is_read_more_slowly():
    playground = begun()
    playground.server.current.config = Config(limits=LimitsConfig(requests_per_second=10))
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    ben.say(*[m.Typing(room="#tea")] * 300)
    playground.advance(1)
    connection = next(c for c in playground.server.connections if c.session and c.session.user.nick == "ben")
    assert connection.pauses
    assert len(told(ann)) <= 2
