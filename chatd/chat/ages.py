"""Ages: how old events are at least, by the calendar, without a look at the disk.

A mark says that a log's events up to some number were there at some time. Marks are made now and then while
the daemon runs. An event is as old as the first mark at or above it; an event above all marks counts as new.
So every event that is taken for old is old, whatever times the events carry, and every event gets old in the
end: at the latest with the mark that follows.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final

from chatd.chat.changes.rows import Change, DropMark, DropMarks, PutMark

MOST: Final = 256
"""Marks of one log, some 16 bytes each; above that, marks go first that tell least for their age."""

PER_TERM: Final = 64
"""Marks that are made in the shortest time after which something is removed: that is late by as much."""

HALF_DAY: Final = 43_200_000
"""Milliseconds between two marks where nothing is removed for its age: that may be wanted some day."""

TEN_DAYS: Final = 864_000_000
"""Milliseconds between two marks at the most."""


def pause_between_marks(*terms: float) -> int:
    """Return the milliseconds between two marks if events are removed after ``terms``; 0 is never."""
    return round(min((min(term / PER_TERM, TEN_DAYS) for term in terms if term), default=HALF_DAY))


class Ages:
    """The marks of all logs: `mark` and `forget` decide what is to change, the others change it."""

    def __init__(self) -> None:
        self._logs: dict[int, _Marks] = {}

    def put(self, log: int, seq: int, at: int) -> int | None:
        """Keep a mark; return what it said before, None if it is new."""
        return self._logs.setdefault(log, _Marks()).put(seq, at)

    def drop(self, log: int, seq: int) -> int:
        """Forget a mark; return what it said."""
        marks = self._logs[log]
        at = marks.drop(seq)
        if not marks.seqs:
            del self._logs[log]
        return at

    def below(self, log: int, first: int) -> list[int]:
        """Return the numbers of the marks of ``log`` below ``first``."""
        marks = self._logs.get(log)
        return [] if marks is None else list(marks.seqs[: bisect_left(marks.seqs, first)])

    def mark(self, log: int, head: int, now: int, pause: int) -> list[Change]:
        """Return what is to change for ``log`` to have a mark at ``head``, ``pause`` after the last one."""
        marks = self._logs.get(log)
        if marks is None:
            return [PutMark(log, head, now)] if head else []
        if head <= marks.seqs[-1] or now - marks.times[-1] < pause:
            return []
        return [PutMark(log, head, now), *(DropMark(log, seq) for seq in marks.spare(head, now))]

    def forget(self, log: int, first: int) -> list[Change]:
        """Return what is to change for ``log`` to have no mark below ``first``: its events are removed."""
        return [DropMarks(log, first)] if self.below(log, first) else []

    def old(self, log: int, before: int) -> int:
        """Return the newest event of ``log`` that is known to have been there at ``before``; 0 if none is."""
        marks = self._logs.get(log)
        return 0 if marks is None else marks.old(before)


class _Marks:
    """The marks of one log, oldest first: both numbers and times ascend."""

    __slots__ = ("seqs", "times")

    def __init__(self, seqs: Iterable[int] = (), times: Iterable[int] = ()) -> None:
        self.seqs = array("q", seqs)
        self.times = array("q", times)

    def put(self, seq: int, at: int) -> int | None:
        index = bisect_left(self.seqs, seq)
        if index < len(self.seqs) and self.seqs[index] == seq:
            before = self.times[index]
            self.times[index] = at
            return before
        self.seqs.insert(index, seq)
        self.times.insert(index, at)
        return None

    def drop(self, seq: int) -> int:
        index = self.seqs.index(seq)
        del self.seqs[index]
        return self.times.pop(index)

    def old(self, before: int) -> int:
        count = bisect_right(self.times, before)
        return self.seqs[count - 1] if count else 0

    def spare(self, seq: int, now: int) -> list[int]:
        """Return those that are too many once there is another one of ``seq``."""
        if len(self.seqs) < MOST:
            return []
        after = _Marks(self.seqs, self.times)
        after.put(seq, now)
        return [after.thin(now) for _ in range(len(after.seqs) - MOST)]

    def thin(self, now: int) -> int:
        """Drop the one that is missed least, as a part of the age that it tells; return its number."""
        times = self.times

        def loss(index: int) -> float:
            return (times[index + 1] - times[index - 1]) / max(1, now - times[index - 1])

        least = min(range(1, len(times) - 1), key=loss)
        del times[least]
        return self.seqs.pop(least)
