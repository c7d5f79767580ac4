"""Whoever is refused for a while is named a moment of their own to come back."""

from itertools import pairwise

from chatd.chat.quota import LATEST, SOONEST, Slots
from chatd.client.core.backoff import MAX_JITTER, Backoff
from chatd.server.newcomers import Newcomers


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


def test_a_slot_lies_within_what_clients_wait():
    slots = Slots(60.0)
    assert all(SOONEST <= slots.take(0.0) <= LATEST for _ in range(500))


def test_a_client_comes_never_before_its_slot_and_a_little_behind():
    for part in (0.0, 0.5, 1.0):
        backoff = Backoff(lambda low, high, part=part: low + part * (high - low))
        for slot in (1.0, 7.5, 1200.0):
            assert slot <= backoff.after_answer(0.0, slot) <= slot + min(slot / 10, MAX_JITTER)
