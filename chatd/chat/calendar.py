"""The calendar: the time by which absences are counted, whatever becomes of the wall clock (P7)."""

from typing import Final

LEAP: Final = 600_000
"""Milliseconds from which on a step of the wall clock is one of the clock alone; it is asked every minute."""


class Calendar:
    """Counts the milliseconds that the daemon has run for, onwards from ``start``.

    It moves as the wall clock does, but neither back nor in leaps: clocks are set, machines sleep, and a
    daemon that was down for a month has kept everybody away.
    """

    __slots__ = ("_time", "_wall")

    def __init__(self, start: int) -> None:
        self._time = start
        self._wall: int | None = None

    def at(self, now: int) -> int:
        """Return its time when the wall clock shows ``now``; both are milliseconds since 1970."""
        passed = 0 if self._wall is None else now - self._wall
        self._wall = now
        if not self._time:
            self._time = max(1, now)
        elif 0 < passed <= LEAP:
            self._time += passed
        return self._time
