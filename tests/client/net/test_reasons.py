"""Why a connection failed or ended, in words that a person understands."""

import pytest
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from chatd.client.core.address import parse_address
from chatd.client.core.proxy import parse_proxy
from chatd.client.net.reasons import ending, stranger
from chatd.client.net.way import way_to
from chatd.wire.frames import FrameType, frame

_TOLD = error.ConnectError(string=Failure(error.ConnectionDone()))
"""What Twisted makes of an ICMP answer to the first packet, whose error number it does not ask for."""


@pytest.mark.parametrize(
    ("problem", "text", "answered"),
    [
        (error.ConnectionRefusedError(osError=111), "refused: nothing listens there", False),
        (error.NoRouteError(osError=101), "the network is unreachable", False),
        (error.ConnectError(osError=113), "the host is unreachable", False),
        (_TOLD, "a router on the way says that it is unreachable", False),
        (error.TimeoutError(), "timed out", False),
        (error.UserError(), "timed out", False),
        (CancelledError(), "timed out", False),
        (error.DNSLookupError(), "name not found", False),
        (error.ConnectionDone(), "closed by the server or on the way", True),
        (error.ConnectionLost(), "closed by the server or on the way", True),
    ],
)
def test_a_failure_has_words(problem, text, answered):
    found = ending(Failure(problem))
    assert (found.text, found.answered, found.code) == (text, answered, "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x46", "it speaks TLS; use tls://h:1"),
        (b"\x16\x03\x03", "it speaks TLS; use tls://h:1"),
        (b'{"t":"error"', "JSON lines are spoken there"),
    ],
)
def test_what_answers_is_told_from_its_first_bytes_and_asked_rarely(data, words):
    found = stranger(data, "h:1")
    assert found.text.startswith(words)
    assert found.slow
    assert not found.final
    assert stranger(frame(FrameType.MESSAGE, b'{"t":"welcome"}'), "h:1") is None


def test_the_port_for_tls_needs_no_name():
    assert stranger(b"\x15\x03", "chat.example:7412").text == "it speaks TLS; use tls://chat.example"
    assert stranger(b"\x15\x03", "[::1]:7411").text == "it speaks TLS; use tls://[::1]:7411"


def test_nobody_is_sent_to_tls_over_a_unix_socket():
    found = stranger(b"\x15\x03", "unix:s.sock")
    assert found.text == "it speaks TLS, which chatc does not do over a UNIX socket; look at the address"
    assert found.slow


CLOSINGS = [error.ConnectionDone(), error.ConnectionLost(), error.ConnectionAborted()]
WAYS = {
    "tcp://h": "closed without an answer; it may be starting, or want TLS (tls://h:7411) or a relay's PROXY"
    " header",
    "h:7412": "closed without an answer; it may be starting, or want TLS (tls://h) or a relay's PROXY header",
    "[::1]:18011": "closed without an answer; it may be starting, or want TLS (tls://[::1]:18011) or a"
    " relay's PROXY header",
    "unix:s.sock": "closed without an answer; it may be starting, or want a relay's PROXY header",
    "tls://h": "closed without an answer; it may be starting, or want a relay's PROXY header",
    "http://p:1": "the proxy p:1 opened a way, and the server behind it said nothing; it is probably not"
    " running, or cannot be reached from there",
}


@pytest.mark.parametrize("problem", CLOSINGS, ids=[type(problem).__name__ for problem in CLOSINGS])
@pytest.mark.parametrize("way", WAYS)
def test_one_situation_has_one_wording(way, problem):
    proxy = parse_proxy(way) if way.startswith("http:") else None
    found = way_to(MemoryReactorClock(), parse_address("h" if proxy else way), None, proxy).unheard(
        Failure(problem)
    )
    assert (found.text, found.answered, found.final) == (WAYS[way], True, False)


@pytest.mark.parametrize("address", ["h", "unix:s"])
def test_guesses_are_told_once_until_something_else_happens(address):
    way = way_to(MemoryReactorClock(), parse_address(address), None)
    closed = Failure(error.ConnectionDone())
    first = way.unheard(closed).text
    assert first.startswith("closed without an answer; it may be starting, or ")
    assert [way.unheard(closed).text for _ in range(3)] == ["closed without an answer"] * 3
    way.ending(Failure(error.ConnectionRefusedError(osError=111)))
    assert way.unheard(closed).text == first


def test_what_is_known_better_is_told_where_nothing_was_heard():
    way = way_to(MemoryReactorClock(), parse_address("h"), None)
    assert way.unheard(Failure(error.TimeoutError())).text == "timed out"
