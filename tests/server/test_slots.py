"""Whoever is refused for a while is named a moment of their own to come back."""

import heapq
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.quota import SOONEST, WINDOW, Ration, Slots
from chatd.client.core.backoff import MAX_JITTER, Backoff
from chatd.server.budgets import Action, Budgets, TooFastError
from tests.helpers import in_force


class Newcomers:
    """Addresses that begin sessions."""

    def __init__(self, per_minute):
        self.budgets = Budgets(in_force(new_sessions_per_minute=per_minute))

    def wait(self, host, now):
        try:
            return self.budgets.spend(Action.SESSION, host, None, now)
        except TooFastError as error:
            return error.wait


def test_each_refused_newcomer_is_named_a_slot_of_its_own():
    newcomers = Newcomers(60)
    waits = [newcomers.wait("192.0.2.1", 0.0) for _ in range(60 + 79)]
    assert not any(waits[:60])
    slots = waits[60:]
    assert min(slots) >= SOONEST
    assert all(later - earlier >= 0.999 for earlier, later in pairwise(slots))


def test_whoever_comes_at_their_slot_is_let_in():
    newcomers = Newcomers(60)
    slots = sorted(wait for wait in (newcomers.wait("192.0.2.1", 0.0) for _ in range(139)) if wait)
    assert [newcomers.wait("192.0.2.1", slot + 0.05) for slot in slots] == [0.0] * 79


@pytest.mark.parametrize("interval", [0.01, 0.6, 12.0, 3600.0])
def test_a_slot_lies_within_the_window_and_is_nobody_elses(interval):
    slots = Slots(interval)
    waits = [slots.take(0.0, 30.0) for _ in range(20_000)]
    assert all(30.0 <= wait <= 30.0 + WINDOW for wait in waits)
    assert len(set(waits)) == len(waits)


@given(
    interval=st.floats(0.001, 10_000),
    askings=st.lists(st.tuples(st.floats(-5, 500), st.floats(0, 4000)), max_size=50),
)
def test_nobody_waits_longer_than_the_need_and_the_window(interval, askings):
    slots = Slots(interval)
    now = 1e6
    for passed, need in askings:
        now += passed
        assert max(need, SOONEST) - 1e-6 <= slots.take(now, need) <= max(need, SOONEST) + WINDOW + 1e-6


def test_an_honest_newcomer_is_not_sent_away_for_a_crowd_that_never_comes():
    newcomers = Newcomers(100)
    for number in range(4000):
        newcomers.wait("192.0.2.1", number * 0.0003)
    wait = newcomers.wait("192.0.2.1", 2.0)
    assert wait <= SOONEST + WINDOW
    assert newcomers.wait("192.0.2.1", 2.0 + wait) == 0


def test_who_has_begun_too_many_rooms_waits_for_one_and_the_window():
    making = Ration(300 / 3600, 300, 0.0)
    waits = [making.take(0.0) for _ in range(5000)]
    assert max(waits) <= 12.0 + WINDOW


@pytest.mark.parametrize("per_minute", [10, 60, 100])
def test_a_crowd_that_comes_at_its_slots_gets_in_about_as_fast_as_the_rate_allows(per_minute):
    newcomers = Newcomers(per_minute)
    chance = random.Random(7)
    coming = [(chance.random() / 10, number) for number in range(per_minute + 79)]
    heapq.heapify(coming)
    now = 0.0
    while coming:
        now, number = heapq.heappop(coming)
        wait = newcomers.wait("192.0.2.1", now)
        if wait:
            heapq.heappush(coming, (now + wait + chance.random() * min(wait / 10, MAX_JITTER), number))
    assert now <= 79 * 60 / per_minute + WINDOW


def test_a_client_comes_never_before_its_slot_and_a_little_behind():
    for part in (0.0, 0.5, 1.0):
        backoff = Backoff(lambda low, high, part=part: low + part * (high - low))
        for slot in (1.0, 7.5, 1200.0):
            assert slot <= backoff.after_answer(0.0, slot) <= slot + min(slot / 10, MAX_JITTER)
