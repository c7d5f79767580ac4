"""What the control socket's requests are about: the running daemon."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chatd.clock import Clock
from chatd.server.rates import Rates
from chatd.server.server import Server


@dataclass(frozen=True)
class Context:
    """The daemon that is asked.

    ``started`` is the monotonic second of its start, ``data`` its folder, and ``id`` that of what is in it.
    """

    server: Server
    rates: Rates
    clock: Clock
    wall: Callable[[], int]
    id: str
    started: float
    data: Path
