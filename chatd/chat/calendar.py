"""The calendar: the time by which things end or are removed for good, whatever the clock says (P7)."""

from typing import Final

DAY: Final = 86_400_000
"""Milliseconds in a day."""

LEAP: Final = 600.0
"""From so many seconds between two moves on, the daemon was away: stopped, or on a machine that slept."""


class Calendar:
    """Counts the milliseconds that the daemon has run for, onwards from ``start``, as ``now``.

    It moves with a monotonic clock and is kept on disk. So no step of the wall clock moves it, and while the
    daemon is down nobody's time runs out and nothing grows old. Things that last for a term (sessions,
    events, files) keep the ``now`` of their beginning, and have lasted ``now`` minus that.
    """

    __slots__ = ("_seconds", "now")

    def __init__(self, start: int) -> None:
        self.now = max(1, start)
        self._seconds: float | None = None

    def run(self, seconds: float) -> None:
        """Go on to ``seconds`` of a monotonic clock. The first call only tells where that clock stands."""
        passed = 0.0 if self._seconds is None else seconds - self._seconds
        if self._seconds is not None and 0 < passed <= LEAP:
            whole = int(passed * 1000)
            self.now += whole
            self._seconds += whole / 1000
        else:
            self._seconds = seconds
