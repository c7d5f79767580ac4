"""The pace of the index: when a slice is worth its transaction, and how much time the writing thread gives.

Each transaction has costs of its own, and makes a piece of the index that is merged later. So messages are
gathered for a moment, and taken in when nothing else is to be done.

Pure: time comes in as an argument, in monotonic seconds.
"""

from typing import Final

GATHER: Final = 0.5
"""Seconds for which messages are gathered before a slice of them is taken, unless more come all the time."""

FULL: Final = 400
"""Messages that are gathered no longer: less than a search looks at one by one."""

QUIET: Final = 0.1
"""Seconds without a commit after which a burst is over: no slice is taken within one."""

LITTLE: Final = 0.03
"""Where keeping up takes more than this part of the time, a slice waits for the end of a burst."""

DEFER: Final = 2.0
"""Seconds for which it waits for that."""

SHARE: Final = 2
"""A slice is followed by so many times its time without one."""

MOST: Final = 0.35
"""Where keeping up would take more than this part of the time, commits go first: nobody waits for it."""

BUSY: Final = 0.5
"""The same where everything else in the process uses more than this part of a processor: whoever sends then
waits for the daemon, and would be slowed down."""

CROWD_SHARE: Final = 40
"""The same as `SHARE` then. What is left over is taken in when there is less to do."""

WINDOW: Final = 0.1
"""Seconds over which messages are counted."""

COST: Final = 3e-5
"""Seconds that one message takes, until that is known."""

SMALL: Final = 20
"""Messages of a slice from which on it tells what one takes."""

WEIGHT: Final = 0.2
"""The weight of the last slice in that."""


class Pace:
    """Knows how many messages come, and what it takes to index one; they are gathered for ``gather`` seconds.

    ``next`` is when the share of the time that is the index's has come between two commits.
    """

    __slots__ = (
        "_began",
        "_busy",
        "_came",
        "_cost",
        "_last",
        "_rate",
        "_since",
        "_used",
        "_waiting",
        "gather",
        "next",
    )

    def __init__(self, now: float, gather: float = GATHER) -> None:
        self.gather = gather
        self._waiting = 0
        self._began = now
        self._last = now - QUIET
        self._rate = self._busy = self._used = 0.0
        self._came = 0
        self._since = now
        self._cost = COST
        self.next = now

    def come(self, messages: int, now: float) -> None:
        """Note that so many messages have come."""
        if not self._waiting:
            self._began = now
        self._waiting += messages
        self._came += messages
        self._last = now

    def measures(self, now: float) -> bool:
        """Return whether it is time to `measure`."""
        return now - self._since >= WINDOW

    def measure(self, now: float, used: float) -> None:
        """See how many have come lately, and what all else has ``used``, in seconds of a processor."""
        passed = now - self._since
        self._rate, self._busy = self._came / passed, (used - self._used) / passed
        self._came, self._used, self._since = 0, used, now

    def until(self, now: float) -> float:
        """Return the seconds until a slice is worth its transaction, and no burst is under way."""
        gathered = now if self._waiting >= FULL else self._began + self.gather
        quiet = self._last if self._overflows(now) else self._last + QUIET
        return max(0.0, min(max(gathered, quiet), self._began + DEFER) - now)

    def between(self, now: float) -> bool:
        """Return whether a slice may begin between two commits."""
        return now >= self.next and (self._overflows(now) or now >= self._began + DEFER)

    def _overflows(self, now: float) -> bool:
        """Return whether a slice is taken within a burst that lasts, lest a search misses what waits."""
        lasts = self._waiting >= FULL and now >= self._began + self.gather
        return lasts and self._rate * self._cost <= LITTLE

    def done(self) -> None:
        """Note that no message is left."""
        self._waiting = 0

    def took(self, messages: int, begin: float, end: float) -> None:
        """Note that a slice of so many messages took its time."""
        self._waiting = max(0, self._waiting - messages)
        if self._waiting < FULL:
            self._began = end
        if messages >= SMALL:
            self._cost += WEIGHT * ((end - begin) / messages - self._cost)
        crowded = self._rate * self._cost > MOST or self._busy > BUSY
        self.next = end + (end - begin) * (CROWD_SHARE if crowded else SHARE)
