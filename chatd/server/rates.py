"""Rates: how fast the counters grow, over the last second, minute and quarter of an hour."""

from collections import Counter, deque
from typing import Final, NamedTuple

from twisted.internet.task import LoopingCall

from chatd.clock import Clock
from chatd.counters import Counters

INTERVAL: Final = 1.0
"""Seconds between two looks."""

MINUTE: Final = 60
QUARTER: Final = 15

NAMES: Final = ("connections", "messages", "events", "deliveries", "bytes_in", "bytes_out", "commits")
"""The counters whose rates are kept."""


class Rate(NamedTuple):
    """How much in a second, on average over the last second, minute and 15 minutes."""

    second: float
    minute: float
    quarter: float


class _Look(NamedTuple):
    at: float
    counts: tuple[int, ...]


class Rates:
    """Looks at ``counters`` once a second; it keeps the looks of a minute, and one of each minute before."""

    def __init__(self, counters: Counters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock
        first = self._look()
        self._seconds: deque[_Look] = deque([first], MINUTE + 1)
        self._minutes: deque[_Look] = deque([first], QUARTER + 1)
        counters.room_events_since = first.at
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin."""
        self._loop.start(INTERVAL, now=False)

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> _Look:
        return _Look(self._clock.seconds(), tuple(getattr(self._counters, name) for name in NAMES))

    def _tick(self) -> None:
        look = self._look()
        self._seconds.append(look)
        if look.at - self._minutes[-1].at >= MINUTE:
            self._minutes.append(look)
            counters = self._counters
            counters.room_events_before, counters.room_events = counters.room_events, Counter()
            counters.room_events_since = look.at

    def rates(self) -> dict[str, Rate]:
        """Return how fast each counter grows."""
        now = self._seconds[-1]
        before = self._seconds[-2] if len(self._seconds) > 1 else now
        windows = [_growth(since, now) for since in (before, self._seconds[0], self._minutes[0])]
        return {name: Rate(*(window[place] for window in windows)) for place, name in enumerate(NAMES)}

    def of_room(self, log: int) -> float:
        """Return the events in a second of the log ``log``, over the last one to two minutes."""
        counters = self._counters
        seconds = self._clock.seconds() - counters.room_events_since
        if self._minutes[-1] is not self._minutes[0]:
            seconds += MINUTE
        number = counters.room_events[log] + counters.room_events_before[log]
        return number / max(seconds, 1.0)


def _growth(since: _Look, now: _Look) -> tuple[float, ...]:
    seconds = now.at - since.at
    if seconds <= 0:
        return (0.0,) * len(now.counts)
    return tuple(
        round((after - before) / seconds, 3) for before, after in zip(since.counts, now.counts, strict=True)
    )
