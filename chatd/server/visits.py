"""Visits: connections with something to take are visited in turn, and every turn is short (P6).

Bytes, answers and a free transport only put a connection into a queue. So no frame is taken within an
answer, and nothing is entered twice.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from chatd.clock import Clock

TURN: Final = 0.005
"""Seconds that one turn of visits may take before everything else has its turn."""

FRAMES: Final = 16
"""Frames that one visit takes at most, so that 200 who ask at once wait little for each other."""

ALONE: Final = 64
"""The same where nobody else waits."""


class Visited(Protocol):
    """A connection that takes frames when it is visited."""

    def visit(self, most: int) -> bool:
        """Take at most ``most`` frames; return whether more may be taken at once."""

    def fault(self) -> None:
        """End it because of the current exception, which concerns it alone (P8)."""


class Visits:
    """Has connections take their frames, one visit after the other; ``wake`` asks for a turn.

    Newcomers stand in a queue of their own, and both queues move on in turn. So whoever is in does not wait
    for all of them, though ten thousand come back at once (P6).
    """

    def __init__(self, clock: Clock, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._queue: OrderedDict[Visited, None] = OrderedDict()
        self._newcomers: OrderedDict[Visited, None] = OrderedDict()

    def __len__(self) -> int:
        """Return how many connections wait for a visit."""
        return len(self._queue) + len(self._newcomers)

    def __contains__(self, visited: Visited) -> bool:
        """Return whether ``visited`` waits for a visit."""
        return visited in self._queue or visited in self._newcomers

    def add(self, visited: Visited, *, newcomer: bool = False) -> bool:
        """Put ``visited`` into its queue; return False if it is in one already."""
        if visited in self._queue or visited in self._newcomers:
            return False
        queue = self._newcomers if newcomer else self._queue
        queue[visited] = None
        self._wake()
        return True

    def remove(self, visited: Visited) -> None:
        """Visit a connection no more, because it ends."""
        self._queue.pop(visited, None)
        self._newcomers.pop(visited, None)

    def turn(self) -> bool:
        """Make visits for a few milliseconds; return whether some are left."""
        end = self._clock.seconds() + TURN
        queue, other = self._newcomers, self._queue
        while queue or other:
            if not queue:
                queue, other = other, queue
            visited = queue.popitem(last=False)[0]
            try:
                if visited.visit(FRAMES if queue or other else ALONE):
                    queue[visited] = None
            except Exception:  # noqa: BLE001 - a fault costs that connection alone (P8)
                visited.fault()
            if self._clock.seconds() >= end:
                break
            queue, other = other, queue
        return bool(self)
