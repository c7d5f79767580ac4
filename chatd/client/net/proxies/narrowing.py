"""Narrowing: smaller segments for the later ones of several attempts at once to reach a proxy over TLS.

Its certificates are large packets, which a path may swallow before anything is known of it. Nothing but
silence tells of that, so the attempts that are made beside silent ones have smaller and smaller segments.
"""

from typing import Final

from chatd.client.core.segments import LADDER

WIDE: Final = 2
"""Attempts under way at once with segments of any size: one, and one for a first packet that was lost."""

TERM: Final = 600.0
"""Seconds for which the size that came through is kept: the network may be another one then."""


class Narrowing:
    """Counts the attempts that are under way, and knows the size that came through last."""

    def __init__(self) -> None:
        self._under_way = 0
        self._found = 0
        self._until = 0.0

    def begin(self, size: int, now: float) -> int:
        """Count an attempt that may have segments of ``size`` bytes, 0 for any; return how large they are."""
        self._under_way += 1
        known = self._found if now < self._until else 0
        least = max(LADDER.index(size), LADDER.index(known))
        further = self._under_way - (WIDE if least == 0 else 1)
        return LADDER[min(least + max(0, further), len(LADDER) - 1)]

    def ended(self) -> None:
        """Note that an attempt is not under way any more, whatever has come of it."""
        self._under_way -= 1

    def came_through(self, size: int, now: float) -> None:
        """Note that an attempt with segments of ``size`` bytes reached the proxy."""
        self._found, self._until = size, now + TERM
