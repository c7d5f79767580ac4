"""Feeds the service manager's watchdog, as long as the reactor and the store's writing thread both move."""

from collections.abc import Callable
from typing import Final

from twisted.internet.task import LoopingCall

from chatd.clock import Clock
from chatd.ops.log import Log

log = Log(__name__)

PER_TERM: Final = 4
"""How often it is fed within the time after which it bites: a tick that comes late does no harm."""


Beat = Callable[[Callable[[], None]], object]
"""Calls what it is given as soon as there is a sign that something moves."""


def at_once(done: Callable[[], None]) -> None:
    """Be a `Beat` that asks nobody: there is nothing beside the reactor that should move."""
    done()


class Watchdog:
    """Asks ``beat`` for a sign at every tick, and calls ``feed`` if the one before was given.

    It bites after ``term`` seconds without; 0 if there is none. A stalled reactor has no ticks, and a hanging
    disk gives no sign: then the service manager ends the daemon, which loses nothing that was acknowledged,
    and starts it again.
    """

    def __init__(self, beat: Beat, clock: Clock, feed: Callable[[], object], term: float) -> None:
        self._beat = beat
        self._feed = feed
        self._term = term
        self._asked = False
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin, if there is a watchdog."""
        if self._term:
            loop = self._loop.start(self._term / PER_TERM)
            loop.addErrback(lambda failure: log.failure("housekeeping-fault", failure))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _tick(self) -> None:
        if not self._asked:
            self._asked = True
            self._feed()
            self._beat(self._hear)

    def _hear(self) -> None:
        self._asked = False
