"""What the control socket's requests are about: the running daemon."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from chatd.clock import Clock
from chatd.control.past import Past
from chatd.ops.differences import Report
from chatd.server.rates import Rates
from chatd.server.server import Server


@dataclass(frozen=True, kw_only=True)
class About:
    """Which daemon it is: by its folder ``data``, the ``id`` of what that holds, the second it began at."""

    id: str
    data: Path
    started: float


@dataclass(frozen=True, kw_only=True)
class Process:
    """What may be done with the process.

    ``set_level`` lets modules of a name be logged from a level on, ``stop`` ends the daemon, and asks clients
    to come back within so many seconds, ``reload`` reads the configuration again, ``upgrade`` lets another
    process take the daemon's place, or returns why it cannot.
    """

    set_level: Callable[[str, str], None]
    stop: Callable[[float | None], None]
    reload: Callable[[], Report]
    upgrade: Callable[[], Awaitable[str]]


@dataclass(frozen=True, kw_only=True)
class Context:
    """The daemon that is asked; ``past`` has the connections that are over."""

    about: About
    server: Server
    rates: Rates
    past: Past
    process: Process

    @property
    def clock(self) -> Clock:
        """Return what tells monotonic seconds, and calls later."""
        return self.server.clock

    def wall(self) -> int:
        """Return the time of day in milliseconds since 1970."""
        return self.server.wall()
