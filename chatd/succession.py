"""Succession: another process of the program takes this daemon's place, and its listeners stay open.

The successor is started beside the running daemon. It reads its configuration, takes the listening sockets,
and says that it is ready. Only then the old one ends: it accepts nobody any more, drains, and lets go of the
data; newcomers wait in the queues of the sockets. Then the successor opens the data and serves them. If it
does not become ready, nothing has happened.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from chatd.ops.inheritance import VARIABLE, Inheritance
from chatd.ops.log import Log

log = Log(__name__)

PATIENCE: Final = 60.0
"""Seconds that a successor has to become ready; one that needs longer is ended."""

_DEAD: Final = "The new program has ended before it had the data; start the daemon again."

_FIRST: Final = 3
"""The first descriptor that a successor inherits, behind the standard ones."""

_ALONE: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID")
"""What service managers tell one process alone."""


class SuccessionError(Exception):
    """No successor has become ready; the text is a sentence, and the daemon goes on."""


class Successor(ProcessProtocol):
    """The process that takes this one's place; ``ready`` fires when it can, or fails: `SuccessionError`."""

    transport: Any

    def __init__(self, reactor: Any) -> None:
        self.ready: Deferred[None] = Deferred()
        self._ready = False
        self._reactor = reactor
        self._deadline: Any = None

    def start(self, listeners: dict[str, int]) -> "Successor":
        """Start the program as this one was started, with ``listeners``. Raises OSError."""
        numbers = {_FIRST: "r", _FIRST + 1: "w"}
        given = {}
        for place, (endpoint, number) in enumerate(listeners.items(), _FIRST + len(numbers)):
            given[endpoint], numbers[place] = place, number  # type: ignore[assignment]
        inheritance = Inheritance(_FIRST, _FIRST + 1, given)
        environment = {name: value for name, value in os.environ.items() if name not in _ALONE}
        self._reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, *sys.orig_argv[1:]],
            env={**environment, VARIABLE: inheritance.told()},
            childFDs={0: 0, 1: 1, 2: 2, **numbers},
        )
        self._deadline = self._reactor.callLater(PATIENCE, self._give_up)
        return self

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return int(self.transport.pid)

    @property
    def is_ready(self) -> bool:
        """Return whether it is ready, runs, and waits for the data."""
        return self._ready

    def end(self) -> None:
        """End it, as it is not wanted any more, if it was started and runs."""
        self._wait_no_longer()
        if self.transport is not None:
            with suppress(ProcessExitedAlready):
                self.transport.signalProcess("KILL")

    def go(self) -> None:
        """Let it begin, if it still runs: the data is free."""
        ready, self._ready = self._ready, False  # it has to be watched no longer
        if ready:
            self.transport.closeChildFD(_FIRST + 1)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Note that it is ready."""
        del childFD, data
        self._settle(None)

    def processExited(self, reason: Failure) -> None:
        """Note that it has ended; whoever counts on it then has to do without."""
        del reason
        if self._ready:
            self._ready = False
            log.error("upgrade-failed", _DEAD)
        self._settle("The new program has ended before it was ready; its last lines in the log say why.")

    def _give_up(self) -> None:
        self.end()
        self._settle(f"The new program was not ready within {PATIENCE:g} seconds, and was ended.")

    def _settle(self, why: str | None) -> None:
        if self.ready.called:
            return
        self._wait_no_longer()
        self._ready = why is None
        if why is None:
            self.ready.callback(None)
        else:
            self.ready.errback(SuccessionError(why))

    def _wait_no_longer(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()


class Heir:
    """The process that waits for the one whose place it takes; ``begin`` is called when it may begin."""

    def __init__(self, inheritance: Inheritance, reactor: Any, begin: Callable[[], object]) -> None:
        self._inheritance = inheritance
        self._reactor = reactor
        self._begin = begin
        self._waits = False

    def fileno(self) -> int:
        """Return the descriptor that ends when the data is free, for the reactor."""
        return self._inheritance.go

    def logPrefix(self) -> str:
        """Return a name, for the reactor."""
        return "heir"

    def wait(self) -> None:
        """Say that this process is ready, and wait until it may begin."""
        os.write(self._inheritance.ready, b"\n")
        os.close(self._inheritance.ready)
        self._waits = True
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Wait no longer."""
        if self._waits:
            self._waits = False
            self._reactor.removeReader(self)
            os.close(self._inheritance.go)

    def doRead(self) -> None:
        """Begin, as the other end is closed: the data is free, or its daemon is dead."""
        self.connectionLost()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Begin; some reactors tell the end of a pipe in this way."""
        del reason
        if self._waits:
            self.stop()
            self._begin()
