"""Standard input and output through the reactor: nothing blocks it, and nobody else's descriptors change.

Where the system lets us, a terminal or pipe is opened anew, so that not blocking is a property of our own
open file and not of the one that the shell and other processes share.
"""

import os
import select
import stat
import time
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure
from zope.interface import implementer

READ_SIZE: Final = 65_536
"""Bytes read at once."""


@implementer(IReadDescriptor)
class Input:
    """Hands on what can be read from ``fd``; ``ended`` is called once, at its end."""

    def __init__(
        self, reactor: Any, fd: int, received: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._fd = fd
        self._received = received
        self._ended = ended
        self._open = True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def logPrefix(self) -> str:
        """Return what log lines of this descriptor begin with."""
        return "standard input"

    def resume(self) -> None:
        """Read what comes."""
        if self._open:
            self._reactor.addReader(self)

    def pause(self) -> None:
        """Leave what comes where it is."""
        self._reactor.removeReader(self)

    def doRead(self) -> Any:
        """Read once; the reactor says that there is something."""
        try:
            data = os.read(self._fd, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self._received(data)
        return None

    def connectionLost(self, _: Failure) -> None:
        """Stop reading, and say so once."""
        self.pause()
        if self._open:
            self._open = False
            self._ended()

    def close(self) -> None:
        """Read no more, without a word."""
        self._open = False
        self.pause()


class Output(FileDescriptor):
    """Writes to ``fd`` as it takes it; ``lost`` is called once if it takes nothing more."""

    def __init__(self, reactor: Any, fd: int, lost: Callable[[], None] = lambda: None) -> None:
        super().__init__(reactor)
        self._fd, self._shared = _own(fd)
        self._lost = lost
        self._waiting: list[Deferred[None]] = []
        self.connected = 1

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def writeSomeData(self, data: bytes) -> int | BaseException:
        """Write what is taken now."""
        try:
            return os.write(self._fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            return CONNECTION_LOST

    def doWrite(self) -> Any:
        """Write on, and tell those who wait for the end of it."""
        result = super().doWrite()  # type: ignore[no-untyped-call]  # Twisted's
        if not self.pending:
            self._drained()
        return result

    @property
    def pending(self) -> int:
        """Return how many bytes were not taken yet."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires once everything is written, or never will be."""
        deferred: Deferred[None] = Deferred()
        self._waiting.append(deferred)
        if not self.pending or not self.connected:
            self._drained()
        return deferred

    def _drained(self) -> None:
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(None)

    def connectionLost(self, reason: Failure) -> None:
        """Drop what was not taken, and say so once."""
        was = self.connected
        super().connectionLost(reason)  # type: ignore[no-untyped-call]  # Twisted's
        self._drained()
        if was:
            self._lost()

    def write_now(self, data: bytes, patience: float) -> None:
        """Write what is pending and ``data`` at once, for ``patience`` seconds at the most."""
        rest = self.dataBuffer[self.offset :] + b"".join(self._tempDataBuffer) + data
        self.dataBuffer, self.offset, self._tempDataBuffer, self._tempDataLen = b"", 0, [], 0
        self.reactor.removeWriter(self)
        deadline = time.monotonic() + patience
        while rest and self.connected:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([], [self._fd], [], left)[1]:
                return
            written = self.writeSomeData(rest)
            if not isinstance(written, int):
                return
            rest = rest[written:]

    def close(self) -> None:
        """Write no more; leave the descriptor as it was found."""
        self.connected = 0
        self.reactor.removeWriter(self)
        self._drained()
        if self._shared is not None:
            os.set_blocking(self._shared, True)
        else:
            os.close(self._fd)


def _own(fd: int) -> tuple[int, int | None]:
    """Return a descriptor that never blocks; and, where it had to be a shared one, that again."""
    mode = os.fstat(fd).st_mode
    if os.isatty(fd) or stat.S_ISFIFO(mode):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            return os.open(f"/proc/self/fd/{fd}", flags), None
        except OSError:
            pass
    if stat.S_ISREG(mode) or not os.get_blocking(fd):
        return os.dup(fd), None
    os.set_blocking(fd, False)
    return fd, fd
