"""Live events go to outlets, which may take a part or nothing: order, cursors and counts stay right."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.log import Log
from chatd.chat.reader import Reader


class Taker:
    """Somebody at the head of ``log`` whose outlet takes what ``takes`` says, as far as that reaches."""

    def __init__(self, log, takes, pauses):
        self.got = b""
        self.takes = list(takes)
        self.pauses = pauses
        self.reader = Reader(self.rest, lambda: None, self.fault)
        self.reader.connect(self.take, self.rest)
        self.reader.follow(log, log.head)

    def take(self, data):
        most = self.takes.pop() if self.takes else len(data)
        if most is None:
            raise BlockingIOError
        self.got += data[:most]
        return min(most, len(data))

    def rest(self, data):
        assert data
        self.got += data
        if self.pauses:
            self.reader.pause()

    def fault(self):
        raise AssertionError("nothing was wrong")


def grow(log, frames, halves):
    for _ in frames:
        log.number(0)
    log.grow(frames, 100)
    for most in (*halves, 100):
        log.deliver(most)


def catch_up(taker):
    taker.reader.resume()
    while (page := taker.reader.next(1000)) is not None:
        taker.reader.moved(page.log, taker.reader.cursor(page.log) + page.number)
        taker.got += page.data


TAKES = st.lists(st.none() | st.integers(0, 12), max_size=6)
BATCHES = st.lists(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=4), max_size=6)


@given(BATCHES, st.lists(st.tuples(TAKES, st.booleans()), min_size=1, max_size=5), st.integers(0, 3))
def test_whatever_an_outlet_takes_everything_arrives_once_and_in_order(batches, takers, half):
    log = Log(1, "#a")
    crowd = [Taker(log, takes, pauses) for takes, pauses in takers]
    for frames in batches:
        grow(log, frames, [half])
    everything = b"".join(b"".join(frames) for frames in batches)
    for taker in crowd:
        live = taker.reader.volume
        assert len(taker.got) == live
        assert taker.reader.cursor(log) <= log.head
        catch_up(taker)
        assert taker.got == everything
        assert taker.reader.volume == live
        assert taker.reader.events == log.head


def test_bytes_are_counted_for_those_who_leave_between_the_halves():
    log = Log(1, "#a")
    crowd = [Taker(log, [], pauses=False) for _ in range(4)]
    log.number(0)
    log.grow([b"12345"], 100)
    log.deliver(2)
    for taker in crowd:
        taker.reader.unfollow(log)
        assert taker.reader.volume == len(taker.got)
        assert taker.reader.events == bool(taker.got)
    assert sorted(len(taker.got) for taker in crowd) == [0, 0, 5, 5]
    log.deliver(100)
    assert sum(len(taker.got) for taker in crowd) == 10
