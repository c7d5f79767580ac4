"""Newcomers: how many sessions one address may begin per minute."""

from typing import Final

from chatd.chat.quota import Bucket
from chatd.server.addresses import network_of

MINUTE: Final = 60.0
"""Seconds in a minute."""

LOOK_AGAIN: Final = 2000
"""Addresses from which on those that have not begun a session lately are looked for and forgotten."""


SOONEST: Final = 1.0
"""Seconds after which somebody who is refused may come back at the soonest."""

LATEST: Final = 3600.0
"""Seconds within which the slots lie: a client waits no longer; beyond, they begin anew."""


class Slots:
    """Gives everybody who is refused a moment of their own to come back, ``interval`` seconds apart."""

    __slots__ = ("_interval", "_last")

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._last = 0.0

    def take(self, now: float, wait: float = 0.0) -> float:
        """Return the seconds until the next free slot, which is not before ``wait`` have gone by."""
        soonest = now + max(wait, SOONEST)
        slot = max(soonest, self._last + self._interval)
        if slot - now > LATEST:
            slot = soonest
        self._last = slot
        return slot - now


class Newcomers:
    """Counts the sessions that each address begins; ``per_minute`` 0 is no limit.

    An IPv6 network of 64 bits counts as one address: whoever has one of its addresses has them all.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: dict[str, Bucket] = {}
        self._slots: dict[str, Slots] = {}
        self._look_at = LOOK_AGAIN

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, host: str, now: float) -> float:
        """Count another session of ``host`` and return 0, or the seconds until its own slot to begin one."""
        if not self._per_minute:
            return 0.0
        host = network_of(host)
        bucket = self._buckets.get(host)
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[host] = Bucket(self._per_minute / MINUTE, self._per_minute, now)
        wait = bucket.take(now)
        if not wait:
            return 0.0
        slots = self._slots.get(host)
        if slots is None:
            slots = self._slots[host] = Slots(MINUTE / self._per_minute)
        return slots.take(now, wait)

    def _forget(self, now: float) -> None:
        """Forget who has been patient, so that passers-by leave nothing behind."""
        if len(self._buckets) < self._look_at:
            return
        for bucket in self._buckets.values():
            bucket.refill(now)
        self._buckets = {host: bucket for host, bucket in self._buckets.items() if not bucket.full}
        self._slots = {host: slots for host, slots in self._slots.items() if host in self._buckets}
        self._look_at = max(LOOK_AGAIN, 2 * len(self._buckets))
