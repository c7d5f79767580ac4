"""The log: events numbered 1, 2, 3, … without holes, and the recent ones in memory.

A log knows three numbers: `first` (the oldest event still kept), `head` (the last one that is on disk) and
`last` (the last one numbered; those above `head` wait for their commit). Frames are opaque here.
"""

from typing import Protocol

TAIL_BYTES = 262_144
"""Bytes of recent frames that one log keeps in memory, so that most readers that lag need no disk."""


class Follower(Protocol):
    """Somebody who stands at the head of a log and is handed what grows there."""

    def hand(self, data: bytes, /) -> None:
        """Take joined frames."""


class Log:
    """One append-only log."""

    __slots__ = (
        "_tail",
        "_tail_first",
        "first",
        "followers",
        "head",
        "id",
        "last",
        "name",
        "tail_bytes",
        "ts",
    )

    def __init__(self, log_id: int, name: str, first: int = 1, head: int = 0) -> None:
        self.id = log_id
        self.name = name
        self.first = first
        self.head = head
        self.last = head
        self.ts = 0
        self.followers: set[Follower] = set()
        self._tail: list[bytes] = []
        self._tail_first = head + 1
        self.tail_bytes = 0

    def number(self, now: int) -> int:
        """Return the number of the next event, and see to it that `ts` never goes back."""
        self.ts = max(self.ts, now)
        self.last += 1
        return self.last

    def grow(self, frames: list[bytes]) -> None:
        """Take in committed ``frames``: the head moves by as many and followers are handed them."""
        joined = frames[0] if len(frames) == 1 else b"".join(frames)
        self.head += len(frames)
        self._remember(frames, len(joined))
        for follower in list(self.followers):
            follower.hand(joined)

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

    def recent(self, after: int, limit: int) -> list[bytes] | None:
        """Return frames above ``after``, at least one and about ``limit`` bytes, from memory.

        Returns None where memory does not reach back that far, an empty list at the head.
        """
        begin = after + 1 - self._tail_first
        if begin < 0:
            return None
        page: list[bytes] = []
        size = 0
        for index in range(begin, len(self._tail)):
            page.append(self._tail[index])
            size += len(self._tail[index])
            if size >= limit:
                break
        return page

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
