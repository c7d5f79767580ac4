"""The garbage collector is not made to look at very much at once by what the daemon does (P6)."""

import gc

import pytest

from chatd.chat.log import Log
from chatd.chat.reader import NOBODY, Reader
from chatd.chat.snapshots import digests_of, numbers_of

MANY = 3000


@pytest.fixture
def quiet():
    """Let the collector look at nothing by itself; return how many objects it would look at."""
    gc.collect()
    gc.disable()
    try:
        yield lambda: len(gc.get_objects(generation=0))
    finally:
        gc.enable()


def test_thousands_who_are_left_behind_together_are_not_looked_at_anew(quiet):
    log = Log(1, "#a")
    crowd = [Reader(None, NOBODY) for _ in range(MANY)]
    for reader in crowd:
        reader.connect(None)
        reader.follow(log, 0)
    gc.collect()
    before = quiet()
    for reader in crowd:
        reader.leave_behind(log, 0)
    assert all(reader.lags for reader in crowd)
    assert quiet() - before < MANY / 10


def test_snapshots_are_whole_and_nothing_that_the_collector_looks_into():
    numbers = {number: str(number) for number in range(-5, MANY)}
    digests = {number.to_bytes(32, "big"): number for number in range(MANY)}
    taken, cut = numbers_of(numbers), digests_of(digests)
    assert len(gc.get_referents(taken)) < 2
    wanted = list(digests)
    digests.clear()
    assert list(cut) == wanted
    assert list(taken) == list(numbers)
