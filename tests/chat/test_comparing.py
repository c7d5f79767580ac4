"""Where a client goes on whose log may have been replaced by an older copy that has grown since."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.comparing import Comparison
from chatd.chat.log import Log
from chatd.wire import limits
from chatd.wire.check import check_of
from chatd.wire.messages import Event
from chatd.wire.stored import pack, text_of, time_of


def events(text, first, last):
    """Return the stored events of a history; those of another ``text`` are others."""
    numbers = range(first, last + 1)
    return pack([Event(room="#a", seq=seq, ts=seq, kind="message", by="ann", text=text) for seq in numbers])


class Kept:
    """A log whose events are on a disk; ``read`` counts how many were looked up there."""

    def __init__(self, stored, first=1, *, warm=True):
        self.stored = stored
        self.read = 0
        if warm:
            self.log = Log(1, "#a", first=first)
            self.log.number(0)
            self.log.grow(stored, 0)
        else:
            check = check_of(text_of(stored[-1])) if stored else ""
            self.log = Log(1, "#a", first=first, head=len(stored), check=check)

    def compare(self, cursor, trail):
        comparison = Comparison(self.log, cursor, trail)
        while (seq := comparison.wanted()) is not None:
            self.read += 1
            assert self.log.first <= seq <= self.log.head
            comparison.learn(check_of(text_of(self.stored[seq - 1])))
        return comparison.start if comparison.turned else None


def trail(stored, seqs):
    return [(seq, check_of(text_of(stored[seq - 1]))) for seq in seqs]


OLD = events("old", 1, 9)
NEW = OLD[:5] + events("new", 6, 13)


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(
    ("cursor", "seqs", "start"),
    [
        (9, [9, 8, 6, 2], 2),
        (9, [9, 8, 5, 4], 5),
        (9, [9], max(0, 13 - limits.BACKLOG)),
        (5, [5, 4], None),
        (5, [], None),
        (9, [], None),
        (4, [4], None),
        (9, [9, 0], 0),
        (9, [5, 4], None),
    ],
)
def test_the_newest_event_that_both_have_is_where_it_goes_on(warm, cursor, seqs, start):
    known = trail(OLD, [seq for seq in seqs if seq]) + [(0, "0" * 8)] * (0 in seqs)
    assert Kept(NEW, warm=warm).compare(cursor, known) == start


def test_a_log_that_ends_before_the_cursor_is_another_one_too():
    assert Kept(OLD[:5]).compare(9, trail(OLD, [9, 8, 4])) == 4
    assert Kept(OLD[:5]).compare(9, trail(OLD, [4])) == 4
    assert Kept([]).compare(9, trail(OLD, [9])) == 0


EVERYTHING = [(0, "0" * 8)]


@pytest.mark.parametrize(
    ("begun", "grown", "seqs", "start"),
    [
        (3000, 0, [3010, 3008], 3000),
        (3000, 20, [3010, 3008], 3000),
        (3000, 900, [3010, 3008], 3000),
        (3009, 0, [3010, 3008], 3009 - limits.BACKLOG),
        (9000, 5, [3010, 3008], 3007),
        (0, 7, [3], 0),
        (700, 0, [1], 0),
    ],
)
def test_who_wants_everything_is_not_given_what_was_there_before_it_listened(begun, grown, seqs, start):
    log = Log(1, "#a", head=begun)
    log.grow(events("new", begun + 1, begun + grown), 0)
    seen = [(seq, "ffffffff") for seq in seqs]
    for everything in (True, False):
        comparison = Comparison(log, seqs[0], seen + EVERYTHING * everything)
        while comparison.wanted() is not None:
            comparison.learn("00000000")
        assert comparison.turned
        expected = start if everything else max(0, begun + grown - limits.BACKLOG)
        assert comparison.start == expected


def timed(text, first, last, begin):
    """Return the stored events of a history, one every ten seconds from ``begin`` on."""
    numbers = range(first, last + 1)
    return pack(
        [
            Event(room="#a", seq=seq, ts=1000 * (begin + 10 * seq), kind="message", by="ann", text=text)
            for seq in numbers
        ]
    )


@given(
    st.integers(0, 200),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(1, 60),
    st.integers(1, 30),
    st.integers(1, 40),
)
def test_however_often_the_daemon_was_started_again_nothing_new_is_missed(
    end, first, last, ahead, seen, kept
):
    """A copy ends at ``end``; ``first`` events come, the daemon is started again, ``last`` come."""
    copy, head = timed("old", 1, end, 10_000), end + first + last
    stored = copy + timed("new", end + 1, head, 20_000)
    log = Log(1, "#a", head=end + first, first=min(kept, end + 1))
    log.number(0)
    log.grow(stored[end + first :], 0)
    oldest = end + ahead
    points = [(seq, "ffffffff") for seq in range(oldest + seen - 1, oldest - 1, -1)]
    comparison = Comparison(log, oldest + seen - 1, [*points, (0, f"{15_000:08x}")])
    reads = 0
    while (seq := comparison.wanted()) is not None:
        event = stored[seq - 1]
        comparison.learn(check_of(text_of(event)), time_of(event))
        reads += 1
    assert comparison.turned
    assert comparison.start <= end, "what was said since is skipped"
    if log.begun < oldest:
        assert comparison.start == max(end, log.first - 1)
    assert reads <= seen + 9


def test_whoever_stands_at_the_head_costs_no_read_even_behind_a_restart():
    kept = Kept(OLD, warm=False)
    assert kept.compare(9, trail(OLD, [9, 8, 7])) is None
    assert kept.read == 0
    kept.log.forget_tail()
    assert kept.compare(9, trail(OLD, [9, 8, 7])) is None
    assert kept.read == 0


def test_the_head_is_known_when_the_tail_is_forgotten():
    kept = Kept(OLD)
    kept.log.forget_tail()
    assert kept.compare(9, trail(OLD, [9])) is None
    assert kept.read == 0


def test_what_is_not_there_any_more_raises_no_alarm():
    comparison = Comparison(Log(1, "#a", head=9), 5, trail(OLD, [5]))
    assert comparison.wanted() == 5
    comparison.learn(None)
    assert comparison.wanted() is None
    assert not comparison.turned


@pytest.mark.parametrize("warm", [True, False])
def test_the_last_event_is_compared_though_none_is_kept(warm):
    assert Kept(OLD, 10, warm=warm).compare(9, trail(OLD, [9, 5])) is None
    assert Kept(events("new", 1, 9), 10, warm=warm).compare(9, trail(OLD, [9, 5])) == 5


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 60),
    st.sets(st.integers(1, 60)),
    st.booleans(),
)
def test_of_any_histories(shared, lost, grown, first, seqs, warm):
    old = events("old", 1, shared + lost)
    new = old[:shared] + events("new", shared + 1, shared + grown)
    seqs = {seq for seq in seqs if seq <= len(old)}
    cursor = len(old)
    first = min(first, len(new) + 1)
    start = Kept(new, first, warm=warm).compare(cursor, trail(old, seqs))
    comparable = {seq for seq in seqs if seq >= first or seq == len(new)}
    if cursor <= shared:
        assert start is None, "a false alarm"
    elif comparable and max(comparable) > shared:
        assert start is not None, "what is new is skipped"
    if start is not None:
        assert start <= len(new)
        good = {seq for seq in seqs if seq <= shared or seq not in comparable}
        assert start == (max(good) if good else max(first - 1, len(new) - limits.BACKLOG))
