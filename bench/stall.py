"""How long a daemon's reactor was away at the longest: watched from within, read from outside."""

import mmap
import struct
import time
from pathlib import Path
from typing import Any

_PERIOD = 0.002
"""Seconds between two looks: a stall is told short by so much at the most."""

_CELLS = struct.Struct("dd")


class Stall:
    """The longest stall in seconds, in a file that the daemon writes and the benchmark reads.

    A reactor is late because its own process is busy, or because others have its core: so two are kept, the
    longest, and the longest of which the daemon was running so much.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._cell = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    @property
    def longest(self) -> float:
        """Return the longest one since `forget`."""
        return self._read()[0]

    @property
    def own(self) -> float:
        """Return the most that the daemon itself was running within one since `forget`."""
        return self._read()[1]

    def _read(self) -> tuple[float, float]:
        longest, own = _CELLS.unpack_from(self._cell)
        return longest, own

    def note(self, late: float, used: float) -> None:
        """Keep that the reactor was ``late`` seconds, while the process used so many of CPU time."""
        longest, own = self._read()
        if late > longest or min(late, used) > own:
            _CELLS.pack_into(self._cell, 0, max(longest, late), max(own, min(late, used)))

    def forget(self) -> None:
        """Begin anew."""
        _CELLS.pack_into(self._cell, 0, 0.0, 0.0)


def watch(path: str) -> None:
    """Watch the reactor of this process from when it runs until it ends."""
    from twisted.internet import reactor  # noqa: PLC0415 - it is installed by being imported

    stall = Stall(Path(path))

    def look(due: float, used: float, reactor: Any = reactor) -> None:
        now, using = time.monotonic(), time.process_time()
        stall.note(now - due, using - used)
        reactor.callLater(_PERIOD, look, now + _PERIOD, using)

    reactor.callWhenRunning(  # type: ignore[attr-defined]
        lambda: look(time.monotonic(), time.process_time())
    )
