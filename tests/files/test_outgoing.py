"""Sending: every byte once and in order, within the window, in fair turns."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.files.outgoing import BLOCK, STILL, Outgoing, Turns
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


def _move(turns, now, *silent):
    """Let everything move for a while; only ``silent`` ones confirm nothing. Return whose chunks went out."""
    gone = Counter()
    for _ in range(100):
        now += 0.001
        while (turn := turns.next(now)) is not None:
            gone[turn[0].transfer] += len(turn[2])
        for one in turns.transfers.values():
            if one not in silent and one.under_way:
                turns.progress(Progress(transfer=one.transfer, received=one.sent, stored=0), now)
            if wanted := one.wants():
                one.filled(CONTENT[wanted[0] : sum(wanted)])
    return gone


def test_one_that_confirms_nothing_holds_up_no_other():
    """Its receiver's disk hangs: what it has under way counts for the link no longer, and grows no more."""
    turns = Turns()
    hung, good = Outgoing(1, len(CONTENT), 0), Outgoing(2, len(CONTENT), 0)
    turns.add(hung)
    _fill(hung)
    _, _, data = turns.next(0.0)
    turns.progress(Progress(transfer=1, received=len(data), stored=0), 0.001)
    _move(turns, 0.001, hung)
    under_way = hung.under_way
    assert under_way
    turns.add(good)
    assert not _move(turns, 1.0, hung)
    assert 0 < turns.wait(2.0) <= STILL
    assert _move(turns, STILL + 1, hung)[2] == len(CONTENT)
    assert (hung.under_way, turns.pace.under_way) == (under_way, 0)
    # Its disk works again: what is left under way counts again, and it goes on.
    turns.progress(Progress(transfer=1, received=hung.received + 1, stored=0), STILL + 2)
    assert turns.pace.under_way == hung.under_way == under_way - 1
    _move(turns, STILL + 2)
    assert hung.received == len(CONTENT)
    assert turns.pace.under_way == 0


@settings(deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["next", "news", "wait", "remove"]), st.integers(0, 99))
    )
)
def test_what_is_under_way_is_counted_once_or_set_aside(steps):
    turns = Turns()
    files = [Outgoing(number, len(CONTENT), 0) for number in (1, 2, 3)]
    for one in files:
        turns.add(one)
        _fill(one)
    now = 0.0
    for which, what, number in steps:
        one = files[which]
        if what == "next":
            turns.next(now)
        elif what == "wait":
            now += number / 10
        elif what == "news" and one.under_way:
            received = one.received + 1 + one.under_way * number // 100
            turns.progress(Progress(transfer=one.transfer, received=received, stored=0), now)
        elif what == "remove":
            turns.remove(one)
        counted = [one for one in turns.transfers.values() if not one.aside]
        assert turns.pace.under_way == sum(one.under_way for one in counted)
