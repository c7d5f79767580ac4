"""Ages: how long events have been there at the least, by the calendar, without a look at the disk.

A mark says that a log's events up to some number were there at some time. Marks are made now and then while
the daemon runs. An event is as old as the first mark at or above it; one above all marks counts as new. So
what is taken for old is old, whatever times the events carry, and gets old in the end: at the latest with the
mark that follows.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from chatd.chat.storage import Change, DropMark, DropMarks, PutMark

MOST: Final = 256
"""Marks of one log, some 16 bytes each; beyond, those go first that tell least for their age."""

PER_TERM: Final = 64
"""Marks that are made in the shortest time after which something is removed: that is late by as much."""

HALF_DAY: Final = 43_200_000
"""Milliseconds between two marks where nothing is removed for its age: that may be wanted some day."""

TEN_DAYS: Final = 864_000_000
"""Milliseconds between two marks at the most."""


def pause_between_marks(*terms: float) -> int:
    """Return the milliseconds between two marks where events are removed after ``terms``, 0 being never."""
    return round(min((min(term / PER_TERM, TEN_DAYS) for term in terms if term), default=HALF_DAY))


class Ages:
    """The marks of all logs."""

    def __init__(self, marks: Iterable[PutMark] = ()) -> None:
        self._logs: dict[int, _Marks] = {}
        for mark in sorted(marks):
            self._logs.setdefault(mark.room, _Marks()).add(mark.seq, mark.at)

    def mark(self, log: int, head: int, now: int, pause: int) -> list[Change]:
        """Note that ``log`` has events up to ``head``, ``pause`` after the last mark; return what changed."""
        marks = self._logs.get(log)
        if marks is None:
            if not head:
                return []
            marks = self._logs[log] = _Marks()
        elif head <= marks.seqs[-1] or now - marks.times[-1] < pause:
            return []
        marks.add(head, now)
        changes: list[Change] = [PutMark(log, head, now)]
        while len(marks.seqs) > MOST:
            changes.append(DropMark(log, marks.thin(now)))
        return changes

    def old(self, log: int, before: int) -> int:
        """Return the newest event of ``log`` that is known to have been there at ``before``; 0 if none is."""
        marks = self._logs.get(log)
        return 0 if marks is None else marks.old(before)

    def forget(self, log: int, first: int) -> list[Change]:
        """Keep no mark of ``log`` below ``first``, where its events are removed; return what changed."""
        marks = self._logs.get(log)
        if marks is None or marks.seqs[0] >= first:
            return []
        if not marks.cut(first):
            del self._logs[log]
        return [DropMarks(log, first)]


class _Marks:
    """The marks of one log, oldest first: both numbers and times ascend."""

    __slots__ = ("seqs", "times")

    def __init__(self) -> None:
        self.seqs = array("q")
        self.times = array("q")

    def add(self, seq: int, at: int) -> None:
        self.seqs.append(seq)
        self.times.append(at)

    def old(self, before: int) -> int:
        count = bisect_right(self.times, before)
        return self.seqs[count - 1] if count else 0

    def cut(self, first: int) -> int:
        """Keep none below ``first``; return how many are left."""
        count = bisect_right(self.seqs, first - 1)
        del self.seqs[:count], self.times[:count]
        return len(self.seqs)

    def thin(self, now: int) -> int:
        """Drop the one that is missed least, as a part of the age that it tells; return its number."""
        times = self.times

        def loss(index: int) -> float:
            return (times[index + 1] - times[index - 1]) / max(1, now - times[index - 1])

        least = min(range(1, len(times) - 1), key=loss)
        del times[least]
        return self.seqs.pop(least)
