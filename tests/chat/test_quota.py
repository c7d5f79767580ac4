"""The token bucket: what is let through in the long run, at once, and whatever the clock does."""

import math

from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.quota import Bucket


def test_a_burst_and_then_the_rate():
    bucket = Bucket(2.0, 10.0, 100.0)
    assert [bucket.take(100.0) for _ in range(10)] == [0.0] * 10
    assert bucket.take(100.0) == 0.5
    assert bucket.take(100.25) == 0.25
    assert bucket.take(100.5) == 0.0
    assert bucket.take(100.5) == 0.5


def test_it_fills_up_to_the_burst_and_no_further():
    bucket = Bucket(2.0, 10.0, 0.0)
    bucket.refill(1e9)
    assert bucket.left == 10.0
    assert bucket.full


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing():
    bucket = Bucket(1.0, 2.0, 1000.0)
    bucket.take(1000.0)
    bucket.refill(10.0)
    assert bucket.left == 1.0
    bucket.refill(10.5)
    assert bucket.left == 1.5


def test_debts_are_paid_first():
    bucket = Bucket(10.0, 10.0, 0.0)
    bucket.left -= 25
    assert bucket.wait(0.0) == 1.6
    bucket.refill(1.6)
    assert math.isclose(bucket.left, 1.0)


def test_an_unlimited_one_never_ends():
    bucket = Bucket(0.0, 0.0, 0.0)
    for _ in range(100):
        bucket.left -= 1e6
        assert bucket.take(0.0) == 0.0


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5)), max_size=100))
def test_never_more_than_the_burst_and_the_rate_since(steps):
    bucket, now, taken = Bucket(3.0, 7.0, 0.0), 0.0, 0
    for pause, tries in steps:
        now += pause
        taken += sum(bucket.take(now) == 0.0 for _ in range(tries))
        assert taken <= 7 + 3 * now + 1e-6
