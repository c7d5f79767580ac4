"""A large room is served in two halves: what comes in between is decided, no event is lost or doubled."""

import pytest

from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from chatd.wire.native import encode
from tests.helpers import come_in, sends

SIZE = 10


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr("chatd.chat.publisher.HALF", 2)


def crowd_of(playground):
    crowd = [come_in(playground, f"n{number}", m.Join(id=1, room="#a")) for number in range(SIZE)]
    playground.advance(2)
    return crowd


def served(playground, event=SIZE + 1):
    """Return the connections that were handed ``event``."""
    log = playground.server.hub.world.rooms["#a"].log
    return [c for c in playground.server.connections if c.reader.cursor(log) >= event]


def speak(playground, crowd, between):
    """Have somebody speak; ``between`` the halves is told which connections have heard it, and which not."""
    publisher = playground.committer.publisher
    deliver = publisher.deliver

    def deliver_and_tell():
        others_wait = deliver()
        if others_wait:
            publisher.deliver = deliver
            told = served(playground)
            assert len(told) == SIZE // 2
            between(told, [c for c in playground.server.connections if c not in told])
        return others_wait

    publisher.deliver = deliver_and_tell
    crowd[0].say(*sends("#a", "first"))
    playground.advance(0.1)
    assert publisher.deliver is deliver


def say(connection, text):
    """Have something come in at once."""
    last = connection.session.last
    connection.protocol.dataReceived(encode(sends("#a", text, n=last + 1)[0]))


def assert_all_heard(crowd, *texts):
    for talker in crowd:
        assert talker.texts() == list(texts)
        seqs = talker.seqs("#a")
        assert seqs == list(range(seqs[0], SIZE + 1 + len(texts)))


def test_what_comes_in_between_is_on_its_way_to_the_disk_before_the_second_half(playground):
    crowd = crowd_of(playground)
    heard = []
    append = playground.store.append

    def between(told, _):
        playground.store.append = lambda *args: heard.append(len(served(playground))) or append(*args)
        say(told[0], "second")

    speak(playground, crowd, between)
    assert heard == [SIZE // 2]
    assert_all_heard(crowd, "first", "second")


@pytest.mark.parametrize("whose", [0, 1], ids=["told", "not yet told"])
def test_a_reader_that_is_full_between_the_halves_gets_every_event_once(playground, whose):
    crowd = crowd_of(playground)
    full = []

    def between(*halves):
        full.append(halves[whose][0])
        full[0].protocol.pauseProducing()
        say(halves[0][1], "second")

    speak(playground, crowd, between)
    assert len(served(playground, SIZE + 2)) == SIZE - 1
    full[0].protocol.resumeProducing()
    playground.advance(0.1)
    assert_all_heard(crowd, "first", "second")


def test_a_reader_that_ends_between_the_halves_stands_where_it_was(playground):
    crowd = crowd_of(playground)
    passed = []

    def between(_, untold):
        before = [c.reader.events for c in untold]
        for connection in untold:
            connection.abort(CloseReason.STUCK)
        passed.append((before, [c.reader.events for c in untold]))

    speak(playground, crowd, between)
    assert passed[0][0] == passed[0][1]
    assert [talker.texts() for talker in crowd if talker.lost is None] == [["first"]] * (SIZE // 2)
