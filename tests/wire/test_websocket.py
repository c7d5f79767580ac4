"""The WebSocket codec and decoder: the same messages, however frames and bytes are split."""

import gc
from contextlib import suppress
from itertools import pairwise
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from chatd.wire import messages as m
from chatd.wire import websocket as w
from chatd.wire.errors import CloseReason, Code, ProtocolError
from chatd.wire.objects import write
from chatd.wire.stored import pack
from chatd.wire.websocket_decoder import PART, WebSocketDecoder
from tests.helpers import masked

EVENTS = [m.Event(room="#a", seq=i, kind="message", by="ann", ts=i, text="x" * size) for i, size in
          enumerate([0, 40, 60, 61, 62, 63, 64, 65, 125, 126, 127, 9000, 60_000], 1)]  # fmt: skip


def told(data):
    """Return what another library makes of a server's ``data``: opcodes and payloads."""
    client = ClientProtocol(parse_uri("ws://chat.example/ws"), state=OPEN, max_size=None)
    client.receive_data(data)
    return [(int(frame.opcode), bytes(frame.data)) for frame in client.events_received()]


def taken(decoder, *pieces):
    """Return all that ``decoder`` gives out while ``pieces`` are fed, without parts."""
    out = []
    for piece in pieces:
        decoder.feed(piece)
        while (one := decoder.take()) is not None:
            out.append(one)
    return [one for one in out if one[0] != PART]


def refused(data, decoder=None):
    decoder = WebSocketDecoder() if decoder is None else decoder
    with pytest.raises(ProtocolError) as caught:
        taken(decoder, data)
    with pytest.raises(ProtocolError):
        decoder.take()
    return caught.value.code


# ---- what a server writes -------------------------------------------------------------------------------


def test_events_are_rendered_as_another_library_reads_them():
    data = w.render(pack(EVENTS))
    assert told(data) == [(w.TEXT, write(event)) for event in EVENTS]
    assert w.render(pack(EVENTS)) == w.encode_all(EVENTS) == b"".join(map(w.encode, EVENTS))


@pytest.mark.parametrize(
    "message", [m.Ping(data="5"), m.Pong(), m.Ok(id=1), m.Error(id=3, code="x", text="y")]
)
def test_any_other_message_is_one_text(message):
    assert told(w.encode(message)) == [(w.TEXT, write(message))]


@pytest.mark.parametrize(
    ("message", "number"),
    [
        (m.Goodbye(), 1000),
        (m.Goodbye(reason=CloseReason.DRAIN), 1012),
        (m.Goodbye(reason=CloseReason.FAULT), 1011),
        (m.Goodbye(reason=CloseReason.TAKEN_OVER), 1008),
        (m.Error(code=Code.BAD_FRAME, text="a"), 1002),
        (m.Error(code=Code.BAD_MESSAGE, text="a"), 1007),
        (m.Error(code=Code.FRAME_TOO_LARGE, text="a"), 1009),
        (m.Error(code=Code.TOO_FAST, text="a"), 1008),
    ],
)
def test_the_last_words_close(message, number):
    text, (kind, payload) = told(w.encode(message))
    assert text == (w.TEXT, write(message))
    why = message.reason if isinstance(message, m.Goodbye) else message.code
    assert (kind, payload) == (w.CLOSE, number.to_bytes(2, "big") + why.encode())


@pytest.mark.parametrize("size", [1, 113, 114, 65_523])
def test_a_chunk_is_one_binary_frame(size):
    data = bytes(i % 251 for i in range(size))
    expected = (7).to_bytes(4, "big") + (2**40).to_bytes(8, "big") + data
    assert (
        told(w.chunk(7, 2**40, data)) == told(w.chunk(7, 2**40, memoryview(data))) == [(w.BINARY, expected)]
    )


# ---- what a server reads --------------------------------------------------------------------------------


@st.composite
def conversations(draw):
    """Return messages, and the frames of a client that carry them in fragments with pings between."""
    messages, frames = [], b""
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from([w.TEXT, w.BINARY]))
        parts = draw(st.lists(st.binary(max_size=300) | st.just(b"x" * 126), min_size=1, max_size=4))
        messages.append((kind, b"".join(parts)))
        for i, part in enumerate(parts):
            mask = draw(st.binary(min_size=4, max_size=4))
            if draw(st.booleans()):
                data = draw(st.binary(max_size=125))
                messages.insert(len(messages) - 1, (w.PING, bytes([0x8A, len(data)]) + data))
                frames += masked(w.PING, data, mask=mask)
            frames += masked(kind if i == 0 else 0, part, final=i == len(parts) - 1, mask=mask)
    return messages, frames


@given(conversations(), st.lists(st.integers(0, 3000), max_size=6))
def test_any_split_of_bytes_and_fragments_gives_the_same_messages(conversation, cuts):
    messages, data = conversation
    at = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[begin:end] for begin, end in pairwise(at)]
    decoder = WebSocketDecoder()
    assert taken(decoder, *pieces) == messages
    assert len(decoder) == 0


@given(conversations())
def test_byte_by_byte_gives_the_same_messages(conversation):
    messages, data = conversation
    assert taken(WebSocketDecoder(), *(data[i : i + 1] for i in range(len(data)))) == messages


@given(st.binary(max_size=400), st.booleans())
def test_whatever_comes_is_a_piece_or_refused(data, from_client):
    decoder = WebSocketDecoder(masked=from_client)
    try:
        taken(decoder, data)
    except ProtocolError as error:
        assert error.code in {Code.BAD_FRAME, Code.FRAME_TOO_LARGE}
    assert len(decoder) <= len(data)


@given(conversations(), st.integers(1, 5))
def test_texts_are_taken_together_and_put_back(conversation, most):
    messages, data = conversation
    decoder, out = WebSocketDecoder(), []
    decoder.feed(data)
    size = len(decoder)
    while True:
        texts = decoder.take_messages(most)
        decoder.put_back(texts[1:])
        assert len(decoder) <= size
        one = (w.TEXT, texts[0]) if texts else decoder.take()
        if one is None:
            break
        out.append(one)
    assert [one for one in out if one[0] != PART] == messages


def test_what_stands_before_something_wrong_is_taken():
    decoder = WebSocketDecoder()
    decoder.feed(masked(w.TEXT, b"a") + masked(w.TEXT, b"b") + b"\x81\x01c")
    assert decoder.take_messages(9) == [b"a", b"b"]
    assert decoder.take_messages(9) == []
    with pytest.raises(ProtocolError):
        decoder.take()


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(0, 2000), st.booleans())
def test_texts_that_come_together_are_those_that_come_one_by_one(texts, cut, from_client):
    frames = [masked(w.TEXT, text) if from_client else w.server_frame(w.TEXT, text) for text in texts]
    data = b"".join(frames)[:cut]
    together, alone = WebSocketDecoder(masked=from_client), WebSocketDecoder(masked=from_client)
    together.feed(data)
    assert [(w.TEXT, text) for text in together.take_messages(9)] == taken(alone, data)
    assert len(together) == len(alone)
    assert together.take() is None


WRONG = {
    "no mask": b"\x81\x01a",
    "another opcode": masked(0x3, b"a"),
    "reserved bits": b"\xc1" + masked(w.TEXT, b"a")[1:],
    "a ping in fragments": masked(w.PING, b"", final=False),
    "a long ping": masked(w.PING, b"x" * 126),
    "a continuation of nothing": masked(0, b"a"),
    "a message within a message": masked(w.TEXT, b"a", final=False) + masked(w.TEXT, b"b"),
    "an end within a message": masked(w.TEXT, b"a", final=False) + masked(w.CLOSE, b"\x03\xe8"),
    "an end of one byte": masked(w.CLOSE, b"\x03"),
    "a number that may not be sent": masked(w.CLOSE, (1005).to_bytes(2, "big")),
    "a reason that is not UTF-8": masked(w.CLOSE, b"\x03\xe8\xff"),
    "something behind the end": masked(w.CLOSE, b"") + masked(w.TEXT, b"a"),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(data):
    assert refused(data) == Code.BAD_FRAME


def test_what_is_masked_is_refused_by_a_client():
    assert refused(masked(w.TEXT, b"a"), WebSocketDecoder(masked=False)) == Code.BAD_FRAME


@pytest.mark.parametrize("size", [65_536, 2**31, 2**63, 2**64 - 1])
def test_what_is_too_large_is_refused_from_its_head(size):
    assert refused(b"\x81\xff" + size.to_bytes(8, "big")) == Code.FRAME_TOO_LARGE


def test_fragments_that_are_too_large_together_are_refused_from_the_head_of_the_last():
    decoder = WebSocketDecoder()
    assert taken(decoder, masked(w.TEXT, b"x" * 40_000, final=False)) == []
    assert len(decoder) == 40_000
    assert refused(masked(0, b"x" * 30_000)[:4], decoder) == Code.FRAME_TOO_LARGE


def test_the_largest_message_is_taken_whole_and_in_fragments():
    whole = b"x" * w.LIMIT
    parts = masked(w.TEXT, whole[:-100], final=False) + masked(0, whole[-100:])
    assert taken(WebSocketDecoder(), masked(w.TEXT, whole), parts) == [(w.TEXT, whole)] * 2
    assert (
        refused(masked(w.TEXT, whole[:-100], final=False) + masked(0, whole[-101:])) == Code.FRAME_TOO_LARGE
    )


def test_an_end_is_answered_with_the_same():
    ((kind, answer),) = taken(WebSocketDecoder(), masked(w.CLOSE, b"\x03\xe9bye"))
    assert (kind, answer) == (w.CLOSE, b"\x88\x05\x03\xe9bye")


BEATS = {
    "ping": (masked(w.TEXT, write(m.Ping(data="1"))), True),
    "pong": (masked(w.TEXT, write(m.Pong())), True),
    "ping of the protocol": (masked(w.PING, b""), True),
    "pong of the protocol": (masked(w.PONG, b"1"), True),
    "another message": (masked(w.TEXT, write(m.Leave(id=1, room="#a"))), False),
    "a pinging text": (masked(w.TEXT, b'{"t":"pingpong"}'), False),
    "a chunk": (masked(w.BINARY, write(m.Ping())), False),
    "too little": (masked(w.TEXT, write(m.Ping()))[:12], False),
    "nothing": (b"", False),
}


@pytest.mark.parametrize(("data", "beats"), BEATS.values(), ids=BEATS)
def test_beats_are_known_before_they_are_taken(data, beats):
    decoder = WebSocketDecoder()
    decoder.feed(data)
    assert decoder.begins_with_beat() is beats


def test_nothing_is_parsed_before_its_turn():
    """Thousands of tiny frames in one piece cost nothing until each is taken (P6)."""
    decoder = WebSocketDecoder()
    decoder.feed(masked(w.PING, b"") * 10_000)
    assert decoder.take() == (w.PING, b"\x8a\x00")
    assert len(decoder) == 6 * 9_999


@pytest.mark.parametrize("data", [b"", b"\x81", b"\x81\x01a", masked(w.CLOSE, b"")], ids=repr)
def test_it_is_freed_without_the_collector(data):
    decoder = WebSocketDecoder()
    decoder.feed(data)
    with suppress(ProtocolError):
        decoder.take()
    library = ref(decoder._protocol.reader)
    gc.disable()
    try:
        decoder.let_go()
        assert library() is None
    finally:
        gc.enable()


def test_the_frame_of_another_library_is_read():
    frame = Frame(Opcode.TEXT, b"tea" * 100).serialize(mask=True)
    assert taken(WebSocketDecoder(), frame) == [(w.TEXT, b"tea" * 100)]
