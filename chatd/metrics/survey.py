"""The survey: what has to be counted over all connections, a few at a time, before anybody asks (P6)."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.task import LoopingCall

from chatd.chat.storage import Space, StoreError
from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.server.connection import ChatConnection
from chatd.server.gate import Hold
from chatd.server.server import Server
from chatd.tcp import round_trip

log = Log(__name__)

PERIOD: Final = 5.0
"""Seconds that one survey takes."""

SHARES: Final = 25
"""Parts of a survey: of 10,000 connections one turn looks at 400, in half a millisecond."""

SAMPLE: Final = 200
"""Connections whose round trip is asked of the system, evenly among all: that is a system call for each."""


@dataclass(slots=True)
class Survey:
    """The connections of a moment.

    ``states`` counts them by listener and state. ``lagging`` are behind the head of a log, by ``lag`` events
    together and ``most_lag`` at the most. ``held`` are read slowly, as they ask too much. ``round_trips`` are
    those of a sample, in seconds, sorted.
    """

    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    lagging: int = 0
    lag: int = 0
    most_lag: int = 0
    held: int = 0
    round_trips: list[float] = field(default_factory=list)

    def look(self, connection: ChatConnection) -> None:
        """Count ``connection``."""
        self.states[connection.listener.rules.name, connection.state.value] += 1
        if connection.reader.lags:
            lag = connection.reader.lag
            self.lagging += 1
            self.lag += lag
            self.most_lag = max(self.most_lag, lag)
        if connection.input.gate.shut & Hold.PAUSE.value:
            self.held += 1

    def measure(self, connection: ChatConnection) -> None:
        """Take the round trip of ``connection`` into the sample, where the system knows it."""
        measured = round_trip(connection.transport)
        if measured is not None:
            self.round_trips.append(measured)

    def quantile(self, part: float) -> float:
        """Return the round trip that ``part`` of the sample is not above; 0 for an empty sample."""
        trips = self.round_trips
        return trips[min(len(trips) - 1, int(part * len(trips)))] if trips else 0.0


class Surveyor:
    """Looks at all connections of ``server`` again and again, at a few of them at a time.

    ``latest`` is the last survey that was finished, and ``space`` what the store has said of its size, None
    until it has: so whoever reads figures waits for nothing.
    """

    def __init__(self, server: Server, clock: Clock) -> None:
        self.latest = Survey()
        self.space: Space | None = None
        self._asked = False
        self._server = server
        self._next = Survey()
        self._left: list[ChatConnection] = []
        self._share = 0
        self._every = 1
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin with a first survey."""
        self._begin()
        self._loop.start(PERIOD / SHARES).addErrback(lambda failure: log.failure("metrics-fault", failure))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _begin(self) -> None:
        if not self._asked:  # one question at a time: the disk may hang
            self._asked = True
            self._server.store.space(self._note_space)
        self._next = Survey()
        self._left = [one for one in self._server.connections if isinstance(one, ChatConnection)]
        self._share = -(-len(self._left) // SHARES)
        self._every = max(1, len(self._left) // SAMPLE)

    def _note_space(self, answer: Space | StoreError) -> None:
        self._asked = False
        self.space = answer if isinstance(answer, Space) else None

    def _look(self) -> None:
        for _ in range(min(self._share, len(self._left))):
            connection = self._left.pop()
            self._next.look(connection)
            if len(self._left) % self._every == 0:
                self._next.measure(connection)
        if not self._left:
            self._next.round_trips.sort()
            self.latest = self._next
            self._begin()
