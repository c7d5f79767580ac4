"""A browser in memory."""

import re

from twisted.internet.protocol import Protocol, connectionDone


class Browser(Protocol):
    """Whoever sends ``asked`` at once; ``got`` holds the bytes of the answers."""

    def __init__(self, asked=b""):
        self.asked = asked
        self.got = b""
        self.lost = None

    def connectionMade(self):
        self.transport.write(self.asked)

    def dataReceived(self, data):
        self.got += data

    def connectionLost(self, reason=connectionDone):
        self.lost = reason

    @property
    def statuses(self):
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", self.got)]

    @property
    def status(self):
        return self.statuses[-1] if self.statuses else None

    @property
    def body(self):
        return self.got.rpartition(b"\r\n\r\n")[2]

    @property
    def head(self):
        return self.got.rpartition(b"\r\n\r\n")[0].lower()


def request(path="/", method="GET", body=b"", **headers):
    """Return a request of HTTP/1.1."""
    lines = [f"{method} {path} HTTP/1.1", "Host: here"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def browse(playground, *asked, wait=0.1):
    """Return a browser that has sent ``asked`` in one piece."""
    browser = Browser(b"".join(asked))
    playground.connect(browser, "web")
    playground.advance(wait)
    return browser
