"""Quotas: bound how much peers may create, and how quickly they may ask (P5, P6)."""

from collections.abc import Hashable
from dataclasses import dataclass
from math import inf
from typing import Final

SOONEST: Final = 1.0
"""Seconds after which somebody who is refused may come back at the soonest."""

WINDOW: Final = 120.0
"""Seconds within which the slots lie, from the first that is possible on.

Nobody waits longer for a crowd that never comes. Where more come than fit, several share an interval, and
whoever finds no place is named another slot.
"""

LEASED: Final = 256
"""Units that a connection leases at once: so seldom is it looked at what user and address may spend."""

CALM: Final = 1.0
"""Seconds' worth of units that a user's bucket has to hold before the user counts as quiet again."""

_GOLDEN: Final = 0.618_033_988_749_895
"""Fraction of an interval by which each round of slots is shifted: no two of them fall together."""


class Bucket:
    """A token bucket: ``burst`` units at once, ``rate`` of them per second in the long run; 0 is no limit.

    ``left`` is the number of units that may still be taken. Whoever takes more than there are has to wait
    until the debt is paid. ``now`` is in seconds of any clock; if it goes back, time counts from there on.
    """

    __slots__ = ("_at", "burst", "left", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst if rate else inf
        self.left = self.burst
        self._at = now

    @property
    def full(self) -> bool:
        """Return whether the bucket is full, as if nothing had been taken."""
        return self.left >= self.burst

    def adjust(self, rate: float, burst: float) -> None:
        """Go on with another ``rate`` and ``burst``; what was spent stays spent, as far as it can."""
        if not rate:
            self.left = inf
        elif self.rate:
            self.left = min(self.left + burst - self.burst, burst)
        else:
            self.left = burst
        self.rate, self.burst = rate, burst if rate else inf

    def refill(self, now: float) -> None:
        """Add the units that have come since the last time."""
        self.left = min(self.burst, self.left + self.rate * max(0.0, now - self._at))
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until one unit is there; 0 if one is."""
        self.refill(now)
        return 0.0 if self.left >= 1 else (1 - self.left) / self.rate

    def take(self, now: float) -> float:
        """Take one unit and return 0; if there is none, return the seconds until there is."""
        wait = self.wait(now)
        if not wait:
            self.left -= 1
        return wait


class Lease:
    """The units that one connection has in hand, taken from buckets that it shares with others.

    ``left`` is what may be spent without asking anybody. Whoever has spent it leases further units,
    ``leased`` at once, of the ``first`` bucket, the user's, and of all ``others``. ``over_since`` is the
    second since which it has wanted more than the user's bucket gives; short pauses do not end that.
    """

    __slots__ = ("_buckets", "_first", "_leased", "left", "over_since")

    def __init__(self, first: Bucket, *others: Bucket, left: float = 0.0, leased: int = LEASED) -> None:
        self._first = first
        self._leased = leased
        self._buckets = (first, *others)
        self.left = left
        self.over_since: float | None = None

    def wait(self, now: float) -> float:
        """Return 0 if something may be spent, after leasing what there is; or the seconds until it may."""
        if self.left > 0:
            return 0.0
        for bucket in self._buckets:
            bucket.refill(now)
        taken = min(self._leased - self.left, *(bucket.left for bucket in self._buckets))
        if taken > 0:
            self.left += taken
            for bucket in self._buckets:
                bucket.left -= taken
        if self.left > 0:
            if self._first.left >= self._first.rate * CALM:
                self.over_since = None
            return 0.0
        if self.over_since is None and self._first.left < 1:
            self.over_since = now
        debt = 1 - self.left
        return max(
            min(debt - bucket.left, bucket.burst) / bucket.rate for bucket in self._buckets if bucket.rate
        )

    def calms_in(self, now: float) -> float:
        """Return the seconds until the user's bucket has recovered if nothing more is asked; 0 if it has."""
        first = self._first
        first.refill(now)
        missing = first.rate * CALM - first.left - min(0.0, self.left)
        if not first.rate or missing <= 0:
            self.over_since = None
            return 0.0
        return missing / first.rate


class Slots:
    """Gives each of those who are refused a moment of their own to come back, ``interval`` seconds apart.

    When the window is full, another round goes through it, at moments between those of the rounds before.
    """

    __slots__ = ("_interval", "_last", "_shift")

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._last = 0.0
        self._shift = 0.0

    def take(self, now: float, wait: float = 0.0) -> float:
        """Return the seconds until the next free slot: from ``wait`` on, and within the window behind it."""
        soonest = now + max(wait, SOONEST)
        slot = max(soonest, self._last + self._interval)
        if slot > soonest + WINDOW:
            self._shift = (self._shift + _GOLDEN) % 1
            slot = soonest + self._shift * min(self._interval, WINDOW)
        self._last = slot
        return slot - now


class Ration(Bucket):
    """A token bucket that names each of those who have to wait a moment of their own."""

    __slots__ = ("_slots",)

    def __init__(self, rate: float, burst: float, now: float) -> None:
        super().__init__(rate, burst, now)
        self._slots: Slots | None = None

    def take(self, now: float) -> float:
        """Take one unit and return 0; if there is none, return the seconds until a slot for one."""
        wait = super().take(now)
        return self.slot(now, wait) if wait else 0.0

    def slot(self, now: float, wait: float) -> float:
        """Return the seconds until a moment for somebody who has to wait for ``wait`` seconds at least."""
        if self._slots is None:
            self._slots = Slots(1 / self.rate if self.rate else 0.0)
        return self._slots.take(now, wait)

    def adjust(self, rate: float, burst: float) -> None:
        """Go on with another ``rate`` and ``burst``."""
        super().adjust(rate, burst)
        self._slots = None


class Meter(dict[Hashable, Bucket]):
    """What somebody has used of the budgets that `chatd.server.budgets` names, by what that is."""

    __slots__ = ()

    def ration(self, action: Hashable, rate: float, burst: float, now: float) -> Ration:
        """Return what is left of ``action``."""
        ration = self.get(action)
        if not isinstance(ration, Ration):
            ration = self[action] = Ration(rate, burst, now)
        elif ration.rate != rate:
            ration.adjust(rate, burst)
        return ration

    def pool(self, what: Hashable, rate: float, burst: float, now: float) -> Bucket:
        """Return what is left of ``what`` that goes at a rate."""
        pool = self.get(what)
        if pool is None:
            pool = self[what] = Bucket(rate, burst, now)
        elif pool.rate != rate:
            pool.adjust(rate, burst)
        return pool


@dataclass(frozen=True, slots=True)
class Quota:
    """Bounds of what all may create together and what each user may; 0 is no limit.

    ``users``, ``rooms`` (logs of direct messages included) and ``acts`` (bans and their like) in all,
    ``devices`` of one user, ``direct`` logs that one user begins, and new rooms and logs ``per_hour`` of one
    user.
    """

    users: int = 0
    rooms: int = 0
    devices: int = 0
    direct: int = 0
    per_hour: int = 0
    acts: int = 0


def reached(count: int, limit: int) -> bool:
    """Return whether ``count`` of something has reached ``limit``; a limit of 0 is none."""
    return 0 < limit <= count
