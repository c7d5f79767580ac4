"""How long a daemon's reactor was away at the longest: watched from within, read from outside."""

import mmap
import struct
import time
from pathlib import Path
from typing import Any

_PERIOD = 0.002
"""Seconds between two looks: a stall is told short by so much at the most."""

_CELL = struct.Struct("d")


class Stall:
    """The longest stall in seconds, in a file that the daemon writes and the benchmark reads."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._cell = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    @property
    def longest(self) -> float:
        """Return the longest one since `forget`."""
        found: float = _CELL.unpack_from(self._cell)[0]
        return found

    def note(self, seconds: float) -> None:
        """Keep ``seconds`` if it is the longest."""
        if seconds > self.longest:
            _CELL.pack_into(self._cell, 0, seconds)

    def forget(self) -> None:
        """Begin anew."""
        _CELL.pack_into(self._cell, 0, 0.0)


def watch(path: str) -> None:
    """Watch the reactor of this process from when it runs until it ends."""
    from twisted.internet import reactor  # noqa: PLC0415 - it is installed by being imported

    stall = Stall(Path(path))

    def look(due: float, reactor: Any = reactor) -> None:
        now = time.monotonic()
        stall.note(now - due)
        reactor.callLater(_PERIOD, look, now + _PERIOD)

    reactor.callWhenRunning(lambda: look(time.monotonic()))  # type: ignore[attr-defined]
