"""The listener for HTTP: its pages, and the bounds of what one browser may cost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from chatd.ops.relays import Trusted
from chatd.ops.settings import Config, DrainConfig, LimitsConfig
from chatd.server.drain import drain
from chatd.server.ending import CLOSE_DEADLINE
from chatd.server.factory import WEB, ChatFactory
from chatd.server.http.limits import MAX_BODY, MAX_HEAD
from chatd.server.relay import RelayFactory
from chatd.server.web.limits import KEEP_ALIVE
from chatd.testing import Playground
from chatd.testing.network import MemoryTransport
from chatd.wire.errors import Code
from tests.helpers import come_in, turns
from tests.server.web.conftest import Browser, browse, request


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    return playground


def error(browser):
    return json.loads(browser.body)["error"]


def test_the_health_of_the_daemon_is_told_as_on_the_page_of_figures(playground):
    assert browse(playground, request("/healthz")).body == b"ok\n"
    assert browse(playground, request("/readyz")).status == 200
    browser = browse(playground)
    playground.committer.broken = True
    browser.transport.write(request("/readyz") + request("/healthz"))
    playground.advance()
    assert browser.statuses == [503, 200]


def test_the_root_says_what_this_is_and_names_no_version(playground):
    browser = browse(playground, request("/"))
    assert browser.status == 200
    assert b"chatd" in browser.body
    assert b"server: chatd\r\n" in browser.head
    assert b"twisted" not in browser.head
    assert b"content-security-policy: default-src 'none'" in browser.head


@pytest.mark.parametrize("path", ["/nothing", "/metrics", "/ws/x", "/../etc/passwd", "/%2e%2e/etc/passwd"])
def test_there_is_no_other_page(playground, path):
    browser = browse(playground, request(path))
    assert browser.status == 404
    assert error(browser) == Code.NO_SUCH_PAGE


def test_pages_can_only_be_read(playground):
    assert browse(playground, request("/healthz", "POST", b"x")).status == 405


def test_a_connection_serves_one_request_after_the_other(playground):
    browser = browse(playground, *[request("/healthz")] * 40, wait=0.1)
    assert browser.statuses == [200] * 40
    assert browser.lost is None


def test_many_requests_in_one_piece_are_answered_one_in_each_turn(playground):
    """As much as the kernel hands over at once would hold up everybody else (P6)."""
    browser = Browser(request("/healthz") * 1000)
    playground.connect(browser, "web")
    answered, most = 0, 0
    for _ in turns(playground.clock, 0):
        (channel,) = playground.server.visitors
        now = channel.transport.dataBuffer.count(b"HTTP/1.1 ") + len(browser.statuses)
        answered, most = now, max(most, now - answered)
    assert answered == 1000
    assert most == 1


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * MAX_HEAD, 431),
        (b"GET / HTTP/1.1\r\n" + b"x: yyyyyyyy\r\n" * 5000, 400),
        (b"GET / HTTP/1.1\r\n" + b"x:y\r\n" * 200 + b"\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"fff\r\n" + b"x" * 0xFFF + b"\r\n",
            None,
        ),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"fff\r\n" + b"x" * 0xFFF + b"\r\n") * 17,
            413,
        ),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
        (b"\x00\x00\x00\x05hello\r\n", 400),
    ],
)
def test_what_is_too_large_or_no_request_is_refused_and_ends_the_connection(playground, asked, status):
    browser = browse(playground, asked)
    assert browser.statuses == ([] if status is None else [status])
    if status is not None:
        assert browser.lost is not None
        assert not playground.server.visitors
        assert json.loads(browser.body)["text"]


def test_nothing_is_taken_behind_a_refusal(playground):
    head = b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"
    browser = browse(playground, head, b"x" * 200_000, request("/healthz"))
    assert browser.statuses == [413]
    assert playground.server.counters.bytes_in < 200_000


def test_whoever_sends_a_byte_now_and_then_is_ended_in_time(playground):
    browser = browse(playground)
    for byte in request("/healthz") * 2:
        browser.transport.write(bytes([byte]))
        playground.advance(0.5)
        if browser.lost is not None:
            break
    assert browser.status == 408
    limit = playground.server.limits.hello_timeout
    assert limit <= playground.clock.seconds() <= limit + 3


def test_a_body_that_dribbles_is_ended_in_time(playground):
    browser = browse(playground, b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(60):
        browser.transport.write(b"x")
        playground.advance(0.5)
    assert browser.status == 408
    assert browser.lost is not None


def test_whoever_says_nothing_is_ended_in_time(playground):
    browser = browse(playground, wait=20)
    assert browser.lost is not None
    assert not playground.server.visitors


def test_a_connection_without_a_request_is_kept_for_a_while(playground):
    browser = browse(playground, request("/healthz"))
    playground.advance(KEEP_ALIVE - 5, 1)
    browser.transport.write(request("/healthz"))
    playground.advance(0.1)
    assert browser.statuses == [200, 200]
    playground.advance(KEEP_ALIVE + 5, 1)
    assert browser.lost is not None
    assert browser.statuses == [200, 200]


def test_whoever_does_not_read_is_aborted(playground):
    browser = browse(playground)
    browser.transport.pauseProducing()
    (channel,) = playground.server.visitors
    for _ in range(40):
        browser.transport.write(request("/nothing") * 200)
        playground.advance(0.5)
        assert len(channel.transport.dataBuffer) < 70_000
    assert browser.transport.dataBuffer
    playground.advance(60, 1)
    assert not playground.server.visitors


def test_whoever_reads_late_gets_every_answer(playground):
    browser = browse(playground)
    browser.transport.pauseProducing()
    browser.transport.write(request("/nothing") * 1000)
    playground.advance(5)
    browser.transport.resumeProducing()
    playground.advance(5)
    assert browser.statuses == [404] * 1000


def test_whoever_does_not_take_the_refusal_is_aborted(playground):
    browser = browse(playground)
    browser.transport.pauseProducing()
    browser.transport.write(b"nonsense\r\n")
    playground.advance(CLOSE_DEADLINE + 3)
    assert not playground.server.visitors


def test_connections_of_one_address_are_counted_with_those_of_the_chat():
    playground = Playground(Config(limits=LimitsConfig(max_connections_per_address=2)))
    playground.start_server()
    browsers = []
    for _ in range(3):
        browser = Browser()
        playground.connect(browser, "web").loseConnection()
        browser = Browser(request("/healthz"))
        playground.network.connect(browser, 7480, "192.0.2.7")
        browsers.append(browser)
        playground.advance(0.1)
    assert [browser.status for browser in browsers] == [200, 200, 503]
    assert error(browsers[-1]) == Code.TOO_MANY_CONNECTIONS
    browsers[0].transport.loseConnection()
    playground.advance(0.1)
    again = Browser(request("/healthz"))
    playground.network.connect(again, 7480, "192.0.2.7")
    playground.advance(0.1)
    assert again.status == 200


def test_too_many_requests_of_one_address_are_refused_with_a_time():
    playground = Playground(Config(limits=LimitsConfig(web_requests_per_minute=3)))
    playground.start_server()
    browse(playground)  # so that somebody listens
    browser = Browser(request("/healthz") * 5)
    playground.network.connect(browser, 7480, "192.0.2.7")
    playground.advance(0.5)
    assert browser.statuses == [200, 200, 200, 429, 429]
    assert b"retry-after: 20" in browser.head
    playground.advance(21)
    browser.transport.write(request("/healthz"))
    playground.advance(0.1)
    assert browser.status == 200


def test_a_drain_ends_those_who_ask_nothing_and_answers_the_others():
    playground = Playground(Config(drain=DrainConfig(deadline=5)))
    server = playground.start_server()
    idle = browse(playground, request("/healthz"))
    (channel,) = server.visitors
    slow = Slow()
    channel.site.resource.putChild(b"slow", slow)
    asking = browse(playground, b"GET /hea")
    busy, hanging = browse(playground, request("/slow")), browse(playground, request("/slow"))
    drained = Deferred.fromCoroutine(
        drain(server, playground.clock, lambda: playground.committer.idle, DrainConfig(deadline=5))
    )
    playground.advance(1)
    assert idle.lost is not None
    assert asking.lost is not None
    assert (busy.lost, hanging.lost) == (None, None)
    slow.asked[0].write(b"late")
    slow.asked[0].finish()
    playground.advance(1)
    assert (busy.status, hanging.status) == (200, None)
    assert busy.lost is not None
    assert not drained.called
    playground.advance(5)
    assert hanging.lost is not None
    assert drained.called


def test_a_relay_names_the_browser(playground):
    browse(playground, request("/healthz"))
    chat = ChatFactory(WEB, playground.server)
    playground.network.listen(RelayFactory(chat, chat, Trusted(("127.0.0.1",))), 7481)
    browser = Browser(b"PROXY TCP4 192.0.2.7 192.0.2.1 50412 7480\r\n" + request("/healthz"))
    playground.network.connect(browser, 7481)
    playground.advance(0.1)
    assert browser.status == 200
    assert "192.0.2.7" in {visitor.peer_host for visitor in playground.server.visitors}


REFUSED_AT_ONCE = {
    "another protocol": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n" + request(),
    "no line of a request": b"GET\r\n" + request() * 3,
    "no version": b"GET / HTTP/7.7\r\nHost: here\r\n\r\n" + request(),
    "two lengths": request("/hooks/a", "POST", b"x", Content_Length="2") + request(),
    "a wrong header": b"GET / HTTP/1.1\r\nHost\r\n\r\n" + request(),
    "too large": request("/hooks/a", "POST", b"x" * (MAX_BODY + 1)) + request(),
}


@pytest.mark.parametrize("asked", REFUSED_AT_ONCE.values(), ids=REFUSED_AT_ONCE)
def test_what_comes_in_one_piece_with_what_is_refused_is_no_fault(playground, monkeypatch, asked):
    """Only its own side is closed then, as by TCP, so that the rest of the piece is still looked at."""
    monkeypatch.setattr(MemoryTransport, "loseWriteConnection", lambda _: None, raising=False)
    browser = browse(playground, asked, wait=CLOSE_DEADLINE + 2)
    assert browser.statuses == [browser.status]
    assert browser.status >= 400
    assert browser.lost


class Slow(Resource):
    """A page that is answered later."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.asked = []

    def render_GET(self, asked):
        self.asked.append(asked)
        return NOT_DONE_YET


class Echo(Protocol):
    """What speaks behind an upgrade."""

    def __init__(self, server, listener):
        del listener
        self.server = server

    def dataReceived(self, data):
        self.transport.write(data.upper())

    def connectionLost(self, _reason=connectionDone):
        self.server.ended = True


class Upgrading(Resource):
    isLeaf = True

    def render_GET(self, asked):
        asked.channel.upgrade(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Echo)
        return NOT_DONE_YET


def test_what_upgrades_has_the_connection_from_then_on(playground):
    server = playground.server
    browser = browse(playground, b"GET /up HTTP/1.1\r\n")
    (channel,) = server.visitors
    channel.site.resource.putChild(b"up", Upgrading())
    browser.transport.write(b"\r\nearly ")
    playground.advance(0.1)
    browser.transport.write(b"late")
    playground.advance(KEEP_ALIVE * 2, 1)
    assert browser.got.endswith(b"\r\n\r\nEARLY LATE")
    assert not server.visitors
    browser.transport.loseConnection()
    playground.advance(0.1)
    assert server.ended
    assert len(server.budgets) == 0


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), max_size=6))
def test_any_bytes_end_in_an_answer_or_in_silence(data, cuts):
    playground = Playground()
    playground.start_server()
    browser = browse(playground, wait=0)
    rest = data
    for cut in cuts:
        browser.transport.write(rest[:cut])
        rest = rest[cut:]
        playground.advance(0)
    browser.transport.write(rest)
    playground.advance(20, 1)
    assert set(browser.statuses) <= {200, 400, 404, 405, 408, 413, 431, 501}
    playground.advance(KEEP_ALIVE + 10, 1)
    assert not playground.server.visitors


def test_people_of_the_chat_are_none_of_the_site(playground):
    come_in(playground, "ann")
    browse(playground, request("/healthz"))
    assert len(playground.server.connections) == 1
    assert len(playground.server.visitors) == 1
