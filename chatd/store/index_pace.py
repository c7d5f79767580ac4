"""The pace of the index: how much of its time the writing thread gives to it while commits follow each other.

Pure: time comes in as an argument, in monotonic seconds.
"""

from typing import Final

SHARE: Final = 1
"""A slice is followed by so many times its time without one."""

MOST: Final = 0.35
"""Where keeping up would take more than this part of the time, commits go first: nobody waits for it."""

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
    """Knows how many messages come, and what it takes to index one."""

    __slots__ = ("_came", "_cost", "_rate", "_since", "next")

    def __init__(self, now: float) -> None:
        self._rate = 0.0
        self._came = 0
        self._since = now
        self._cost = COST
        self.next = now

    def come(self, messages: int, now: float) -> None:
        """Note that so many messages have come."""
        self._came += messages
        if now - self._since >= WINDOW:
            self._rate, self._came, self._since = self._came / (now - self._since), 0, now

    def took(self, messages: int, begin: float, end: float) -> None:
        """Note that a slice of so many messages took its time; ``next`` is when another one may begin."""
        if messages >= SMALL:
            self._cost += WEIGHT * ((end - begin) / messages - self._cost)
        self.next = end + (end - begin) * (CROWD_SHARE if self._rate * self._cost > MOST else SHARE)
