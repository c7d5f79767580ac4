"""JSON lines: however bytes are split, the same lines come out; what is none is refused early."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.wire import lines, native
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.limits import MAX_FRAME, MAX_PING
from chatd.wire.lines import LineDecoder
from chatd.wire.messages import Event
from chatd.wire.objects import Alphabet, UnknownRequestError
from chatd.wire.stored import pack
from tests.wire.test_native import EVENTS, FROM_SERVER, TO_SERVER

BEATS = st.builds(m.Ping, data=st.text(max_size=MAX_PING)) | st.builds(
    m.Pong, data=st.text(max_size=MAX_PING)
)
LINE = st.binary(max_size=40).map(lambda data: b"{" + data.replace(b"\n", b"") + b"\n") | st.sampled_from(
    [b"\n", b"\r\n", b" \t\n"]
)
FROM = Alphabet(m.FromServer | m.Ping | m.Pong)


def drain(decoder):
    return list(iter(decoder.take, None))


def refusal(data, limit=MAX_FRAME):
    decoder = LineDecoder(limit)
    decoder.feed(data)
    with pytest.raises(ProtocolError) as caught:
        drain(decoder)
    return caught.value


# ---- the codec ------------------------------------------------------------------------------------------


@given(st.one_of(*TO_SERVER.values()) | BEATS)
def test_what_is_written_by_a_client_is_read_again(message):
    line = lines.encode(message)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert lines.decode_to_server(line[:-1]) == message
    assert lines.decode_to_server(line[:-1] + b"\r") == message


@given(st.one_of(*FROM_SERVER.values()) | BEATS)
def test_what_is_written_by_the_server_is_one_line_with_its_kind_first(message):
    line = lines.encode(message)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert line.startswith(b'{"t":"%s"' % message.__struct_config__.tag.encode())
    assert FROM.read_known(line) == message


@pytest.mark.parametrize("codec", [lines, native])
@given(messages=st.lists(st.one_of(*FROM_SERVER.values()) | BEATS, max_size=5))
def test_messages_together_are_what_they_are_one_by_one(codec, messages):
    assert codec.encode_all(messages) == b"".join(map(codec.encode, messages))


@given(st.lists(EVENTS, min_size=1, max_size=5))
def test_stored_events_are_rendered_as_they_would_be_written(events):
    assert lines.render(pack(events)) == b"".join(map(lines.encode, events))


def test_texts_with_line_breaks_are_one_line():
    event = Event(room="#a", seq=1, ts=1, kind="message", by="ann", text="a\nb\r\n\u2028c\u0085d")
    line = lines.render(pack([event]))
    assert line.count(b"\n") == 1
    assert json.loads(line)["text"] == event.text


@pytest.mark.parametrize("data", ["x" * (MAX_PING + 1), 7, None])
def test_a_ping_carries_a_short_text(data):
    with pytest.raises(ProtocolError) as caught:
        lines.decode_to_server(json.dumps({"t": "ping", "data": data}).encode())
    assert caught.value.code == Code.BAD_MESSAGE


def test_a_kind_that_is_unknown_is_no_fault_of_the_line():
    with pytest.raises(UnknownRequestError):
        lines.decode_to_server(b'{"t":"whistle","id":1}')


# ---- the decoder ----------------------------------------------------------------------------------------


@given(st.lists(LINE, max_size=12), st.data())
def test_however_the_bytes_are_split_the_same_lines_come_out(sent, data):
    stream, decoder, taken = b"".join(sent), LineDecoder(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        decoder.feed(stream[:size])
        stream = stream[size:]
        for _ in range(data.draw(st.integers(0, 5))):
            line = decoder.take()
            if line is not None:
                taken.append(line)
    taken += drain(decoder)
    assert taken == [line[:-1] for line in sent]
    assert len(decoder) == 0


@given(st.binary(max_size=60), st.integers(1, 12))
def test_whatever_comes_only_its_own_errors_are_raised(data, size):
    decoder = LineDecoder(32)
    try:
        for begin in range(0, len(data), size):
            decoder.feed(data[begin : begin + size])
            assert all(len(line) < 32 for line in drain(decoder))
            assert len(decoder) < 32
    except ProtocolError as error:
        assert error.code in {Code.BAD_MESSAGE, Code.FRAME_TOO_LARGE}


def test_a_line_of_the_limit_passes_and_a_byte_more_is_refused_before_its_end_comes():
    longest = b'{"t":"' + b"x" * (MAX_FRAME - 9) + b'"}\n'
    assert len(longest) == MAX_FRAME
    decoder = LineDecoder()
    decoder.feed(longest)
    assert decoder.take() == longest[:-1]
    assert refusal(longest[:-1] + b" ").code == Code.FRAME_TOO_LARGE
    assert refusal(longest[:-1] + b" \n").code == Code.FRAME_TOO_LARGE
    assert refusal(b" " * MAX_FRAME).code == Code.FRAME_TOO_LARGE


def dribble_seconds(size):
    """Return the least CPU time of some runs that a line of ``size`` bytes takes, byte by byte."""
    stream = [b"{"] + [b"x"] * (size - 2) + [b"\n"]
    runs = []
    for _ in range(5):
        decoder = LineDecoder()
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
    """Return the least CPU time in which ``count`` lines are taken, one byte more coming after each."""
    stream = b"{12345678}\n" * count
    runs = []
    for _ in range(5):
        decoder = LineDecoder()
        decoder.feed(stream)
        begin = time.process_time()
        for _ in range(count):
            assert decoder.take() is not None
            decoder.feed(b" ")
        runs.append(time.process_time() - begin)
    return min(runs)


def test_a_backlog_taken_slowly_costs_linear_time():
    assert backlog_seconds(16_000) < 24 * backlog_seconds(2_000)


def test_memory_is_given_back_as_soon_as_nothing_is_left_to_take():
    decoder = LineDecoder()
    decoder.feed(b"{" + b"x" * 60_000 + b"\n")
    assert decoder.take() is not None
    assert decoder._buffer.__alloc__() < 1000
    assert decoder.take() is None


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"POST ", "HTTP"),
        (bytes.fromhex("1603010200"), "TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"PROXY TCP4 192.0.2.1", "PROXY"),
        (b'\x00\x00\x00\x27\x01{"t":"hello"', "native"),
        (b"hello\n", "JSON object"),
        (b"\n\nhi\n", "JSON object"),
        (b"[1]\n", "JSON object"),
        (b"\xef\xbb\xbf{}\n", "JSON object"),
    ],
)
def test_what_is_no_object_is_refused_from_its_beginning(data, word):
    error = refusal(data)
    assert error.code == Code.BAD_MESSAGE
    assert word in error.text


@pytest.mark.parametrize("text", [b'{"t":"ping"}', b'{"t":"pong","data":"token?"}', b'{"t":"ping"'])
def test_pings_and_pongs_are_known_before_they_are_read(text):
    decoder = LineDecoder()
    assert not decoder.begins_with_beat()
    decoder.feed(b"{}\n" + text)
    assert not decoder.begins_with_beat()
    decoder.take()
    assert decoder.begins_with_beat()
