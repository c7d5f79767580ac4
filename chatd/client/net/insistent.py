"""The insistent endpoint: beside an attempt that stays silent, a fresh one is made every two seconds.

A SYN that was sent into a black hole is repeated by the system ever more rarely; a fresh attempt reaches a
path that has just healed soon. The first one that connects wins, the first one that is answered with an
error ends all.
"""

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

FRESH: Final = 2.0
"""Seconds of silence after which a fresh attempt is made beside those that are under way."""


@implementer(IStreamClientEndpoint)
class InsistentEndpoint:
    """Connects over endpoints that ``make`` makes, one per attempt."""

    def __init__(self, make: Callable[[], IStreamClientEndpoint], clock: IReactorTime) -> None:
        self._make = make
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Return a Deferred of the connected protocol; cancel it to give up."""
        return _Round(self._make, self._clock, protocolFactory).begin()


class _Round:
    """All attempts of one `connect`."""

    def __init__(
        self, make: Callable[[], IStreamClientEndpoint], clock: IReactorTime, factory: IProtocolFactory
    ) -> None:
        self._make = make
        self._clock = clock
        self._factory = factory
        self._attempts: list[Deferred[IProtocol]] = []
        self._next: IDelayedCall | None = None
        self._over = False
        self._outcome: Deferred[IProtocol] = Deferred(lambda _: self._end())

    def begin(self) -> Deferred[IProtocol]:
        self._attempt()
        return self._outcome

    def _attempt(self) -> None:
        self._next = self._clock.callLater(FRESH, self._attempt)
        attempt = self._make().connect(self._factory)
        self._attempts.append(attempt)
        attempt.addCallbacks(self._won, self._failed)

    def _won(self, protocol: IProtocol) -> None:
        if not self._over:
            self._end()
            self._outcome.callback(protocol)

    def _failed(self, reason: Failure) -> None:
        if not self._over:
            self._end()
            self._outcome.errback(reason)

    def _end(self) -> None:
        """Give up every attempt that is still under way."""
        self._over = True
        if self._next is not None and self._next.active():
            self._next.cancel()
        for attempt in self._attempts:
            attempt.cancel()
