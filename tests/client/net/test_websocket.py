"""WebSocket below a link: the handshake, the translation, and what it means where they fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from chatd.client.core.address import parse_address
from chatd.client.net.reasons import ending
from chatd.client.net.way import WebWay
from chatd.client.net.websocket.handshake import MOST, SENTENCE
from chatd.client.net.websocket.translation import Translation
from chatd.testing.clock import QuickClock
from chatd.testing.network import MemoryEndpoint, Network
from chatd.wire import messages as m
from chatd.wire import native
from chatd.wire import websocket as w
from chatd.wire.frames import FrameDecoder, FrameType, chunk, frame
from chatd.wire.objects import write
from chatd.wire.websocket_decoder import WebSocketDecoder
from tests.helpers import masked

SERVER = parse_address("ws://chat.example/ws")


class Host(Protocol):
    """Answers whatever comes with ``said``, if it is to; then ends if it is to."""

    def __init__(self, said, *, ends=False):
        self.said = said
        self.ends = ends
        self.got = b""
        self.lost = None

    def dataReceived(self, data):
        self.got += data
        if self.said is not None:
            said = self.said(self.got) if callable(self.said) else self.said
            self.said = None
            self.transport.write(said)
            if self.ends:
                self.transport.loseConnection()

    def connectionLost(self, reason=connectionDone):
        self.lost = reason


class Link(Protocol):
    def __init__(self):
        self.got = []
        self.lost = None

    def dataReceived(self, data):
        self.got.append(data)

    def connectionLost(self, reason=connectionDone):
        self.lost = reason


def accepted(request):
    """Return the answer of another library's server to a handshake."""
    server = ServerProtocol()
    server.receive_data(request)
    server.send_response(server.accept(server.events_received()[0]))
    assert server.state is OPEN
    return b"".join(server.data_to_send())


class Attempt:
    """One attempt to reach a host that says ``said``."""

    def __init__(self, said, **how):
        self.clock = QuickClock()
        network = Network(self.clock)
        self.host = Host(said, **how)
        network.listen(Factory.forProtocol(lambda: self.host))
        self.link = Link()
        self.way = WebWay(self.clock, SERVER, _Plain(network))
        self.opened, self.failed = [], []
        self.way.endpoint().connect(Factory.forProtocol(lambda: self.link)).addCallbacks(
            self.opened.append, self.failed.append
        )
        self.wait(0.1)

    def wait(self, seconds):
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)

    @property
    def ending(self):
        return self.way.ending(self.failed[0])


class _Plain:
    def __init__(self, network):
        self._network = network

    def endpoint(self, segment=0):
        del segment
        return MemoryEndpoint(self._network)


def test_hands_are_shaken_and_the_link_speaks():
    attempt = Attempt(accepted)
    assert attempt.opened == [attempt.link]
    head = attempt.host.got
    assert head.startswith(b"GET /ws HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\n")
    assert b"origin" not in head.lower()
    assert b"extensions" not in head.lower()
    attempt.link.transport.write(native.encode(m.Hello(nick="ann")))
    attempt.wait(0.1)
    decoder = WebSocketDecoder()
    decoder.feed(attempt.host.got[len(head) :])
    assert decoder.take() == (w.TEXT, write(m.Hello(nick="ann")))
    attempt.host.transport.write(w.encode(m.Ok(id=1)))
    attempt.wait(0.1)
    assert attempt.link.got == [native.encode(m.Ok(id=1))]


def test_what_comes_right_behind_the_answer_is_heard():
    attempt = Attempt(lambda request: accepted(request) + w.encode(m.Ok(id=1)))
    assert attempt.link.got == [native.encode(m.Ok(id=1))]


def answer(status, body=b"", *more):
    head = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(body), *more]
    return b"\r\n".join([*head, b"", body])


SOON, SLOW = (True, "", False), (True, "not-websocket", True)
REFUSED = {
    "a page": (answer("200 OK", b"<html>"), "it answers HTTP 200 (OK) in place of WebSocket", SLOW),
    "no page": (answer("404 Not Found"), "it answers HTTP 404 (Not Found)", SLOW),
    "a gateway without a server": (
        answer("502 Bad Gateway", b"no"),
        "it answers HTTP 502 (Bad Gateway)",
        SOON,
    ),
    "a status of nobody's": (answer("599 Why"), "it answers HTTP 599 (no known status)", SLOW),
    "a server that is full": (
        answer("503 x", b'{"error":"too-many-connections","text":"The server is full; try again later."}'),
        "refused: The server is full; try again later",
        SOON,
    ),
    "control characters": (
        answer("403 x", b'{"text":"a\\u001b[31mb\\n%s"}' % (b"c" * 999)),
        f"refused: a[31mb{'c' * (SENTENCE - 6)}; look at the address",
        SLOW,
    ),
    "another kind of JSON": (
        answer("403 Forbidden", b'{"text":[1]}'),
        "it answers HTTP 403 (Forbidden)",
        SLOW,
    ),
    "the wrong key": (
        answer("101 Switching Protocols", b"", b"Upgrade: websocket", b"Connection: Upgrade"),
        "something else than WebSocket answers there; look at the address",
        SLOW,
    ),
    "no HTTP": (b"SSH-2.0-x\r\n\r\n", "something else than WebSocket answers there", SLOW),
    "too much": (b"HTTP/1.1 101 OK\r\nx: " + b"y" * MOST, "something else than WebSocket", SLOW),
}


@pytest.mark.parametrize(("said", "text", "how"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_handshake_is_told_in_words(said, text, how):
    attempt = Attempt(said)
    assert attempt.ending.text.startswith(text)
    assert (attempt.ending.answered, attempt.ending.code, attempt.ending.slow) == how
    attempt.wait(1)
    assert attempt.host.lost
    assert attempt.link.lost is None
    assert not attempt.opened


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 101 Sw", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_an_end_in_the_middle_is_told(said):
    attempt = Attempt(said, ends=True)
    attempt.wait(1)
    assert attempt.ending.answered
    assert not attempt.ending.final


def test_silence_ends_the_attempt():
    attempt = Attempt(None)
    attempt.wait(9)
    assert not attempt.failed
    attempt.wait(2)
    assert attempt.ending.text == "no answer to the handshake of WebSocket: timed out"
    assert not attempt.ending.answered
    attempt.wait(1)
    assert attempt.host.lost


class Unreachable:
    """Hangs, and says what Twisted's endpoints do when they are cancelled."""

    def endpoint(self, segment=0):
        del segment
        return self

    def connect(self, factory):
        del factory
        return Deferred(lambda one: one.errback(error.ConnectingCancelledError("10.0.0.1")))

    def ending(self, failure):
        return ending(failure)


def test_a_server_that_is_not_reached_in_time_is_told_as_everywhere():
    clock, failed = QuickClock(), []
    way = WebWay(clock, SERVER, Unreachable())
    way.endpoint().connect(Factory.forProtocol(Link)).addErrback(failed.append)
    clock.advance(10)
    assert way.ending(failed[0]).text == "timed out"


def test_whoever_breaks_it_loses_the_link_and_is_named():
    attempt = Attempt(accepted)
    attempt.host.transport.write(masked(w.TEXT, b"{}"))
    attempt.wait(0.1)
    assert attempt.way.ending(attempt.link.lost).text.startswith("the server breaks WebSocket: ")


def test_an_end_before_the_first_word_is_told():
    attempt = Attempt(accepted, ends=True)
    attempt.wait(0.1)
    ending = attempt.way.unheard(attempt.link.lost)
    assert ending.text == "closed behind the handshake of WebSocket, without a word of the chat"


def test_a_link_that_closes_says_so():
    attempt = Attempt(accepted)
    before = len(attempt.host.got)
    attempt.link.transport.loseConnection()
    attempt.wait(0.1)
    decoder = WebSocketDecoder()
    decoder.feed(attempt.host.got[before:])
    assert decoder.take() == (w.CLOSE, b"\x88\x02\x03\xe8")
    assert attempt.host.lost


def test_a_close_of_the_server_is_answered():
    attempt = Attempt(accepted)
    before = len(attempt.host.got)
    attempt.host.transport.write(w.encode(m.Goodbye()) + b"more")
    attempt.wait(0.1)
    assert attempt.link.got == [native.encode(m.Goodbye())]
    assert len(attempt.host.got) > before


def test_any_bytes_are_a_sign_of_life():
    attempt = Attempt(accepted)
    data = w.encode(m.Ok(id=1))
    for i in range(len(data)):
        attempt.host.transport.write(data[i : i + 1])
        attempt.wait(0.1)
    assert len(attempt.link.got) == len(data)
    assert b"".join(attempt.link.got) == native.encode(m.Ok(id=1))


# ---- the translation ------------------------------------------------------------------------------------

PIECES = st.one_of(
    st.builds(m.Ok, id=st.integers(0, 99)).map(native.encode),
    st.text("abc1", max_size=9).map(lambda data: frame(FrameType.PING, data.encode())),
    st.text("abc1", max_size=9).map(lambda data: frame(FrameType.PONG, data.encode())),
    st.binary(min_size=1, max_size=300).map(lambda data: chunk(7, 2**33, data)),
)


@given(st.lists(PIECES, max_size=6).map(b"".join), st.integers(0, 700))
def test_what_is_said_is_heard_however_it_is_split(data, cut):
    """Said by a client, read and written by the codec of a server, it is the same again."""
    there, decoder = Translation(), WebSocketDecoder()
    decoder.feed(there.say(data[:cut]) + there.say(data[cut:]))
    back = bytearray()
    while (taken := decoder.take()) is not None:
        back += w.server_frame(*taken)
    heard = there.hear(bytes(back[:cut]))[0] + there.hear(bytes(back[cut:]))[0]
    assert heard == data
    native_ = FrameDecoder()
    native_.feed(heard)
    while native_.take() is not None:
        pass
    assert not len(native_)


def test_pings_of_the_protocol_are_answered_by_the_layer():
    heard, said = Translation().hear(w.server_frame(w.PING, b"1"))
    assert heard == b""
    decoder = WebSocketDecoder()
    decoder.feed(said)
    assert decoder.take() == (w.PONG, b"")
