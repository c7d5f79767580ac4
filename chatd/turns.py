"""Turns: the reactor's turn in fewer calls of Python, where the reactor is Twisted's over epoll.

A message that comes alone takes two turns: one reads and decides it, one hears from the disk and answers.
In Twisted's own way each of them costs some forty calls beside what is done in it: a context of the legacy
log for each descriptor, and for what is to be done next a timer that is compared with others.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.python import log as legacy_log

from chatd.clock import Clock
from chatd.ops.log import Log

log = Log(__name__)

Step = Callable[[], object]
"""What is done in a turn."""

LEANS_ON: Final = (
    "_disconnectSelectable",
    "_doReadOrWrite",
    "_justStopped",
    "_newTimedCalls",
    "_pendingTimedCalls",
    "_poller",
    "_selectables",
    "doPoll",
    "running",
    "threadCallQueue",
)
"""The internals of Twisted's reactor that this relies on; a test says when they change."""

LONGEST: Final = 86_400.0
"""Seconds to wait at the most without a look at what Twisted would do."""

_KNOWN: Final = ("twisted.internet.epollreactor", "EPollReactor")
_NAME: Final = "chatd_turns"
_READABLE: Final = 1
"""EPOLLIN, which `select` has on Linux alone."""


class Turns:
    """Takes the place of what ``reactor`` does between its timers; see `shorten_turns`."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._poll = reactor._poller.poll  # noqa: SLF001 - as LEANS_ON says
        self._selectables: dict[int, Any] = reactor._selectables  # noqa: SLF001 - as above
        self._steps: deque[Step] = deque()

    def soon(self, step: Step) -> None:
        """Do ``step`` as soon as the descriptors that are ready were read.

        Within a step that is a turn later, so that everything else has its turn as well.
        """
        self._steps.append(step)

    def turn(self, timeout: float | None) -> None:
        """Wait up to ``timeout`` seconds until descriptors are ready, read and write, then do the steps.

        That is repeated until a timer is due, or anything else that Twisted looks at between two turns.
        """
        reactor, steps, poll = self._reactor, self._steps, self._poll
        while True:
            if steps:
                timeout = 0.0
            elif timeout is None:
                timeout = -1.0
            self._serve(poll(timeout, len(self._selectables)))
            for _ in range(len(steps)):
                try:
                    steps.popleft()()
                except Exception:  # noqa: BLE001 - one fault must not keep the others waiting
                    log.failure("fault", None, "What was to be done next was not done.")
            if reactor._newTimedCalls or reactor.threadCallQueue or reactor._justStopped:  # noqa: SLF001
                return
            if not reactor.running:
                return
            timers = reactor._pendingTimedCalls  # noqa: SLF001
            timeout = None
            if timers:
                timeout = timers[0].time - reactor.seconds()
                if not 0.0 < timeout < LONGEST:
                    return

    def _serve(self, ready: list[tuple[int, int]]) -> None:
        """Read from what is ``ready``, and write to it."""
        reactor = self._reactor
        for fd, event in ready:
            selectable = self._selectables.get(fd)
            if selectable is None:
                continue
            if event != _READABLE:
                legacy_log.callWithLogger(selectable, reactor._doReadOrWrite, selectable, fd, event)  # noqa: SLF001
                continue
            try:
                why = selectable.doRead()
            except Exception as error:  # noqa: BLE001 - as Twisted does: a fault costs that descriptor alone
                log.failure("fault", None, "What came was not taken in.")
                why = error
            if why:
                reactor._disconnectSelectable(selectable, why, True)  # noqa: SLF001 - as above


def shorten_turns(reactor: Any) -> None:
    """Let ``reactor`` take its turns in fewer calls, if it is of the known kind; before it runs.

    One that has not all of what this leans on, as another version may not, goes on as it is.
    """
    kind = type(reactor)
    known = (kind.__module__, kind.__name__) == _KNOWN and all(hasattr(reactor, name) for name in LEANS_ON)
    if known and not hasattr(reactor, _NAME):
        turns = Turns(reactor)
        setattr(reactor, _NAME, turns)
        reactor.doIteration = turns.turn


def soon(clock: Clock) -> Callable[[Step], object]:
    """Return what has a step done in the next turn of ``clock``; a step cannot be taken back."""
    turns: Turns | None = getattr(clock, _NAME, None)
    return partial(clock.callLater, 0) if turns is None else turns.soon
