"""When to try again."""

import random

import pytest

from chatd.client.core.backoff import JITTER, LEAST, SLOT_CAP, STUBBORN, Backoff


def widest(low, high):
    assert low == 0.0
    return high


def test_answered_failures_widen_the_range_up_to_the_cap():
    backoff = Backoff(widest)
    assert [backoff.after_answer(0.0) for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]
    assert [backoff.after_answer(301.0) for _ in range(2)] == [30, 30]


@pytest.mark.parametrize(("trouble", "cap"), [(0, 2), (299, 2), (301, 10), (1799, 10), (1801, 30), (1e6, 30)])
def test_silence_is_tried_again_soon_and_later_less_often(trouble, cap):
    backoff = Backoff(widest)
    backoff.after_silence(100.0)
    assert backoff.after_silence(100.0 + trouble) == cap


def test_the_slot_that_the_server_names_wins_within_reason():
    backoff = Backoff(widest)
    assert backoff.after_answer(0.0, 8.0) == 8.8
    assert backoff.after_answer(0.0, -1.0) == LEAST + LEAST * JITTER
    assert backoff.after_answer(0.0, 1e9) == SLOT_CAP


def test_a_server_that_has_named_its_return_is_awaited_eagerly():
    backoff = Backoff(widest)
    backoff.after_answer(100.0, 0.5)
    assert [backoff.after_silence(100.0 + away) for away in (0.25, 1, 2, 4, 8, 60)] == [
        *(0.25, 0.25, 0.5, 1, 2, 2)
    ]
    assert backoff.after_silence(401.0) == 10
    backoff.after_answer(500.0)  # it has named none this time
    assert backoff.after_silence(500.0) == 10


def test_a_return_that_was_named_long_ago_is_forgotten():
    backoff = Backoff(widest)
    backoff.after_answer(0.0, 0.5)
    backoff.reset()
    assert backoff.after_silence(1.0) == 2


def test_no_delay_is_nothing():
    backoff = Backoff(lambda low, _: low)
    assert backoff.after_silence(0.0) == backoff.after_answer(0.0) == backoff.after_answer(0.0, 0.0) == LEAST


def test_what_hardly_anybody_mends_soon_is_tried_rarely():
    backoff = Backoff(widest)
    assert [backoff.stubborn() for _ in range(5)] == [10, 20, 40, 60, 60]
    backoff.reset()
    assert backoff.stubborn() == 10


def test_a_reset_forgets_both_kinds_of_failures():
    backoff = Backoff(widest)
    backoff.after_silence(0.0)
    for _ in range(5):
        backoff.after_answer(0.0)
    backoff.reset()
    assert backoff.after_answer(1e6) == 0.5
    assert backoff.after_silence(1e6) == 2


def test_many_years_of_refusals_overflow_nothing():
    backoff = Backoff(random.uniform)
    assert all(0 < backoff.after_answer(0.0) <= 30 for _ in range(5000))
    assert all(backoff.stubborn() <= STUBBORN[1] for _ in range(5000))
