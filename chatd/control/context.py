"""What the control socket's requests are about: the running daemon."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from chatd.clock import Clock
from chatd.control.past import Past
from chatd.ops.differences import Report
from chatd.server.rates import Rates
from chatd.server.server import Server


@dataclass(frozen=True)
class Context:
    """The daemon that is asked.

    ``started`` is the monotonic second of its start, ``data`` its folder, and ``id`` that of what is in it,
    ``past`` has the connections that are over.
    ``set_level`` lets modules of a name be logged from a level on, ``stop`` ends the daemon, and asks clients
    to come back within so many seconds, ``reload`` reads the configuration again, ``upgrade`` lets another
    process take the daemon's place, or returns why it cannot.
    """

    server: Server
    rates: Rates
    clock: Clock
    wall: Callable[[], int]
    id: str
    started: float
    data: Path
    past: Past
    set_level: Callable[[str, str], None]
    stop: Callable[[float | None], None]
    reload: Callable[[], Report]
    upgrade: Callable[[], Awaitable[str]]
