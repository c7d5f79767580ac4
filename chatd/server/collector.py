"""The collector: looks once a day for garbage that the garbage collector is otherwise kept from looking at.

That is what holds itself in a circle and was in use for more than a moment (`chatd.memory`). There is none
but by a fault of the program, so that it is worth a short stop only seldom.
"""

import gc
import time
from typing import Final

from twisted.internet.task import LoopingCall

from chatd.clock import Clock
from chatd.ops.log import Log

log = Log(__name__)

INTERVAL: Final = 86_400.0
"""Seconds between two looks at everything that the daemon has made since its start."""


class Collector:
    """Collects garbage once a day."""

    def __init__(self, clock: Clock) -> None:
        self._loop = LoopingCall(self._collect)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin; what is there at the start is no garbage."""
        self._loop.start(INTERVAL, now=False)

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    @staticmethod
    def _collect() -> None:
        begin = time.monotonic()
        count = gc.collect()
        log.info("collected", count=count, duration=round(time.monotonic() - begin, 3))
