"""A daemon in memory whose page of figures is read."""

import pytest
from twisted.internet.protocol import Protocol, connectionDone

from chatd.metrics.port import site
from chatd.metrics.survey import PERIOD, Surveyor
from chatd.server.log_watch import LogWatch
from chatd.testing import Playground
from tests.end_to_end.harness.fixtures import make_daemon

__all__ = ["make_daemon", "watched"]

PORT = 9411


class Browser(Protocol):
    """Whoever asks for one page; ``got`` holds the bytes of the answer."""

    def __init__(self, path, method, headers):
        self.asked = "".join([f"{method} {path} HTTP/1.0\r\n", *(f"{line}\r\n" for line in headers), "\r\n"])
        self.got = b""
        self.lost = None

    def connectionMade(self):
        self.transport.write(self.asked.encode())

    def dataReceived(self, data):
        self.got += data

    def connectionLost(self, reason=connectionDone):
        self.lost = reason

    @property
    def status(self):
        return int(self.got.split()[1])

    @property
    def body(self):
        return self.got.partition(b"\r\n\r\n")[2].decode()


class Watched:
    """A playground with a page of figures."""

    def __init__(self, playground=None):
        self.playground = playground or Playground()
        self.server = self.playground.start_server()
        self.log_watch = LogWatch(self.server.counters)
        clock = self.playground.clock
        self.surveyor = Surveyor(self.server, clock)
        self.surveyor.start()
        self.playground.network.listen(site(self.server, clock, self.surveyor), PORT)

    def begin(self, path="/metrics", method="GET", headers=()):
        browser = Browser(path, method, headers)
        self.playground.network.connect(browser, PORT)
        return browser

    def get(self, *how, **more):
        self.playground.advance(2 * PERIOD)
        browser = self.begin(*how, **more)
        self.playground.advance(0.2)
        return browser


@pytest.fixture
def watched():
    return Watched()
