"""Attempts: delays those who try to log in again and again, each longer than the one before.

Counted are keys of any kind: a nick, whether somebody has it or not, or an address. It is told the time.
"""

from dataclasses import dataclass
from typing import Final

FREE: Final = 3
"""Attempts in a row that cost no delay: people mistype."""

FORGET: Final = 3600.0
"""Seconds after its last attempt at which a key begins anew."""

MOST_KEYS: Final = 20_000
"""Keys that are counted at once; beyond, those that were quiet for longest are forgotten (P5)."""


@dataclass(slots=True)
class _Count:
    attempts: int
    last: float
    until: float


class Attempts:
    """Counts attempts by key, and delays the next one by 1, 2, 4, … seconds, ``most`` at the most.

    An attempt counts as failed from its beginning on, so that many at the same moment gain nothing; one that
    has succeeded is taken back by `forgive`.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._counts: dict[str, _Count] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def wait(self, key: str, now: float) -> float:
        """Return the seconds until ``key`` may try again; 0 if it may."""
        count = self._counts.get(key)
        return 0.0 if count is None else min(max(0.0, count.until - now), self._most)

    def begin(self, key: str, now: float) -> None:
        """Count an attempt."""
        count = self._counts.pop(key, None)
        if count is None or now - count.last >= FORGET:
            self._make_room(now)
            count = _Count(0, now, now)
        count.attempts += 1
        count.last = now
        beyond = count.attempts - FREE
        if beyond >= 0:
            count.until = now + min(self._most, 2.0 ** min(beyond, 60))
        self._counts[key] = count

    def forgive(self, key: str) -> None:
        """Take back an attempt that has succeeded, or was none. Failed ones before it still count."""
        count = self._counts.get(key)
        if count is not None:
            count.attempts -= 1
            count.until = min(count.until, count.last)
            if not count.attempts:
                del self._counts[key]

    def _make_room(self, now: float) -> None:
        """Forget the keys that are due, and else the one that was quiet for longest."""
        while self._counts:
            oldest = next(iter(self._counts))
            if len(self._counts) < MOST_KEYS and now - self._counts[oldest].last < FORGET:
                return
            del self._counts[oldest]
