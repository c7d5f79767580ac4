"""The pace over a simulated link: little is in front of a message, and the link is used all the same."""

import heapq
import itertools
import random

import pytest

from chatd.files.outgoing import Outgoing
from chatd.files.pace import LARGEST_CHUNK, MEMORY, MIN_BUDGET, MIN_CHUNK, Pace
from chatd.wire.limits import WINDOW

HEAD = 21
"""Bytes of a chunk's frame beside the file's."""


class Link:
    """A link of ``rate`` bytes a second and a round trip of ``trip`` seconds, and an endless file."""

    def __init__(self, rate, trip, jitter=0.0):
        self.pace = Pace()
        self.rate = rate
        self.trip = trip
        self.jitter = jitter
        self.now = self.free = self.newest = 0.0
        self.delivered = 0
        self.queues = []
        self._acks = []
        self._numbers = itertools.count()
        self._random = random.Random(1)

    def run(self, until):
        pace = self.pace
        while self.now < until:
            while pace.room(self.now):
                self._send(pace.chunk)
            wait = pace.wait(self.now)
            if wait and self.now + wait < self._acks[0][0]:
                self.now += wait
                continue
            self.now, _, size, sent_at = heapq.heappop(self._acks)
            pace.received(size, sent_at, self.now)
            self.delivered += size
        return self

    def _send(self, size):
        self.free = max(self.now, self.free) + (size + HEAD) / self.rate
        self.newest = max(self.newest, self.free + self.trip + self._random.random() * self.jitter)
        heapq.heappush(self._acks, (self.newest, next(self._numbers), size, self.now))
        self.pace.sent(size, self.now)
        self.queues.append(self.free - self.now)


LINKS = [
    # rate, trip, the longest queue, the share of the link that is used at the least
    (8_000, 0.0002, 0.3, 0.9),
    (8_000, 0.05, 0.3, 0.9),
    (8_000, 0.15, 0.3, 0.8),
    (32_000, 0.05, 0.15, 0.8),
    (100_000, 0.05, 0.08, 0.8),
    (1_000_000, 0.0002, 0.04, 0.9),
    (1_000_000, 0.02, 0.04, 0.9),
    (1_000_000, 0.2, 0.1, 0.8),
    (12_500_000, 0.01, 0.04, 0.9),
]


@pytest.mark.parametrize(("rate", "trip", "longest", "share"), LINKS)
def test_little_is_in_front_of_a_message_and_the_link_is_used(rate, trip, longest, share):
    link = Link(rate, trip, jitter=0.002).run(30)
    assert max(link.queues) <= longest
    assert link.delivered >= share * rate * link.now


def test_a_fast_link_is_used_up_soon():
    link = Link(400e6, 0.0003).run(0.1)
    assert link.pace.budget == WINDOW
    assert link.pace.chunk == LARGEST_CHUNK


def test_a_long_way_is_found_out_soon():
    assert Link(12_500_000, 0.1).run(1).delivered >= 300_000


def test_a_link_that_becomes_slow_is_noticed():
    link = Link(1e6, 0.03).run(10)
    link.rate = 8_000
    link.run(40)
    link.queues.clear()
    link.run(60)
    assert max(link.queues) <= 0.3


def test_a_link_that_becomes_fast_is_noticed():
    link = Link(8_000, 0.03).run(10)
    link.rate = 1e6
    link.run(20)
    link.delivered, link.now = 0, 20.0
    link.run(30)
    assert link.delivered >= 0.8 * 10 * 1e6


def test_a_way_that_became_longer_is_measured_anew():
    link = Link(1e6, 0.01).run(10)
    link.trip = 0.2
    link.run(45)
    before = link.delivered
    link.run(65)
    assert link.delivered - before >= 0.8 * 20 * 1e6


def test_what_was_not_used_up_does_not_grow():
    pace = Pace()
    for now in range(1, 200):
        pace.sent(MIN_CHUNK, now / 1000)
        pace.received(MIN_CHUNK, now / 1000, now / 1000 + 0.0005)
    assert pace.budget < 2 * MIN_BUDGET


def test_after_a_long_rest_it_begins_anew():
    link = Link(400e6, 0.0003).run(0.1)
    pace = link.pace
    pace.forget(pace.under_way)
    pace.sent(pace.room(link.now), link.now + MEMORY + 1)
    assert pace.budget == MIN_BUDGET


def test_the_budget_counts_every_transfer():
    pace = Pace()
    first, second = Outgoing(1, 10**6, 0), Outgoing(2, 10**6, 0)
    assert pace.room(0.0)
    pace.sent(MIN_CHUNK, 0.0)
    assert not pace.room(0.0)  # the first chunk has the link for itself
    pace.received(MIN_CHUNK, 0.0, 0.01)
    for _ in (first, second):
        assert pace.room(0.01) >= pace.chunk
        pace.sent(pace.chunk, 0.01)
    assert not pace.room(0.01)
