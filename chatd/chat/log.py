"""The log: events numbered 1, 2, 3, … without holes, and the recent ones in memory.

A log knows three numbers: `first` (the oldest event still kept), `head` (the last one that is on disk) and
`last` (the last one numbered; those above `head` wait for their commit). Frames are opaque here.
"""

from collections.abc import Callable
from typing import Protocol

TAIL_BYTES = 262_144
"""Bytes of recent frames that one log keeps in memory, so that most readers that lag need no disk."""


AT_ONCE_BYTES = 131_072
"""Bytes that a follower is handed in one piece at the most; larger batches are fetched in pages (P5)."""


Outlet = Callable[[bytes], int]
"""Where a follower takes joined frames: it returns how many bytes it took, or raises OSError for none.

It is called once per delivery, so it is to be the system's own call wherever that may be (P6).
"""


class Follower(Protocol):
    """Somebody who stands at the head of a log and is handed what grows there."""

    def hand(self, data: bytes, /) -> None:
        """Take whole frames that are in no log."""

    def rest(self, data: bytes, /) -> None:
        """Take what the outlet did not take."""

    def leave_behind(self, log: "Log", cursor: int) -> None:
        """Be no follower for now, with the cursor at ``cursor``; the rest is to be fetched."""

    def fault(self) -> None:
        """End because of the exception that is being handled: it concerns this follower alone (P8)."""


class Log:
    """One append-only log."""

    __slots__ = (
        "_asked",
        "_grown",
        "_page",
        "_tail",
        "_tail_first",
        "_told",
        "_untold",
        "first",
        "followers",
        "head",
        "id",
        "last",
        "name",
        "tail_bytes",
        "ts",
        "volume",
    )

    def __init__(self, log_id: int, name: str, first: int = 1, head: int = 0, ts: int = 0) -> None:
        self.id = log_id
        self.name = name
        self.first = first
        self.head = head
        self.last = head
        self.ts = ts
        self.volume = 0
        self.followers: dict[Follower, Outlet] = {}
        self._untold: dict[Follower, Outlet] = {}
        self._told = head
        self._grown = b""
        self._tail: list[bytes] = []
        self._tail_first = head + 1
        self.tail_bytes = 0
        self._forget_page()

    def number(self, now: int) -> int:
        """Return the number of the next event, and see to it that `ts` never goes back."""
        self.ts = max(self.ts, now)
        self.last += 1
        return self.last

    def grow(self, frames: list[bytes], most: int) -> int:
        """Take in committed ``frames``: the head moves by as many, and ``most`` followers are owed them.

        Returns how many; `deliver` hands them out, and until then they stand where the head was. All others
        are left behind, to catch up in later turns. Nothing may be owed any more of what grew before.
        """
        joined = frames[0] if len(frames) == 1 else b"".join(frames)
        if len(joined) > AT_ONCE_BYTES:
            most = 0
        self._told = self.head
        self.head += len(frames)
        self.volume += len(joined)
        self._remember(frames, len(joined))
        self._grown = joined
        self._untold = self.followers.copy()
        for follower in list(self._untold)[most:]:
            try:
                follower.leave_behind(self, self._told)
            except Exception:  # noqa: BLE001 - a fault costs that follower alone (P8)
                follower.fault()
        return len(self._untold)

    def deliver(self, most: int) -> int:
        """Hand what has grown to ``most`` of those who were not handed it yet; return to how many."""
        untold, grown = self._untold, self._grown
        size = len(grown)
        count = min(most, len(untold))
        for _ in range(count):
            follower, outlet = untold.popitem()
            try:
                try:
                    taken = outlet(grown)
                except OSError:
                    taken = 0
                if taken < size:
                    follower.rest(grown[taken:])
            except Exception:  # noqa: BLE001 - a fault costs that follower alone (P8)
                follower.fault()
        if not untold:
            self._grown = b""
        return count

    def stand(self, follower: Follower) -> int:
        """Return the last event that ``follower`` was handed."""
        return self._told if follower in self._untold else self.head

    def passed(self, follower: Follower) -> int:
        """Return how much of `volume`, all bytes that ever grew here, was there where ``follower`` stands."""
        return self.volume - len(self._grown) if follower in self._untold else self.volume

    def admit(self, follower: Follower, outlet: Outlet) -> None:
        """Hand ``follower`` from now on what grows; it stands at the head."""
        self.followers[follower] = outlet

    def dismiss(self, follower: Follower) -> None:
        """Let ``follower`` go; it is handed nothing any more."""
        self.followers.pop(follower, None)
        self._untold.pop(follower, None)

    def forget_uncommitted(self) -> None:
        """Take back the numbers of events whose commit failed."""
        self.last = self.head

    def drop_before(self, first: int) -> None:
        """Keep no event below ``first`` any more (retention)."""
        self.first = max(self.first, min(first, self.head + 1))

    def forget_tail(self) -> None:
        """Keep nothing in memory; readers go to the store."""
        self._tail = []
        self._tail_first = self.head + 1
        self.tail_bytes = 0
        self._forget_page()

    def _forget_page(self) -> None:
        self._asked, self._page = (0, 0, 0), (0, b"")

    def recent(self, after: int, limit: int) -> tuple[int, bytes] | None:
        """Return frames above ``after``, at least one and about ``limit`` bytes, from memory.

        They come as their number and their joined bytes, the same bytes object for all who ask for the same.
        Returns None where memory does not reach back that far, no frames at the head.
        """
        begin = after + 1 - self._tail_first
        if begin < 0:
            return None
        asked = (after, limit, self.head)
        if self._asked != asked:
            self._asked, self._page = asked, self._read_tail(begin, limit)
        return self._page

    def _read_tail(self, begin: int, limit: int) -> tuple[int, bytes]:
        size = 0
        end = begin
        while end < len(self._tail) and size < limit:
            size += len(self._tail[end])
            end += 1
        return end - begin, b"".join(self._tail[begin:end])

    def _remember(self, frames: list[bytes], size: int) -> None:
        self._tail += frames
        self.tail_bytes += size
        if self.tail_bytes <= TAIL_BYTES:
            return
        drop = 0
        while self.tail_bytes > TAIL_BYTES // 2:
            self.tail_bytes -= len(self._tail[drop])
            drop += 1
        del self._tail[:drop]
        self._tail_first += drop
