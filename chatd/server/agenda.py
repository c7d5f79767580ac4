"""The agenda: who of very many is to be looked at when, so that whoever is quiet costs nothing until then."""

from typing import Final

from chatd.server.interfaces import Swept

GRAIN: Final = 0.125
"""Seconds that one slot of the agenda covers; a power of two, so that times and slots agree exactly."""

LATE: Final = 0.125
"""Seconds behind the end of a slot at which those in it are looked at.

A peer with the same heartbeat says something at the same moment, and needs no ping of ours then. A peer whose
words wait behind its own file hears of us by our pings alone, and suspects the link if they are far later.
"""


class Agenda:
    """Holds everybody in the slot of their ``due``, from the monotonic second ``now`` on.

    Nobody else is to change ``due`` of those who are in it: it says where they are found again.
    """

    def __init__(self, now: float) -> None:
        self._slots: dict[int, set[Swept]] = {}
        self._first = int(now / GRAIN)

    def plan(self, swept: Swept, due: float) -> None:
        """Have ``swept`` looked at when it is ``due``, or soon if that is over, and at no other time."""
        self.drop(swept)
        swept.due = due = max(due, self._first * GRAIN)
        slot = int(due / GRAIN)
        planned = self._slots.get(slot)
        if planned is None:
            planned = self._slots[slot] = set()
        planned.add(swept)

    def drop(self, swept: Swept) -> None:
        """Have ``swept`` looked at no more."""
        planned = self._slots.get(int(swept.due / GRAIN))
        if planned is not None:
            planned.discard(swept)

    def take(self, now: float) -> Swept | None:
        """Return, and drop, somebody who is due at the second ``now``; None if nobody is any more."""
        last = int((now - LATE) / GRAIN) - 1
        slots = self._slots
        while self._first <= last:
            planned = slots.get(self._first)
            if planned:
                return planned.pop()
            if planned is not None:
                del slots[self._first]
            self._first = min(last + 1, min(slots, default=last + 1))
        return None
