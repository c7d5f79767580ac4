"""Live events go to outlets, which may take a part or nothing: order, cursors and counts stay right.

Those who speak one codec are handed the same bytes, which are made once, whatever others speak.
"""

from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.log import AT_ONCE_BYTES, Log
from chatd.chat.reader import Missing, Reader
from chatd.wire.messages import Presence


class Spoken:
    """A codec that writes events between two marks; ``rendered`` holds all that it has rendered."""

    def __init__(self, before, behind):
        self.before, self.behind = before, behind
        self.rendered = []
        self.encoded = []

    def encode(self, message):
        self.encoded.append(f"{self.before}{type(message).__name__}".encode())
        return self.encoded[-1]

    def render(self, events):
        self.rendered.append(b"".join(self.before.encode() + event + self.behind for event in events))
        return self.rendered[-1]


class Taker:
    """Somebody at the head of ``log`` whose outlet takes what ``takes`` says, as far as that reaches."""

    def __init__(self, log, takes, pauses, codec=None):
        self.got = b""
        self.handed = []
        self.takes = list(takes)
        self.pauses = pauses
        self.reader = Reader(codec or Spoken("", b""), self)
        self.reader.connect(self.take)
        self.reader.follow(log, log.head)

    def take(self, data):
        self.handed.append(data)
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

    hand = rest

    def catch_up(self):
        """Do nothing: `catch_up` below does it."""

    def fault(self):
        raise AssertionError("nothing was wrong")


def grow(log, events, halves=(), most=100):
    for _ in events:
        log.number(0)
    owed = log.grow(events, most)
    for share in (*halves, 100):
        log.deliver(share)
    return owed


def catch_up(taker):
    taker.reader.resume()
    while (page := taker.reader.next(1000)) is not None:
        taker.reader.moved(page.log, taker.reader.cursor(page.log) + page.number)
        taker.got += page.data


TAKES = st.lists(st.none() | st.integers(0, 12), max_size=6)
BATCHES = st.lists(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=4), max_size=6)
TAKERS = st.lists(st.tuples(TAKES, st.booleans(), st.integers(0, 2)), min_size=1, max_size=6)


@given(BATCHES, TAKERS, st.integers(0, 3), st.integers(0, 6), st.integers(0, 4))
def test_whatever_an_outlet_takes_everything_arrives_once_and_in_order(batches, takers, half, most, left):
    log = Log(1, "#a")
    codecs = [Spoken("", b""), Spoken("<", b">"), Spoken("[", b"]\n")]
    crowd = [Taker(log, takes, pauses, codecs[codec]) for takes, pauses, codec in takers]
    for events in batches:
        followers = len(log.followers)
        assert grow(log, events, [half], most) == min(most, followers)
        log.leave(left)
    while log.leaves:
        assert log.leave(2) <= 2
    for taker in crowd:
        live = taker.reader.volume
        assert len(taker.got) == live
        assert taker.reader.cursor(log) <= log.head
        catch_up(taker)
        codec = taker.reader.codec
        assert taker.got == b"".join(map(codec.render, batches))
        assert taker.reader.volume == live
        assert taker.reader.events == log.head


def test_what_has_grown_is_rendered_once_per_codec_and_the_same_bytes_go_to_all():
    log = Log(1, "#a")
    codecs = [Spoken("<", b">"), Spoken("[", b"]\n"), Spoken("(", b")")]
    crowd = [Taker(log, [], False, codec) for codec in codecs[:2] for _ in range(50)]
    assert grow(log, [b"one", b"two"]) == 100
    for codec in codecs[:2]:
        (bytes_of_all,) = codec.rendered
        handed = [taker.handed for taker in crowd if taker.reader.codec is codec]
        assert len(handed) == 50
        assert all(len(each) == 1 and each[0] is bytes_of_all for each in handed)
    assert [codec.rendered for codec in codecs] == [[b"<one><two>"], [b"[one]\n[two]\n"], []]


def test_the_pages_of_those_who_lag_are_rendered_once_per_codec():
    log = Log(1, "#a")
    codecs = [Spoken("<", b">"), Spoken("[", b"]\n")]
    crowd = [Taker(log, [], False, codec) for codec in codecs for _ in range(50)]
    assert grow(log, [b"x" * AT_ONCE_BYTES, b"y"]) == 0
    log.leave(100)
    pages = [taker.reader.next(1000) for taker in crowd]
    for codec, begin in zip(codecs, (0, 50), strict=True):
        assert len(codec.rendered) == 1
        assert all(page.data is codec.rendered[0] for page in pages[begin : begin + 50])
    log.forget_tail()
    assert all(isinstance(taker.reader.next(1000), Missing) for taker in crowd)


def test_very_many_who_are_left_behind_are_told_so_a_few_at_a_time():
    """A message to twenty thousand must not hold up everybody while each is made to catch up (P6)."""
    log = Log(1, "#a")
    crowd = [Taker(log, [], False) for _ in range(50)]
    assert grow(log, [b"one"], most=10) == 10
    assert not any(taker.reader.lags for taker in crowd)
    assert [taker.reader.cursor(log) for taker in crowd] == [1] * 10 + [0] * 40
    assert log.leave(7) == 7
    assert sum(taker.reader.lags for taker in crowd) == 7
    crowd[10].reader.pause()
    crowd[11].reader.unfollow_all()
    assert grow(log, [b"two"], most=10) == 10
    while log.leaves:
        assert log.leave(9) <= 9
    for taker in crowd[:11] + crowd[12:]:
        catch_up(taker)
        assert taker.got == b"onetwo"
        assert taker.reader.cursor(log) == 2
    assert crowd[11].got == b""


def test_a_notice_is_encoded_once_per_codec():
    log = Log(1, "#a")
    codecs = [Spoken("<", b">"), Spoken("[", b"]\n")]
    crowd = [Taker(log, [], False, codec) for codec in codecs for _ in range(5)]
    assert sum(log.tell(Presence(room="#a", online=["ann"]), 1)) == len(log.followers)
    assert [codec.encoded for codec in codecs] == [[b"<Presence"], [b"[Presence"]]
    assert {taker.got for taker in crowd} == {b"<Presence", b"[Presence"}


def test_bytes_are_counted_for_those_who_leave_between_the_halves():
    log = Log(1, "#a")
    codec = Spoken("", b"")
    crowd = [Taker(log, [], False, codec) for _ in range(4)]
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
