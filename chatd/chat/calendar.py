"""The calendar: the time by which ages what is ended or removed for good, whatever the clock says (P7)."""

from typing import Final

DAY: Final = 86_400_000
"""Milliseconds in a day."""

LEAP: Final = 600.0
"""Seconds between two moves from which on the daemon was away: stopped, or on a machine that slept."""


class Calendar:
    """Counts the milliseconds that the daemon has run for, onwards from ``start``, as ``now``.

    It moves with a monotonic clock and is kept on disk, so that no step of the wall clock moves it, and a
    daemon that was down for a month has kept nobody away and let nothing grow old. Whatever is to last for a
    time (sessions, events, files) keeps the ``now`` of its beginning, and has lasted ``now`` minus that.
    """

    __slots__ = ("_seconds", "now")

    def __init__(self, start: int) -> None:
        self.now = max(1, start)
        self._seconds: float | None = None

    def run(self, seconds: float) -> None:
        """Go on to when a monotonic clock shows ``seconds``; the first time only tells where it stands."""
        passed = 0.0 if self._seconds is None else seconds - self._seconds
        if self._seconds is not None and 0 < passed <= LEAP:
            whole = int(passed * 1000)
            self.now += whole
            self._seconds += whole / 1000
        else:
            self._seconds = seconds
