"""Calls a foreign observer of the log (twistd's --logger) in a thread, so that it holds up nobody.

As with our own lines (`chatd.ops.writer`): while it cannot go on, events wait in a bounded queue. Further
ones are dropped and counted, and their number is logged as soon as there is room again.
"""

import atexit
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.logger import ILogObserver, LegacyLogObserverWrapper, LogEvent
from zope.interface import implementer

from chatd.ops.log import Log
from chatd.ops.writer import FLUSH, begin_thread

log = Log(__name__)

MAX_EVENTS: Final = 5000
"""Events that wait for the observer: about as many as our own writer holds lines."""

ROOM_AGAIN: Final = MAX_EVENTS // 2
"""After events were dropped, they are taken again when no more than this wait, so that gaps are few."""


@implementer(ILogObserver)
class Foreign:
    """The observer that ``make`` makes, in a thread of its own; twistd calls `made` for it.

    twistd forks after it has begun to log, so the thread begins with `start`; until then events wait.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._observer: Callable[[LogEvent], object] = lambda _: None
        self._change = threading.Condition()  # of an RLock: the observer may log, and the collector too
        self._waiting: deque[LogEvent] = deque()
        self._dropped = 0
        self._closing = False
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    def made(self) -> "Foreign":
        """Make the observer, one of either kind that twistd takes, and return the one to call instead."""
        observer = self._make()
        modern = ILogObserver.providedBy(observer)
        self._observer = observer if modern else LegacyLogObserverWrapper(observer)
        return self

    def __call__(self, event: LogEvent) -> None:
        """Take ``event`` for the observer, or count it as dropped if too much waits."""
        with self._change:
            if len(self._waiting) >= (ROOM_AGAIN if self._dropped else MAX_EVENTS):
                self._dropped += 1
                return
            dropped, self._dropped = self._dropped, 0
            self._waiting.append(event)
            self._change.notify()
        if dropped:
            log.warn("log-dropped", "The log could not be written in time.", count=dropped)

    def reopen(self) -> None:
        """Do nothing: the observer writes where it wants."""

    def start(self) -> None:
        """Begin to call the observer."""
        if self._thread is None:
            self._thread = begin_thread(self._run)

    def close(self, seconds: float = FLUSH) -> None:
        """Let the observer have what waits, for so many seconds at the most."""
        atexit.unregister(self.close)
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread is None:
            self._run()  # twistd gave up before the daemon began
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            # It may hold the lock of a standard stream, which Python waits for at its end, and aborts.
            sys.stdout = sys.stderr = None

    def _run(self) -> None:
        while (event := self._next()) is not None:
            with suppress(Exception):  # what is wrong with it, it cannot be told
                self._observer(event)

    def _next(self) -> LogEvent | None:
        with self._change:
            while not self._waiting:
                if self._closing:
                    return None
                self._change.wait()
            return self._waiting.popleft()
