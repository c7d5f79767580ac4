"""Heartbeat arithmetic: who is heard within the limit lives, who is silent is found, pings stay rare."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.wire.heartbeat import Heartbeat, RoundTrip, Verdict

ALIVE, PING, DEAD = Verdict.ALIVE, Verdict.PING, Verdict.DEAD

TABLE = {
    "silence all along": [
        (0, "check", ALIVE),
        (4.9, "check", ALIVE),
        (5, "check", PING),
        (5.1, "check", ALIVE),
    ],
    "a ping per interval": [
        (5, "check", PING),
        (9.9, "check", ALIVE),
        (10, "check", PING),
    ],
    "dead at the limit": [(5, "check", PING), (14.9, "check", PING), (15, "check", DEAD)],
    "dead without a look in between": [(15, "check", DEAD)],
    "dead stays dead": [(15, "check", DEAD), (16, "check", DEAD), (1000, "check", DEAD)],
    "heard at the last moment": [
        (14.9, "heard"),
        (15, "check", PING),
        (29.8, "check", PING),
        (29.9, "check", DEAD),
    ],
    "heard, but we say nothing": [(4, "heard"), (5, "check", PING), (9, "heard"), (10, "check", PING)],
    "heard, and we speak": [(4, "heard"), (4, "said"), (8, "check", ALIVE), (9, "check", PING)],
    "speaking ends no silence": [
        (4, "said"),
        (5, "check", PING),
        (9, "said"),
        (10, "check", PING),
        (14, "said"),
        (15, "check", DEAD),
    ],
    "forgiven": [(14, "forgive"), (15, "check", PING), (28.9, "check", PING), (29, "check", DEAD)],
    "a clock that goes back condemns nobody": [(100, "heard"), (3, "check", ALIVE), (99, "check", PING)],
}


@pytest.mark.parametrize("steps", TABLE.values(), ids=TABLE.keys())
def test_table(steps):
    beat = Heartbeat(5.0, 3, 0.0)
    for moment, act, *expected in steps:
        said = getattr(beat, act)(float(moment))
        assert [said] == (expected or [None]), moment


def test_the_limit_is_interval_times_misses():
    assert Heartbeat(5.0, 6, 0.0).limit == 30.0
    assert Heartbeat(2.0, 4, 0.0).limit == 8.0


def test_silence_is_counted_from_the_last_byte():
    beat = Heartbeat(5.0, 3, 10.0)
    assert beat.silence(12.5) == 2.5
    beat.heard(13.0)
    assert beat.silence(13.0) == 0.0


MOMENTS = st.floats(0.001, 3.0, allow_subnormal=False)
ACTS = st.sampled_from(["heard", "said", "check"])
STEPS = st.lists(st.tuples(MOMENTS, ACTS), max_size=60)
INTERVALS = st.floats(0.5, 10.0)
MISSES = st.integers(1, 8)
STARTS = st.floats(0, 1e6)


@given(INTERVALS, MISSES, STARTS, STEPS)
def test_whoever_is_heard_within_the_limit_is_never_dead(interval, misses, start, steps):
    beat = Heartbeat(interval, misses, start)
    now = heard = start
    for pause, act in steps:
        now += pause
        if act == "check" and now - heard < beat.limit - 1e-6:
            assert beat.check(now) is not DEAD
        elif act != "check":
            getattr(beat, act)(now)
            heard = now if act == "heard" else heard


@given(INTERVALS, MISSES, STARTS, STEPS)
def test_whoever_is_silent_for_the_limit_is_dead(interval, misses, start, steps):
    beat = Heartbeat(interval, misses, start)
    now = start
    for pause, act in steps:
        now += pause
        if act == "said":
            beat.said(now)
        else:
            verdict = beat.check(now)
            assert (verdict is DEAD) is (now >= start + beat.limit)


@given(INTERVALS, MISSES, STARTS, STEPS)
def test_pings_are_an_interval_apart(interval, misses, start, steps):
    beat = Heartbeat(interval, misses, start)
    now = pinged = start
    for pause, act in steps:
        now += pause
        if getattr(beat, act)(now) is PING:
            assert now - pinged >= interval - 1e-6
            pinged = now


@given(INTERVALS, st.integers(2, 8), STARTS, STEPS)
def test_no_side_is_silent_for_longer_than_an_interval_after_a_look(interval, misses, start, steps):
    """The other side always gets something to judge by: after every look, something was said lately."""
    beat = Heartbeat(interval, misses, start)
    now = said = start
    for pause, act in steps:
        now += pause
        verdict = getattr(beat, act)(now)
        if act == "said" or verdict is PING:
            said = now
        if act == "check" and verdict is not DEAD:
            assert now - said <= interval + 1e-6


@given(INTERVALS, MISSES, STARTS, STEPS)
def test_due_at_is_when_check_has_something_to_say(interval, misses, start, steps):
    beat = Heartbeat(interval, misses, start)
    now = start
    for pause, act in steps:
        now += pause
        getattr(beat, act)(now)
        due = beat.due_at()
        if due > now:
            assert beat.check(now) is ALIVE
            assert beat.due_at() == due
    assert beat.check(max(now, beat.due_at())) is not ALIVE


def test_two_sides_that_only_ping_keep_each_other_alive():
    sides = [Heartbeat(5.0, 3, 0.0), Heartbeat(5.0, 3, 0.0)]
    verdicts = []
    for tick in range(1, 400):
        now = tick * 0.25
        for side, other in (sides, sides[::-1]):
            verdict = side.check(now)
            verdicts.append(verdict)
            if verdict is PING:
                other.heard(now)
                other.said(now)
                side.heard(now)
    assert DEAD not in verdicts
    assert verdicts.count(PING) <= 2 * 20


def test_the_first_measurement_sets_the_mean():
    trip = RoundTrip()
    assert trip.mean is None
    trip.measured(0.2)
    assert (trip.mean, trip.variance) == (0.2, 0.1)


def test_further_measurements_follow_rfc_6298():
    trip = RoundTrip()
    trip.measured(0.2)
    trip.measured(0.4)
    assert trip.variance == pytest.approx(0.75 * 0.1 + 0.25 * 0.2)
    assert trip.mean == pytest.approx(0.875 * 0.2 + 0.125 * 0.4)


def test_patience_is_four_times_mean_and_variance_but_not_less_than_the_least():
    trip = RoundTrip()
    assert trip.patience(1.0) == 1.0
    trip.measured(0.01)
    assert trip.patience(1.0) == 1.0
    for _ in range(100):
        trip.measured(2.0)
    assert trip.patience(1.0) == pytest.approx(8.0, rel=0.01)


@given(st.floats(0, 60), st.floats(0, 60), st.integers(1, 200))
def test_a_steady_link_is_learned(before, steady, count):
    trip = RoundTrip()
    trip.measured(before)
    for _ in range(count):
        trip.measured(steady)
    assert min(before, steady) - 1e-9 <= trip.mean <= max(before, steady) + 1e-9
    assert abs(trip.mean - steady) <= abs(before - steady) * 0.875**count + 1e-9
    assert trip.variance >= 0
