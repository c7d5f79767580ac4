"""What is remembered of events seen: all of the latest, few of the older, in little space."""

from copy import deepcopy
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chatd.client.core.seen import Seen
from chatd.client.core.session import MAX_CURSORS, Session, Wishes, introduce
from chatd.client.core.trail import GRAIN, MOST, PART, WINDOW, Trail
from chatd.wire.limits import MAX_FRAME, MAX_INT
from chatd.wire.native import decode_to_server, encode


def check(seq):
    return f"{seq * 2_654_435_761 % 2**32:08x}"


def trail_of(*runs):
    trail = Trail()
    for first, last in runs:
        for seq in range(first, last + 1):
            trail.add(seq, check(seq))
    return trail


def runs_of(steps):
    runs, last = [], 0
    for gap, length in steps:
        runs.append((last + gap, last + gap + length - 1))
        last += gap + length - 1
    return runs


RUNS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 900)), max_size=5).map(runs_of)


def test_nothing_is_known_at_first():
    assert not Trail()
    assert Trail().points(24) == []
    assert Trail().last == 0


@given(RUNS, st.integers(1, 24))
def test_points_are_true_and_few_and_begin_with_the_newest(runs, most):
    trail = trail_of(*runs)
    points = trail.points(most)
    assert len(points) <= most
    assert points == sorted(points, reverse=True)
    assert all(check(seq) == digits for seq, digits in points)
    if runs:
        assert points[0][0] == trail.last == runs[-1][1]
    assert len(trail.pack()) <= 2 * WINDOW * 4 + 12 * MOST + 9


@given(RUNS)
def test_the_latest_events_are_known_one_by_one(runs):
    trail = trail_of(*runs)
    if runs:
        first, last = runs[-1]
        for seq in range(max(first, last - WINDOW + 1), last + 1):
            assert trail.knows(seq, check(seq))
            assert not trail.knows(seq, check(seq + 1))
        assert not trail.has(last + 1)


@given(RUNS)
def test_no_hole_is_more_than_a_part_of_its_distance(runs):
    trail = trail_of(*runs)
    seen = [seq for first, last in runs for seq in range(first, last + 1)]
    known = [seq for seq in seen if trail.knows(seq, check(seq))]
    assert known[:1] == seen[:1]
    assert known[-1:] == seen[-1:]
    for before, behind in pairwise(known):
        missing = sum(1 for seq in seen if before < seq < behind)
        assert missing <= max(2 * GRAIN, (trail.last - before) // PART)
        assert trail.next(before) == behind


@given(RUNS, st.integers(0, 5000))
def test_the_next_one_that_is_known(runs, seq):
    trail = trail_of(*runs)
    behind = trail.next(seq)
    assert behind > seq
    assert not any(trail.has(each) for each in range(seq + 1, behind))
    assert trail.has(behind) or behind > trail.last


def test_a_long_trail_stays_small_and_keeps_its_first_event():
    trail = trail_of((1, 300_000))
    assert len(trail.pack()) <= 2 * WINDOW * 4 + 12 * MOST + 9
    known = [1]
    while (behind := trail.next(known[-1])) <= trail.last:
        known.append(behind)
    holes = [
        (behind - before) / (300_000 - before) for before, behind in pairwise(known) if 300_000 - before > 512
    ]
    assert max(holes) <= 1 / 8


@given(RUNS, st.integers(0, 4000))
def test_a_part_knows_nothing_beyond_and_can_go_on(runs, seq):
    part = trail_of(*runs).cut(seq)
    assert part.last <= seq
    assert all(known <= seq for known, _ in part.points(24))
    part.add(seq + 1, check(seq + 1))
    assert part.points(1) == [(seq + 1, check(seq + 1))]


@given(RUNS)
def test_it_survives_its_bytes(runs):
    trail = trail_of(*runs)
    again = Trail.unpack(trail.pack())
    assert again.points(24) == trail.points(24)
    assert again.last == trail.last


@given(st.binary(max_size=60))
def test_bytes_that_make_no_sense_do_no_harm(data):
    trail = Trail.unpack(data)
    trail.points(24)
    trail.cut(5)


def test_older_points_get_rarer_and_the_first_one_stays():
    trail = trail_of((1, 100_000))
    seqs = [seq for seq, _ in trail.points(24)]
    assert seqs[-1] == 1
    ages = [seqs[0] - seq for seq in seqs]
    assert all(later <= 4 * max(earlier, 1) for earlier, later in pairwise(ages[1:]))


def test_the_largest_hello_fits_into_a_frame():
    longest = trail_of((1, 3000))
    longest.add(MAX_INT - 1, "ffffffff")
    for name in ("#" + "𐍈" * 32, "#abcdefghij"):
        cursors, trails = {}, {}
        for number in range(300):
            room = f"{name[:-3]}{number:03}"
            cursors[room], trails[room] = MAX_INT - 1, deepcopy(longest)
        seen = Seen(cursors, trails)
        hello = introduce(
            Session(token="t" * 43, nick="n" * 32),
            Wishes("here", ("#a",), follow_all=False),
            seen,
            beside=True,
        )
        data = encode(hello)
        assert len(data) <= MAX_FRAME - 1000
        assert decode_to_server(data[5:]) == hello
        assert len(hello.cursors) <= MAX_CURSORS
        assert all(len(hello.trails[room]) >= 2 for room in hello.cursors)
        assert hello.follow == "listed"
