"""The bits of a log against a plain list of what counts."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.chat import counting
from chatd.chat.counting import BLOCK, Tally, bits_of, completed
from chatd.wire import messages as m


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Let blocks be small, so that few events fill many."""
    before = counting.BLOCK, counting._FULL
    counting.BLOCK, counting._FULL = 16, (1 << 16) - 1
    yield
    counting.BLOCK, counting._FULL = before


def events(kinds):
    return [m.Event(room="#a", seq=1, ts=1, kind=kind, by="ann") for kind in kinds]


def test_what_somebody_says_counts():
    assert BLOCK % 8 == 0
    kinds = ["message", "join", "file", "edit", "removed", "message"]
    assert bits_of(events(kinds)) == 0b100101
    assert [bits_of(events([kind])) for kind in ("file", "react")] == [1, 0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grow", "grow", "grow", "put", "forget", "keep"]),
        st.integers(0, 60),
        st.integers(0, 2**32),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.integers(0, 70))
def test_it_counts_as_a_list_does(steps, head):
    """Whatever grows, goes, and is kept or lost between two starts of the daemon."""
    tally, counts, first, rows, saved = Tally(head), {}, head + 1, {}, head + 1
    for what, number, seed in steps:
        chance = random.Random(seed)
        if what == "grow" and number:
            some = [chance.random() < 0.7 for _ in range(number)]
            tally.grow(head, number, sum(1 << at for at, one in enumerate(some) if one))
            counts |= dict(zip(range(head + 1, head + number + 1), some, strict=True))
            head += number
        elif what == "put" and head >= first:
            seq = chance.randint(first, head)
            counts[seq] = bool(number % 2)
            tally.put(seq, counts[seq])
            rows.pop(seq - seq % 16, None)
            saved = min(saved, seq)
        elif what == "forget":
            first = min(first + number, head + 1)
            tally.forget(first)
        elif what == "keep":
            gone = {chance.randint(first, head) for _ in range(number % 3) if head >= first}
            for seq in gone:  # their removals are decided, and are durable with the rows
                rows.pop(seq - seq % 16, None)
                saved = min(saved, seq)
            for row in tally.rows(7, max(first, saved), head, gone):
                rows[row.seq] = row
            saved = head + 1
            rows = {seq: row for seq, row in rows.items() if chance.random() < 0.8}
            counts |= dict.fromkeys(gone, False)

            def told(log, low, high, counts=counts):
                return [seq for seq in range(low, high + 1) if counts[seq]]

            found, lacks = completed(7, first, head, rows, told)
            assert all(row.room == 7 and row.upto <= head for row in found)
            assert bool(lacks) == any(row not in rows.values() and row.upto >= first for row in found)
            tally = Tally(head)
            tally.load(found)
            saved = min(saved, lacks or saved)
        check(tally, counts, first, head)


def check(tally, counts, first, head):
    for after in {first - 1, first, (first + head) // 2, head - 17, head - 1, head}:
        if first - 1 <= after <= head:
            assert tally.above(after) == sum(counts[seq] for seq in range(after + 1, head + 1))
