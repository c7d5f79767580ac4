"""Waking: threads that have done something let the reactor's thread go on with it, by one write to it.

Twisted's own way takes fifteen calls in Python for that, in both threads, with every commit.
"""

import os
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.ops.log import Log

log = Log(__name__)


@implementer(IReadDescriptor)
class Waker:
    """Calls functions in the thread of ``reactor``, in the order in which any thread asks for that.

    What is asked for behind `close` is not done.
    """

    def __init__(self, reactor: Any) -> None:
        self._calls: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._ours, self._theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._woken = self._closed = False
        self._reactor = reactor
        reactor.addReader(self)

    def __call__(self, function: Callable[..., object], /, *arguments: object) -> None:
        """Have ``function`` called with ``arguments``; for any thread."""
        self._calls.append((function, arguments))
        if not self._woken:
            self._woken = True
            try:
                os.write(self._theirs, b"x")
            except OSError:  # nobody listens any more
                return

    def close(self) -> None:
        """Call nothing any more. A thread that hangs may still write, so that its end stays open."""
        if not self._closed:
            self._closed = True
            self._calls.clear()
            self._reactor.removeReader(self)
            os.close(self._ours)

    # ---- IReadDescriptor ----------------------------------------------------------------------------

    def fileno(self) -> int:
        """Return the descriptor that the reactor waits for."""
        return self._ours

    def logPrefix(self) -> str:
        """Return what Twisted calls it in its log."""
        return "waker"

    def connectionLost(self, reason: Failure) -> None:
        """Do nothing: nobody else closes it."""

    def doRead(self) -> None:
        """Make the calls that were asked for."""
        try:  # noqa: SIM105 - three calls less with each commit
            os.read(self._ours, 64)
        except BlockingIOError:  # woken for nothing: an error here would end the reading for good
            pass
        self._woken = False  # before the calls are taken: who asks for another one from now on writes again
        calls = self._calls
        for _ in range(len(calls)):
            function, arguments = calls.popleft()
            try:
                function(*arguments)
            except Exception:  # noqa: BLE001 - one fault must not keep the others waiting
                log.failure("fault", None, "What a thread has found was not taken in.")
            if self._closed:
                return
