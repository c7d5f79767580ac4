"""A fake clock that many pending calls do not slow down."""

from bisect import insort
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

_TIME: Final = attrgetter("time")


class QuickClock(Clock):
    """Is Twisted's fake clock, but puts each call into its place instead of sorting all of them anew.

    Calls that are due at the same moment are made in the order in which they were asked for.
    """

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - Twisted's name
        *args: object,
        **kw: object,
    ) -> IDelayedCall:
        """Have ``callable`` called in ``delay`` seconds."""
        call = DelayedCall(
            self.rightNow + delay, callable, args, kw, self.calls.remove, self._moved, self.seconds
        )
        insort(self.calls, call, key=_TIME)
        return call

    def advance(self, amount: float) -> None:
        """Let ``amount`` seconds go by, and make the calls that are due then."""
        self.rightNow += amount
        calls = self.calls
        while calls and calls[0].time <= self.rightNow:
            call = calls.pop(0)
            if call.delayed_time:  # it was put off, which costs nothing until it would have been due
                call.activate_delay()
                insort(calls, call, key=_TIME)
                continue
            call.called = 1
            call.func(*call.args, **call.kw)

    def _moved(self, call: Any) -> None:
        """Put a call into its place that is due sooner now."""
        self.calls.remove(call)
        insort(self.calls, call, key=_TIME)
