"""Attempts: guessing becomes slow, whatever is guessed from wherever, and nothing grows."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from chatd.server import attempts
from chatd.server.attempts import FORGET, FREE, Attempts

MOST = 30.0
pauses = st.lists(st.floats(0, 2 * MOST), max_size=60)


def test_the_first_ones_are_free_and_each_delay_is_longer_than_the_one_before():
    counted, now, waits = Attempts(MOST), 0.0, []
    for _ in range(FREE + 8):
        waits.append(counted.wait("ann", now))
        now += waits[-1]
        counted.begin("ann", now)
    assert waits == [0.0] * FREE + [1, 2, 4, 8, 16, MOST, MOST, MOST]
    assert counted.wait("ben", now) == 0


def test_many_at_the_same_moment_gain_nothing():
    counted = Attempts(MOST)
    begun = 0
    for _ in range(100):
        if not counted.wait("ann", 5.0):
            counted.begin("ann", 5.0)
            begun += 1
    assert begun == FREE


def test_one_that_succeeded_costs_nothing_but_those_before_it_count():
    counted = Attempts(MOST)
    for now in range(20):
        counted.begin("ann", now)
        counted.forgive("ann")
        assert counted.wait("ann", now) == 0
    assert len(counted) == 0
    for _ in range(FREE - 1):
        counted.begin("ann", 30)
    counted.begin("ann", 30)
    counted.forgive("ann")
    assert counted.wait("ann", 30) == 0
    counted.begin("ann", 30)
    assert counted.wait("ann", 30) == 1


def test_it_is_forgotten_after_a_while():
    counted = Attempts(MOST)
    for _ in range(10):
        counted.begin("ann", 0.0)
    counted.begin("ann", FORGET)
    assert counted.wait("ann", FORGET) == 0


def test_no_more_keys_are_kept_than_is_said(monkeypatch):
    monkeypatch.setattr(attempts, "MOST_KEYS", 10)
    counted = Attempts(MOST)
    for number in range(1000):
        counted.begin(f"nick{number}", number)
        counted.begin("ann", number)
    assert len(counted) <= 10
    assert counted.wait("ann", 999) == MOST, "who goes on is not forgotten"


@given(pauses)
@example(
    [
        0.0,
        1.00001,
        31.505536358463594,
        1.1844096866483493,
        40.69598474943239,
        60.0,
        60.0,
        31.929913200206858,
        0.0,
    ]
)
def test_in_any_rhythm_there_are_few_attempts_and_no_wait_is_longer_than_the_longest(steps):
    counted, now, begun = Attempts(MOST), 0.0, []
    for pause in steps:
        now += pause
        wait = counted.wait("ann", now)
        assert 0 <= wait <= MOST
        if not wait:
            counted.begin("ann", now)
            begun.append(now)
    for earlier, later in pairwise(begun[10:]):
        assert later >= earlier + MOST
