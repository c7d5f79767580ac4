"""Sending: every byte once and in order, within the window, in fair turns."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.files.outgoing import BLOCK, Outgoing, Turns
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.messages import Progress

CONTENT = bytes(range(251)) * 4000


def _fill(outgoing):
    place, length = outgoing.wants()
    outgoing.filled(CONTENT[place : place + length])


@settings(deadline=None)
@given(
    size=st.integers(1, len(CONTENT)),
    offset=st.integers(0, len(CONTENT)),
    window=st.integers(2_000, 300_000),
    steps=st.lists(
        st.tuples(st.sampled_from(["read", "filled", "take", "received"]), st.integers(0, 200_000))
    ),
)
def test_whatever_the_order_the_bytes_are_right_and_within_the_window(size, offset, window, steps):
    offset = min(offset, size)
    outgoing = Outgoing(1, size, offset, window)
    out = bytearray()
    asked = None
    now = 0.0

    def step(kind, number):
        nonlocal asked, now
        now += 1
        if kind == "read":
            wanted = outgoing.wants(number)
            assert asked is None or wanted is None
            asked = asked or wanted
        elif kind == "filled" and asked:
            place, length = asked
            asked = None
            outgoing.filled(CONTENT[place : place + length])
        elif kind == "take" and outgoing.ready:
            place, data = outgoing.take(number + 1, now)
            assert place == offset + len(out)
            assert 1 <= len(data) <= number + 1
            out.extend(data)
        elif kind == "received" and outgoing.under_way:
            news, sent_at = outgoing.progress(outgoing.received + number % outgoing.under_way + 1, offset)
            assert news > 0
            assert sent_at <= now
        assert 0 <= outgoing.under_way <= window
        assert outgoing._held <= 2 * BLOCK

    for kind, number in steps:
        step(kind, number)
    while outgoing.received < size:
        for kind in ("read", "filled", "take", "received"):
            step(kind, 199_999)
    assert bytes(out) == CONTENT[offset:size]
    assert outgoing.wants() is None
    assert not outgoing.ready


def test_the_delay_is_that_of_the_last_chunk_that_arrived():
    outgoing = Outgoing(1, 1000, 0)
    outgoing.filled(CONTENT[:1000])
    for now in (1.0, 2.0, 3.0):
        outgoing.take(100, now)
    assert outgoing.progress(200, 0) == (200, 2.0)
    assert outgoing.progress(200, 100) is None
    assert outgoing.stored == 100
    assert outgoing.progress(300, 100) == (100, 3.0)


@pytest.mark.parametrize(("received", "stored"), [(101, 0), (50, 51), (0, 1)])
def test_a_progress_of_what_was_never_sent_is_refused(received, stored):
    outgoing = Outgoing(1, 1000, 0)
    outgoing.filled(CONTENT[:1000])
    outgoing.take(100, 0.0)
    with pytest.raises(ProtocolError) as caught:
        outgoing.progress(received, stored)
    assert caught.value.code is Code.BAD_MESSAGE


def test_transfers_take_turns_chunk_by_chunk():
    turns = Turns()
    for number in (1, 2, 3):
        outgoing = Outgoing(number, 10**6, 0)
        _fill(outgoing)
        turns.add(outgoing)
    sent = Counter()
    order = []
    now = 0.0
    while min(outgoing.sent for outgoing in turns.transfers.values()) < 50_000:
        now += 0.001
        while (step := turns.next(now)) is not None:
            outgoing, _, data = step
            sent[outgoing.transfer] += len(data)
            order.append(outgoing.transfer)
        for outgoing in turns.transfers.values():
            turns.progress(Progress(transfer=outgoing.transfer, received=outgoing.sent, stored=0), now)
            if outgoing.wants() is not None:
                outgoing._reading = False
                _fill(outgoing)
    assert order[:6] == [1, 2, 3, 1, 2, 3]
    assert max(sent.values()) - min(sent.values()) <= 2 * turns.pace.chunk


def test_one_that_has_nothing_to_send_holds_up_nobody():
    turns = Turns()
    starved, fed = Outgoing(1, 1000, 0), Outgoing(2, 1000, 0)
    fed.filled(CONTENT[:1000])
    turns.add(starved)
    turns.add(fed)
    step = turns.next(0.0)
    assert step is not None
    assert step[0] is fed


def test_what_a_removed_transfer_has_under_way_counts_no_longer():
    turns = Turns()
    outgoing = Outgoing(1, 10_000, 0)
    outgoing.filled(CONTENT[:10_000])
    turns.add(outgoing)
    assert turns.next(0.0) is not None
    assert turns.pace.under_way
    turns.remove(outgoing)
    turns.remove(outgoing)
    assert not turns.pace.under_way
    assert turns.progress(Progress(transfer=1, received=5, stored=0), 1.0) is None
