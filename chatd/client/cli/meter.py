"""How fast a transfer goes, and how long it still takes."""

from collections import deque
from typing import Final

SPAN: Final = 5.0
"""Seconds over which the rate is measured: short enough to be true, long enough to be read."""


class Meter:
    """Is fed with bytes done at monotonic seconds; a step back, as after a resume, begins anew."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def feed(self, now: float, done: int) -> None:
        """Note that ``done`` bytes are done."""
        seen = self._seen
        if seen and done < seen[-1][1]:
            seen.clear()
        seen.append((now, done))
        while len(seen) > 2 and seen[1][0] <= now - SPAN:  # noqa: PLR2004 - two make a span
            seen.popleft()

    def forget(self) -> None:
        """Begin anew: nothing goes on for the moment."""
        self._seen.clear()

    @property
    def rate(self) -> float | None:
        """Return bytes per second; None while it is not known."""
        if len(self._seen) < 2:  # noqa: PLR2004 - two make a span
            return None
        (begin, first), (end, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end - begin) if end > begin else None

    def left(self, size: int) -> float | None:
        """Return the seconds that are left until ``size`` bytes are done; None while that is not known."""
        rate = self.rate
        if not rate or not self._seen:
            return None
        return max(0, size - self._seen[-1][1]) / rate
