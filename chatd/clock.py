"""Time as the daemon and the client measure it: durations by a clock that nobody sets."""

import time
from typing import Any

from twisted.internet.interfaces import IReactorTime

Clock = IReactorTime
"""Schedules calls and tells monotonic seconds: a reactor, or `twisted.internet.task.Clock`."""


def use_monotonic_time(reactor: Any) -> None:
    """Make ``reactor`` schedule by monotonic time: a step of the wall clock then moves no timer (P7).

    To be called before anything is scheduled.
    """
    reactor.seconds = time.monotonic


def wall_milliseconds() -> int:
    """Return the time of day in milliseconds since 1970, as events carry it."""
    return time.time_ns() // 1_000_000
