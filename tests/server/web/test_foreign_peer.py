"""WebSocket as another library speaks it, the one of ``websockets``, in what RFC 6455 leaves to a client."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.protocol import Protocol, connectionDone
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import EXTERNAL_CLOSE_CODES, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from chatd.testing import Playground
from chatd.wire import websocket as w
from tests.helpers import masked


class Peer(Protocol):
    """A client of that library; ``said`` are the messages that came, ``pongs`` the answers to pings."""

    def __init__(self, extensions=None):
        self.ws = ClientProtocol(parse_uri("ws://chat.example/ws"), extensions=extensions)
        self.response = None
        self.said, self.pongs = [], []
        self.lost = None

    def connectionMade(self):
        self.ws.send_request(self.ws.connect())
        self.flush()

    def dataReceived(self, data):
        self.ws.receive_data(data)
        for event in self.ws.events_received():
            if isinstance(event, Response):
                self.response = event
            elif event.opcode is Opcode.TEXT:
                assert event.fin
                self.said.append(json.loads(event.data))
            elif event.opcode is Opcode.PONG:
                self.pongs.append(event.data)
        self.flush()

    def connectionLost(self, reason=connectionDone):
        self.lost = reason

    def flush(self):
        for data in self.ws.data_to_send():
            if data:
                self.transport.write(data)

    def say(self, text):
        self.ws.send_text(text.encode())
        self.flush()

    def say_in_pieces(self, text, cuts, between=lambda: None):
        """Say ``text`` in fragments that end at ``cuts``, and do something ``between`` any two of them."""
        data, begin = text.encode(), 0
        ends = [*sorted(cuts), len(data)]
        for number, end in enumerate(ends):
            send = self.ws.send_continuation if number else self.ws.send_text
            send(data[begin:end], fin=number == len(ends) - 1)
            self.flush()
            between()
            begin = end

    def answers(self):
        return [message["id"] for message in self.said if "id" in message]


def meet(playground, **how):
    """Return a peer that has come in."""
    peer = Peer(**how)
    playground.connect(peer, "web")
    playground.advance()
    assert peer.ws.state is State.OPEN
    peer.say('{"t":"hello","nick":"ann"}')
    playground.advance()
    assert peer.said[0]["t"] == "welcome"
    return peer


def request(number, size=0):
    """Return a request, of ``size`` bytes if it is to have so many."""
    said = json.dumps({"t": "list", "id": number, "more": ""}, separators=(",", ":"))
    return said[:-2] + "x" * (size - len(said)) + said[-2:]


SIZES = [100, 125, 126, 127, 128, 255, 256, 32_767, 32_768, w.LIMIT - 1, w.LIMIT]


def test_messages_of_all_sizes_are_answered(playground):
    peer = meet(playground)
    for number, size in enumerate(SIZES, 1):
        peer.say(request(number, size))
        playground.advance()
    assert peer.answers() == list(range(1, len(SIZES) + 1))
    peer.say(request(99, w.LIMIT + 1))
    playground.advance(6)
    assert (peer.ws.close_rcvd.code, peer.ws.close_rcvd.reason) == (1009, "frame-too-large")
    assert peer.lost


@settings(max_examples=20)
@given(st.lists(st.integers(0, 300), max_size=12), st.binary(max_size=125))
def test_fragments_however_they_are_cut_with_pings_between(cuts, payload):
    playground = Playground()
    playground.start_server()
    peer = meet(playground)

    def ping():
        peer.ws.send_ping(payload)
        peer.flush()
        playground.advance()

    peer.say_in_pieces(request(1, 300), cuts, ping)
    peer.say(request(2))
    playground.advance()
    assert peer.answers() == [1, 2]
    assert peer.pongs == [payload] * (len(cuts) + 1)


def test_characters_are_cut_anywhere(playground):
    peer = meet(playground)
    peer.say('{"t":"join","id":1,"room":"#a"}')
    text = "\u00e9 \u4e2d \U0010ffff \ufdd0 \ufffd 🫖"
    said = json.dumps({"t": "send", "id": 2, "n": 1, "room": "#a", "text": text}, ensure_ascii=False)
    peer.say_in_pieces(said, range(1, len(said.encode())))
    playground.advance()
    assert [message["text"] for message in peer.said if message.get("kind") == "message"] == [text]


@pytest.mark.parametrize("code", sorted({*EXTERNAL_CLOSE_CODES, 3000, 3999, 4000, 4999}), ids=int)
def test_each_close_is_answered_with_its_own_number(playground, code):
    peer = meet(playground)
    peer.ws.send_close(code, "é" * 61)
    peer.flush()
    playground.advance(1)
    assert peer.ws.close_rcvd.code == code
    assert peer.lost
    assert not playground.server.connections


def test_a_close_without_a_number_is_answered_with_none(playground):
    peer = meet(playground)
    peer.ws.send_close()
    peer.flush()
    playground.advance(1)
    assert peer.ws.close_rcvd.code == 1005
    assert peer.lost


NO_NUMBERS = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]


@pytest.mark.parametrize("code", NO_NUMBERS)
def test_what_is_no_number_of_a_close_is_wrong(playground, code):
    peer = meet(playground)
    peer.transport.write(masked(w.CLOSE, code.to_bytes(2, "big")))
    playground.advance(6)
    assert peer.ws.close_rcvd.code == 1002
    assert peer.lost


WRONG = {
    "a reason that is no UTF-8": (masked(w.CLOSE, b"\x03\xe8\xff"), 1002),
    "a ping of 126 bytes": (masked(w.PING, b"x" * 126), 1002),
    "a close of 126 bytes": (masked(w.CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    "a pong in fragments": (masked(w.PONG, b"", final=False), 1002),
    "half of a pair": (masked(w.TEXT, b'{"t":"list","id":1,"x":"\xed\xa0\x80"}'), 1007),
    "beyond the last character": (masked(w.TEXT, b'{"t":"list","id":1,"x":"\xf4\x90\x80\x80"}'), 1007),
    "spelled too long": (masked(w.TEXT, b'{"t":"list","id":1,"x":"\xc0\xaf"}'), 1007),
    **{f"opcode {code}": (masked(code, b""), 1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{f"reserved {bit:x}": (bytes([0x81 | bit]) + masked(w.TEXT, b"{}")[1:], 1002) for bit in (64, 32, 16)},
}


@pytest.mark.parametrize(("data", "code"), WRONG.values(), ids=WRONG)
def test_what_the_standard_forbids_ends_the_connection_alone(playground, data, code):
    peer, other = meet(playground), Peer()
    peer.transport.write(data)
    playground.advance(6)
    assert peer.ws.close_rcvd.code == code
    assert peer.lost
    playground.connect(other, "web")
    playground.advance()
    assert other.ws.state is State.OPEN


def test_what_comes_behind_a_close_is_not_heard(playground):
    peer = meet(playground)
    rest = masked(w.TEXT, request(1).encode()) + masked(w.PING, b"there?")
    peer.transport.write(masked(w.CLOSE, b"\x03\xe8") + rest)
    playground.advance(1)
    assert peer.answers() == []
    assert peer.pongs == []
    assert peer.ws.close_rcvd.code == 1000


def test_a_pong_that_nobody_asked_for_means_nothing(playground):
    peer = meet(playground)
    peer.ws.send_pong(b"unasked")
    peer.say(request(1))
    playground.advance()
    assert peer.answers() == [1]


def test_compression_that_is_offered_is_declined_and_all_goes_on(playground):
    peer = meet(playground, extensions=[ClientPerMessageDeflateFactory(client_max_window_bits=True)])
    assert "Sec-WebSocket-Extensions" not in peer.response.headers
    assert peer.ws.extensions == []
    peer.say(request(1, 5000))
    playground.advance()
    assert peer.answers() == [1]
    peer.transport.write(b"\xc1" + masked(w.TEXT, b"\xaaV*.\x01\x00")[1:])
    playground.advance(6)
    assert peer.ws.close_rcvd.code == 1002
