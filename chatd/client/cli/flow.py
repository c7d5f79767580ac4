"""Sending what comes in: lines become messages, and no more of them are taken in than can go out."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.client.api import Client
from chatd.client.cli.plain import explain, plain
from chatd.client.cli.terminal.descriptors import Input
from chatd.client.cli.terminal.lines import LONGEST, LineCutter
from chatd.client.core.problems import ClientError
from chatd.client.values import Sent
from chatd.wire.errors import RequestError

MOST: Final = 2_000
"""Messages that may wait before reading stops."""

MOST_CHARACTERS: Final = 1_048_576
"""Characters that may wait before reading stops."""


class Flow:
    """Messages to ``room``; ``refused`` hears of each that was not taken: which it was, and why.

    ``strip`` takes out of each line what only a terminal understands.
    """

    def __init__(
        self, client: Client, room: str, refused: Callable[[str, str], None], *, strip: bool = False
    ) -> None:
        self._client = client
        self._room = room
        self._refused = refused
        self._strip = strip
        self._waiting: dict[int, int] = {}
        self._characters = 0
        self._line = 0
        self._input: Input | None = None
        self._paused = False
        self._complete = False
        self._cutter = LineCutter()
        self.done: Deferred[None] = Deferred()
        self.accepted = 0
        self.failed = 0
        self.last: Sent | None = None

    def send(self, text: str, which: str) -> None:
        """Send one message."""
        try:
            key, sent = self._client.post(self._room, text)
        except RequestError as error:
            self._fail(which, explain(error))
            return
        self._waiting[key] = len(text)
        self._characters += len(text)
        sent.addCallbacks(self._taken, self._not_taken, (key,), {}, (key, which))

    def read(self, reactor: Any, fd: int) -> None:
        """Send every line that can be read from ``fd``."""
        self._input = Input(reactor, fd, self._received, self._ended)
        self._input.resume()

    def complete(self) -> None:
        """Note that nothing more comes; ``done`` fires once everything is answered."""
        self._complete = True
        self._check_done()

    def withdraw(self) -> int:
        """Take back what is not acknowledged; return how many messages that are."""
        self.close()
        waiting, self._waiting = self._waiting, {}
        self._client.withdraw(waiting)
        return len(waiting)

    def waiting(self) -> int:
        """Return how many messages are not acknowledged."""
        return len(self._waiting)

    def close(self) -> None:
        """Read no more."""
        if self._input is not None:
            self._input.close()
            self._input = None

    def _received(self, data: bytes) -> None:
        for line in self._cutter.feed(data):
            self._send_line(line)
        if self._input is not None and self._full():
            self._paused = True
            self._input.pause()

    def _ended(self) -> None:
        for line in self._cutter.end():
            self._send_line(line)
        self._input = None
        self.complete()

    def _send_line(self, line: bytes) -> None:
        self._line += 1
        which = f"line {self._line}"
        if len(line) > LONGEST:
            self._fail(which, "It is too long for a message; shorten it.")
            return
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            self._fail(which, f"It is not UTF-8 (byte {error.start + 1}); convert it.")
            return
        if self._strip:
            text = plain(text)
        if text.strip():
            self.send(text, which)

    def _taken(self, sent: Sent, key: int) -> None:
        self.accepted += 1
        self.last = sent
        self._settle(key)

    def _not_taken(self, failure: Failure, key: int, which: str) -> None:
        if failure.check(ClientError):
            return  # The client has stopped, as its notice tells; nobody knows of this message any more.
        failure.trap(RequestError)
        if key in self._waiting and isinstance(failure.value, RequestError):
            self._fail(which, failure.value.text)
        self._settle(key)

    def _fail(self, which: str, reason: str) -> None:
        self.failed += 1
        self._refused(which, reason)

    def _settle(self, key: int) -> None:
        self._characters -= self._waiting.pop(key, 0)
        if self._paused and self._input is not None and not self._full(half=True):
            self._paused = False
            self._input.resume()
        self._check_done()

    def _full(self, *, half: bool = False) -> bool:
        share = 2 if half else 1
        return len(self._waiting) >= MOST // share or self._characters >= MOST_CHARACTERS // share

    def _check_done(self) -> None:
        if self._complete and not self._waiting and not self.done.called:
            self.done.callback(None)
