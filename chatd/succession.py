"""Succession: another process of the program takes this daemon's place, and its listeners stay open.

The successor is started beside the running daemon. It reads its configuration, takes the listening sockets,
and says that it is ready. Only then the old one accepts nobody any more, drains, and lets go of the data;
newcomers wait in the queues of the sockets. Then the successor opens the data and serves those who wait; it
says so, and the old one ends. If it does not become ready nothing has happened. If it ends, or hangs, before
it serves, the old one takes its data again and goes on. If the old one ends, the successor begins.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from chatd.ops.inheritance import MAX_WHY, VARIABLE, Inheritance

PATIENCE: Final = 60.0
"""Seconds that a successor has to become ready; one that needs longer is ended."""

LONG_PATIENCE: Final = 600.0
"""Seconds that it has to open the data and serve: it may have to bring them to a new form."""

LAST_PATIENCE: Final = 10.0
"""Seconds that one has to end which is wanted no more, and may be serving already."""

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
        self._serves: Deferred[bool] = Deferred()
        self._runs, self._ready = True, False
        self._why = b""
        self._reactor = reactor
        self._deadline: Any = None

    def start(self, listeners: dict[str, int]) -> "Successor":
        """Start the program as this one was started, with ``listeners``. Raises OSError."""
        numbers = {_FIRST: "r", _FIRST + 1: "w"}
        given = {}
        for place, (endpoint, number) in enumerate(listeners.items(), _FIRST + len(numbers)):
            given[endpoint], numbers[place] = place, number  # type: ignore[assignment]
        inheritance = Inheritance(_FIRST, _FIRST + 1, given, words=True)
        environment = {name: value for name, value in os.environ.items() if name not in _ALONE}
        self._reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, *sys.orig_argv[1:]],
            env={**environment, VARIABLE: inheritance.told()},
            childFDs={0: 0, 1: 1, 2: 2, **numbers},
        )
        self._give(PATIENCE)
        return self

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return int(self.transport.pid)

    @property
    def is_ready(self) -> bool:
        """Return whether it is ready, and runs."""
        return self._runs and self._ready

    def go(self) -> "Deferred[bool]":
        """Let it begin: the data are free. The Deferred says whether it serves, or has ended before."""
        if not self._runs:
            return succeed(False)
        self._give(LONG_PATIENCE)
        self.transport.closeChildFD(_FIRST + 1)
        return self._serves

    def stop(self) -> None:
        """Ask it to end, which may serve already, and see to it that it does."""
        self._signal("TERM")
        self._give(LAST_PATIENCE)

    def end(self) -> None:
        """End it, as it is not wanted any more, if it was started and runs."""
        self._wait_no_longer()
        self._signal("KILL")

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Note that it is ready, and then that it serves; or why it ends before that."""
        del childFD
        if not self._ready:
            self._why = (self._why + data.replace(b"\n", b""))[:MAX_WHY]
        for _ in range(data.count(b"\n")):
            self._wait_no_longer()
            if not self._ready and not self.ready.called:
                self._ready = True
                self.ready.callback(None)
            elif self._ready and not self._serves.called:
                self._serves.callback(True)

    def processExited(self, reason: Failure) -> None:
        """Note that it has ended; whoever counts on it then has to do without."""
        del reason
        self._runs = False
        if self._ready:
            self._wait_no_longer()
        if not self._serves.called:
            self._serves.callback(False)

    def processEnded(self, reason: Failure) -> None:
        """Say why it was not ready: by now all that it has told is read."""
        del reason
        self._wait_no_longer()
        why = self._why.decode(errors="replace")
        told = f": {why}" if why else "; its last lines in the log, or on its standard error, say why."
        self._fail(f"The new program has ended before it was ready{told}")

    def _give_up(self) -> None:
        self.end()
        self._fail(f"The new program was not ready within {PATIENCE:g} seconds, and was ended.")

    def _fail(self, why: str) -> None:
        if not self.ready.called:
            self.ready.errback(SuccessionError(why))

    def _signal(self, name: str) -> None:
        if self.transport is not None:
            with suppress(ProcessExitedAlready):
                self.transport.signalProcess(name)

    def _give(self, patience: float) -> None:
        """End it in so many seconds, unless it has said something before."""
        self._wait_no_longer()
        self._deadline = self._reactor.callLater(patience, self._give_up)

    def _wait_no_longer(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()


class Heir:
    """The process that waits for the one whose place it takes.

    When it may begin it calls ``begin``, which returns whether it serves then. The other hears of it by a
    byte when it is ready, and by another when it serves.
    """

    def __init__(self, inheritance: Inheritance, reactor: Any, begin: Callable[[], bool]) -> None:
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
        self._tell()
        self._waits = True
        self._reactor.addReader(self)

    def _tell(self) -> None:
        with suppress(BrokenPipeError):  # the other one is dead
            os.write(self._inheritance.ready, b"\n")

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
            if self._begin():
                self._tell()
