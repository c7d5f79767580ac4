"""Receiving: chunks follow each other within size and window, and the sender is told the truth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.files.incoming import Incoming
from chatd.wire.errors import Code, ProtocolError

STEPS = st.lists(st.tuples(st.sampled_from(["chunk", "wrote", "keep", "tell"]), st.integers(0, 5000)))


@given(size=st.integers(1, 100_000), window=st.integers(1, 10_000), steps=STEPS)
def test_whatever_the_order_the_sender_is_told_the_truth(size, window, steps):
    incoming = Incoming(1, size, 0, window)
    told = (0, 0)
    for kind, number in steps:
        if kind == "chunk":
            length = min(number, size - incoming.received, told[0] + window - incoming.received)
            if length > 0:
                incoming.chunk(incoming.received, length)
        elif kind == "wrote":
            incoming.wrote(min(incoming.written + number, incoming.received))
        elif kind == "keep":
            incoming.keep(min(incoming.stored + number, incoming.written))
        else:
            progress = incoming.due()
            if progress is not None:
                assert (progress.received, progress.stored) != told
                assert progress.received >= told[0]
                assert progress.stored >= told[1]
                told = (progress.received, progress.stored)
                assert incoming.due() is None
        assert incoming.stored <= incoming.written <= incoming.received <= size
        assert incoming.waiting <= 2 * window
        assert told[1] < size


@pytest.mark.parametrize(
    ("offset", "length"), [(101, 1), (99, 1), (0, 100), (100, 901), (100, 501), (2**63, 1), (100, 2**62)]
)
def test_a_chunk_that_does_not_follow_is_refused(offset, length):
    incoming = Incoming(1, 1000, 100, window=500)
    with pytest.raises(ProtocolError) as caught:
        incoming.chunk(offset, length)
    assert caught.value.code is Code.BAD_CHUNK
    assert incoming.received == 100


def test_after_the_end_nothing_follows():
    incoming = Incoming(1, 10, 0)
    incoming.chunk(0, 10)
    with pytest.raises(ProtocolError):
        incoming.chunk(10, 1)


def test_the_window_moves_with_what_the_sender_was_told():
    incoming = Incoming(1, 10_000, 0, window=1000)
    incoming.chunk(0, 1000)
    incoming.wrote(1000)
    with pytest.raises(ProtocolError):
        incoming.chunk(1000, 1)
    assert incoming.due().received == 1000
    incoming.chunk(1000, 1000)


def test_a_slow_disk_slows_the_sender():
    incoming = Incoming(1, 10_000, 0, window=1000)
    incoming.chunk(0, 400)
    assert incoming.due().received == 400
    incoming.chunk(400, 200)
    assert incoming.due() is None
    incoming.wrote(400)
    assert incoming.due().received == 600


def test_the_size_is_stored_only_when_all_is_right_and_in_its_place():
    incoming = Incoming(1, 10, 0)
    incoming.chunk(0, 10)
    incoming.wrote(10)
    incoming.keep(10)
    assert incoming.due().stored == 0
    incoming.finish()
    assert incoming.due().stored == 10
