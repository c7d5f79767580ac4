"""Trails: what was seen of a room, as checks, so that it can be told whether a log is still the one it was.

The latest events are known one by one, of older ones fewer and fewer are: the older, the wider apart. Between
two that are known lies at most a sixteenth of their distance from the newest one.
"""

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

from chatd.wire.check import DIGITS

WINDOW: Final = 256
"""Latest events that are known one by one, at the least; twice as many at the most."""

GRAIN: Final = 16
"""Events between two points that leave the run."""

PART: Final = 16
"""The part of its distance from the newest event that may lie between a point and the next."""

MOST: Final = 255
"""Points that are kept at the most, in 12 bytes each: enough for some hundred thousand events."""

_AGES: Final = (0, 1, 2, 3, 4, 5, 6, 8, 12, 18, 27, 40, 60, 90, 135, 200, 300, 450)
"""How far before the last event those are that stand for all of the run."""

_BYTES: Final = DIGITS // 2
_UNKNOWN: Final = bytes(_BYTES)
_HEAD: Final = struct.Struct("<BQ")
_POINT: Final = struct.Struct(f"<Q{_BYTES}s")


class Trail:
    """The checks of events seen of one room: a run of the latest ones, with small holes, and older points."""

    __slots__ = ("_begin", "_points", "_run")

    def __init__(self) -> None:
        self._points: list[tuple[int, bytes]] = []
        self._begin = 1
        self._run = bytearray()

    def __bool__(self) -> bool:
        return bool(self._run)

    @property
    def last(self) -> int:
        """Return the newest event known; 0 where there is none."""
        return self._begin + len(self._run) // _BYTES - 1 if self._run else 0

    def add(self, seq: int, check: str) -> None:
        """Note the ``check`` of event ``seq``, newer than all that is known."""
        hole = seq - self.last - 1
        if self._run and hole > WINDOW:
            self._spill(self.last + 1 - self._begin)
        if self._run:
            self._run += _UNKNOWN * hole
        else:
            self._begin = seq
        self._run += bytes.fromhex(check)
        if len(self._run) >= 2 * WINDOW * _BYTES:
            self._spill(WINDOW)

    def knows(self, seq: int, check: str) -> bool:
        """Return whether event ``seq`` was seen, with that ``check``."""
        return self._check(seq) == bytes.fromhex(check)

    def has(self, seq: int) -> bool:
        """Return whether the check of event ``seq`` is known."""
        return self._check(seq) is not None

    def next(self, seq: int) -> int:
        """Return the oldest event known behind ``seq``; the one behind the newest if there is none."""
        at = bisect_right(self._points, seq, key=lambda point: point[0])
        if at < len(self._points):
            return self._points[at][0]
        seq = max(seq + 1, self._begin)
        while seq <= self.last and self._at(seq) == _UNKNOWN:
            seq += 1
        return seq

    def points(self, most: int) -> list[tuple[int, str]]:
        """Return at most ``most`` events with their checks, the newest first, the older the wider apart."""
        if not self._run:
            return []
        run = [(seq, self._at(seq)) for seq in self._spread()]
        found = [*self._rare(), *(point for point in run if point[1] != _UNKNOWN)]
        count = len(found)
        if count > most:
            found = [found[i * (count - 1) // (most - 1)] for i in range(most)] if most > 1 else found[-1:]
        return [(seq, check.hex()) for seq, check in reversed(found)]

    def cut(self, seq: int) -> "Trail":
        """Return the part of it up to event ``seq``."""
        part = Trail()
        part._points = [point for point in self._points if point[0] <= seq]
        part._begin = self._begin
        part._run = self._run[: max(0, seq + 1 - self._begin) * _BYTES]
        while part._run.endswith(_UNKNOWN):
            del part._run[-_BYTES:]
        if not part._run and part._points:
            last, check = part._points.pop()
            part._begin, part._run = last, bytearray(check)
        return part

    def pack(self) -> bytes:
        """Return it as bytes, for `unpack`."""
        points = b"".join(_POINT.pack(*point) for point in self._points)
        return _HEAD.pack(len(self._points), self._begin) + points + self._run

    @classmethod
    def unpack(cls, data: bytes) -> "Trail":
        """Return what `pack` made bytes of; nothing where they make no sense."""
        trail = cls()
        if len(data) < _HEAD.size:
            return trail
        count, begin = _HEAD.unpack_from(data)
        end = _HEAD.size + count * _POINT.size
        if end <= len(data) and (len(data) - end) % _BYTES == 0:
            trail._points = list(_POINT.iter_unpack(data[_HEAD.size : end]))
            trail._begin, trail._run = begin, bytearray(data[end:])
        return trail

    # ---- inside -------------------------------------------------------------------------------------

    def _at(self, seq: int) -> bytes:
        begin = (seq - self._begin) * _BYTES
        return bytes(self._run[begin : begin + _BYTES])

    def _check(self, seq: int) -> bytes | None:
        if self._run and self._begin <= seq <= self.last:
            check = self._at(seq)
            return None if check == _UNKNOWN else check
        at = bisect_left(self._points, (seq, b""))
        return self._points[at][1] if at < len(self._points) and self._points[at][0] == seq else None

    def _spread(self) -> Iterator[int]:
        """Yield the run's first event, then ones that are ever closer to its last one, and that."""
        last = self.last
        yield self._begin
        yield from (last - age for age in reversed(_AGES) if last - age > self._begin)

    def _rare(self) -> list[tuple[int, bytes]]:
        """Return some of the older points: one for each doubling of the distance."""
        rare: list[tuple[int, bytes]] = []
        ages: set[int] = set()
        for seq, check in self._points:
            age = ((self._points[-1][0] - seq) // WINDOW).bit_length()
            if age not in ages:
                ages.add(age)
                rare.append((seq, check))
        return rare

    def _spill(self, count: int) -> None:
        """Make points of some of the ``count`` oldest events of the run, and keep fewer of the older ones."""
        newest = self._begin + count - 1
        while self._at(newest) == _UNKNOWN:  # the first one of a run is known
            newest -= 1
        for seq in range(self._begin, newest + 1):
            wanted = seq in {self._begin, newest} or seq % GRAIN == 0
            if wanted and (check := self._at(seq)) != _UNKNOWN:
                self._points.append((seq, check))
        del self._run[: count * _BYTES]
        self._begin += count
        while self._run.startswith(_UNKNOWN):
            del self._run[:_BYTES]
            self._begin += 1
        part = PART
        self._thin(part)
        while len(self._points) > MOST:
            part //= 2
            self._thin(part)

    def _thin(self, part: int) -> None:
        """Drop the points without which no hole is more than that ``part`` of its distance."""
        points = self._points
        newest = points[-1][0]
        kept = [points[-1]]
        for at in range(len(points) - 2, 0, -1):
            hole = kept[-1][0] - points[at - 1][0]
            if hole > max(GRAIN, (newest - points[at][0]) // part):
                kept.append(points[at])
        self._points = [*points[:1], *reversed(kept)] if len(points) > 1 else points
