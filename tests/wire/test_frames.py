"""Frames: any way of cutting the stream gives the same frames, and a hostile header costs nothing."""

import struct
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.wire.errors import Code, ProtocolError
from chatd.wire.frames import HEAD_SIZE, FrameDecoder, FrameType, chunk, frame, split_chunk
from chatd.wire.limits import MAX_CHUNK, MAX_FRAME

FRAMES = st.lists(st.tuples(st.sampled_from(FrameType), st.binary(max_size=300)), max_size=8)


def drain(decoder):
    return list(iter(decoder.take, None))


def joined(frames):
    return b"".join(frame(kind, payload) for kind, payload in frames)


def refusal_of(data, limit=MAX_FRAME):
    decoder = FrameDecoder(limit)
    decoder.feed(data)
    with pytest.raises(ProtocolError) as caught:
        drain(decoder)
    return caught.value


def test_the_layout_is_length_type_payload():
    assert frame(FrameType.MESSAGE, b"{}") == bytes.fromhex("00000003 01 7b7d")
    assert frame(FrameType.CHUNK, b"\0") == bytes.fromhex("00000002 02 00")
    assert frame(FrameType.PING, b"") == bytes.fromhex("00000001 03")
    assert frame(FrameType.PONG, b"now") == bytes.fromhex("00000004 04 6e6f77")


def test_a_chunk_names_its_transfer_and_its_offset():
    data = chunk(7, 2**40, b"\x00\xff")
    assert data == bytes.fromhex("0000000f 02 00000007 0000010000000000 00ff")
    assert data == frame(FrameType.CHUNK, data[5:])
    transfer, offset, held = split_chunk(data[5:])
    assert (transfer, offset, bytes(held)) == (7, 2**40, b"\x00\xff")


@pytest.mark.parametrize("size", range(13))
def test_a_chunk_carries_something(size):
    with pytest.raises(ProtocolError) as caught:
        split_chunk(bytes(size))
    assert caught.value.code == Code.BAD_CHUNK


def test_the_largest_chunk_fills_a_frame():
    decoder = FrameDecoder()
    decoder.feed(chunk(1, 0, bytes(MAX_CHUNK)))
    assert decoder.take() is not None
    decoder.feed(chunk(1, 0, bytes(MAX_CHUNK + 1)))
    with pytest.raises(ProtocolError):
        decoder.take()


@given(FRAMES, st.data())
def test_any_split_of_the_stream_gives_the_same_frames(frames, data):
    stream = joined(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    decoder = FrameDecoder()
    taken = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        decoder.feed(stream[begin:end])
        taken += drain(decoder)
    assert taken == frames
    assert len(decoder) == 0


@given(FRAMES, st.data())
def test_messages_may_be_taken_together_and_put_back_in_part(frames, data):
    """The stream comes in any pieces, also between the taking and the putting back."""
    stream = joined(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    decoder = FrameDecoder()
    taken = []
    while len(decoder) or pieces:
        run = decoder.take_messages(data.draw(st.integers(1, 4)))
        if pieces and data.draw(st.booleans()):
            decoder.feed(pieces.pop(0))
        kept = data.draw(st.integers(0, len(run)))
        if kept < len(run):
            decoder.put_back(run[kept:])
        taken += [(FrameType.MESSAGE, payload) for payload in run[:kept]]
        other = None if run else decoder.take()
        if other is not None:
            taken.append(other)
        elif not run and pieces:
            decoder.feed(pieces.pop(0))
    assert taken == frames


@pytest.mark.parametrize(
    "header", [struct.pack(">IB", MAX_FRAME + 1, 1), struct.pack(">IB", 0, 1), struct.pack(">IB", 5, 9)]
)
def test_messages_end_before_a_wrong_frame(header):
    decoder = FrameDecoder()
    decoder.feed(frame(FrameType.MESSAGE, b"{}") + header + bytes(9))
    assert decoder.take_messages(5) == [b"{}"]
    assert decoder.take_messages(5) == []
    with pytest.raises(ProtocolError):
        decoder.take()


@given(FRAMES, st.data())
def test_frames_may_be_taken_later_and_one_by_one(frames, data):
    """A server that is busy takes one frame now and the others after more has come."""
    stream = joined(frames)
    decoder = FrameDecoder()
    taken = []
    fed = given_away = 0
    while fed < len(stream):
        size = data.draw(st.integers(1, len(stream) - fed))
        decoder.feed(stream[fed : fed + size])
        fed += size
        for _ in range(data.draw(st.integers(0, 3))):
            one = decoder.take()
            if one is None:
                break
            taken.append(one)
            given_away += HEAD_SIZE + len(one[1])
        assert len(decoder) == fed - given_away
    assert taken + drain(decoder) == frames


def test_a_byte_at_a_time_works():
    frames = [(FrameType.PING, b""), (FrameType.MESSAGE, b"x" * 1000), (FrameType.PONG, b"y")]
    decoder = FrameDecoder()
    taken = []
    for byte in joined(frames):
        decoder.feed(bytes([byte]))
        taken += drain(decoder)
    assert taken == frames


def dribble_seconds(size):
    """Return the least time of some runs that a frame of ``size`` bytes takes, byte by byte."""
    stream = [bytes([byte]) for byte in frame(FrameType.MESSAGE, bytes(size - 1))]
    runs = []
    for _ in range(5):
        decoder = FrameDecoder()
        begin = time.process_time()
        for byte in stream:
            decoder.feed(byte)
            decoder.take()
        runs.append(time.process_time() - begin)
        assert len(decoder) == 0
    return min(runs)


def test_dribbled_bytes_cost_linear_time():
    # Eight times the bytes; quadratic work would take 64 times as long.
    assert dribble_seconds(MAX_FRAME) < 24 * dribble_seconds(MAX_FRAME // 8)


def backlog_seconds(count):
    """Return the least time in which ``count`` frames are taken, one byte more coming after each."""
    stream = frame(FrameType.PING, b"12345678") * count
    runs = []
    for _ in range(5):
        decoder = FrameDecoder()
        decoder.feed(stream)
        begin = time.process_time()
        for _ in range(count):
            assert decoder.take() is not None
            decoder.feed(b"\0")
        runs.append(time.process_time() - begin)
    return min(runs)


def test_a_backlog_taken_slowly_costs_linear_time():
    assert backlog_seconds(16_000) < 24 * backlog_seconds(2_000)


def test_the_largest_frame_passes():
    payload = bytes(MAX_FRAME - 1)
    decoder = FrameDecoder()
    decoder.feed(frame(FrameType.MESSAGE, payload))
    assert decoder.take() == (FrameType.MESSAGE, payload)


def test_one_byte_more_is_refused_from_the_header():
    error = refusal_of(struct.pack(">IB", MAX_FRAME + 1, FrameType.MESSAGE))
    assert error.code is Code.FRAME_TOO_LARGE
    assert str(MAX_FRAME) in error.text


def test_four_gibibytes_are_refused_from_the_header():
    assert refusal_of(b"\xff\xff\xff\xff\x01").code is Code.FRAME_TOO_LARGE


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"NICK me\r\n",
    ],
    ids=["http", "ssh", "tls", "irc"],
)
def test_other_protocols_are_refused_from_their_first_bytes(garbage):
    assert refusal_of(garbage[:HEAD_SIZE]).code is Code.FRAME_TOO_LARGE


def test_the_limit_can_be_lower():
    assert refusal_of(frame(FrameType.PING, b"1234"), limit=4).code is Code.FRAME_TOO_LARGE
    decoder = FrameDecoder(4)
    decoder.feed(frame(FrameType.PING, b"123"))
    assert decoder.take() == (FrameType.PING, b"123")


@pytest.mark.parametrize("number", [0, 5, 6, 127, 128, 255])
def test_an_unknown_type_is_refused_from_the_header(number):
    assert refusal_of(struct.pack(">IB", 1000, number)).code is Code.BAD_FRAME


@pytest.mark.parametrize("number", FrameType)
def test_a_length_of_zero_is_refused(number):
    assert refusal_of(struct.pack(">IB", 0, number)).code is Code.BAD_FRAME


def test_a_refusal_stays_refused():
    decoder = FrameDecoder()
    decoder.feed(b"\xff\xff\xff\xff\x01")
    for _ in range(3):
        with pytest.raises(ProtocolError):
            decoder.take()


def test_frames_before_a_bad_one_are_handed_out():
    decoder = FrameDecoder()
    decoder.feed(frame(FrameType.PING, b"1") + b"\0\0\0\0\0")
    assert decoder.take() == (FrameType.PING, b"1")
    with pytest.raises(ProtocolError):
        decoder.take()


@given(st.binary(max_size=200), st.integers(1, 40))
def test_garbage_is_refused_or_waits_for_more(garbage, step):
    decoder = FrameDecoder()
    try:
        for begin in range(0, len(garbage), step):
            decoder.feed(garbage[begin : begin + step])
            drain(decoder)
    except ProtocolError as error:
        assert error.code in {Code.FRAME_TOO_LARGE, Code.BAD_FRAME}
    assert len(decoder) <= len(garbage)


def held(decoder):
    """Return the bytes of memory in the decoder's buffer."""
    return sys.getsizeof(decoder._buffer)


def test_an_idle_decoder_holds_no_memory_of_the_frame_before():
    decoder = FrameDecoder()
    empty = held(decoder)
    decoder.feed(frame(FrameType.MESSAGE, bytes(MAX_FRAME - 1)))
    assert len(drain(decoder)) == 1
    assert held(decoder) <= empty + 1


@pytest.mark.parametrize("take", [FrameDecoder.take, lambda decoder: decoder.take_messages(2)])
def test_memory_is_given_back_with_the_last_frame(take):
    decoder = FrameDecoder()
    empty = held(decoder)
    decoder.feed(frame(FrameType.MESSAGE, bytes(MAX_FRAME - 1)))
    assert take(decoder)
    assert (held(decoder) <= empty + 1, len(decoder)) == (True, 0)
    decoder.put_back([b"again"])
    decoder.feed(frame(FrameType.PING, b"123"))
    assert drain(decoder) == [(FrameType.MESSAGE, b"again"), (FrameType.PING, b"123")]


def test_a_frame_that_has_begun_holds_no_memory_of_those_before():
    decoder = FrameDecoder()
    empty = held(decoder)
    decoder.feed(frame(FrameType.MESSAGE, bytes(MAX_FRAME - 1)) + frame(FrameType.PING, b"123")[:-1])
    assert len(drain(decoder)) == 1
    assert held(decoder) < empty + 64
    decoder.feed(b"3")
    assert drain(decoder) == [(FrameType.PING, b"123")]


def test_what_is_taken_is_not_touched_by_what_comes():
    decoder = FrameDecoder()
    decoder.feed(frame(FrameType.PING, b"first"))
    taken = decoder.take()
    decoder.feed(frame(FrameType.PING, b"other"))
    assert taken == (FrameType.PING, b"first")
    assert isinstance(taken[1], bytes)
