"""Counting: one bit for each event of a log, whether it counts as something said, and sums of them.

What is unread is the number of events behind a mark that count. A bit each is little enough to be kept in
memory for all logs; on the disk they are in blocks, written now and then, and what these do not tell yet is
told by the events.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from chatd.chat.changes.rows import PutTally
from chatd.wire.messages import Event

BLOCK: Final = 4096
"""Events in one block: half a kilobyte, which is what a change of one of them costs."""

COUNTED: Final = frozenset({"message", "file"})
"""The kinds of events that count, whoever said it."""

_FULL: Final = (1 << BLOCK) - 1

Counted = Callable[[int, int, int], Iterable[int]]
"""Returns which events of a log, from one number to another, count."""


def bits_of(events: Sequence[Event | bytes]) -> int:
    """Return which of ``events`` count: the lowest bit is the first one's. Bytes are a plain message."""
    bits = ["1" if isinstance(event, bytes) or event.kind in COUNTED else "0" for event in reversed(events)]
    return int("".join(bits) or "0", 2)


class Tally:
    """Which events of a log count, from about its first one that is kept to its head.

    Blocks that are full are kept as bytes with their sums, the last one is a number.
    """

    __slots__ = ("_begin", "_full", "_open", "_sums")

    def __init__(self, head: int = 0) -> None:
        self._begin = (head + 1) // BLOCK
        self._full: list[bytes] | None = None
        self._sums: array[int] | None = None
        self._open = 0

    def load(self, rows: Iterable[PutTally]) -> None:
        """Take what is kept in ``rows``, which come one behind the other up to the head."""
        for row in rows:
            if self._full is None and not self._open:
                self._begin = row.seq // BLOCK
            self._add(int.from_bytes(row.bits, "little"), row.upto + 1 - row.seq)

    def grow(self, head: int, number: int, bits: int) -> None:
        """Let ``number`` events behind ``head``, the last one until now, count as ``bits`` says."""
        at = (head + 1) % BLOCK
        self._add(self._open | bits << at, at + number)

    def _add(self, bits: int, number: int) -> None:
        """Let the open block, and others behind it, have ``bits`` of so many events."""
        while number >= BLOCK:
            if self._full is None or self._sums is None:
                self._full, self._sums = [], array("H")
            block = bits & _FULL
            self._full.append(block.to_bytes(BLOCK // 8, "little"))
            self._sums.append(block.bit_count())
            bits >>= BLOCK
            number -= BLOCK
        self._open = bits

    def above(self, after: int) -> int:
        """Return how many events behind event ``after`` count."""
        number, at = divmod(after + 1, BLOCK)
        number -= self._begin
        if self._full is None or self._sums is None or number >= len(self._full):
            full = 0 if self._full is None else len(self._full)
            if number > full:
                return 0
            return (self._open >> at if number == full else self._open).bit_count()
        if number < 0:
            number = at = 0
        part = (int.from_bytes(self._full[number], "little") >> at).bit_count()
        return part + sum(self._sums[number + 1 :]) + self._open.bit_count()

    def put(self, seq: int, counts: bool) -> None:
        """Let event ``seq``, which is there, count or not."""
        number, at = divmod(seq, BLOCK)
        number -= self._begin
        bits = self._bits(number)
        if number < 0 or (bits >> at & 1) == counts:
            return
        bits ^= 1 << at
        if self._full is None or self._sums is None or number >= len(self._full):
            self._open = bits
        else:
            self._full[number] = bits.to_bytes(BLOCK // 8, "little")
            self._sums[number] = bits.bit_count()

    def _bits(self, number: int) -> int:
        if number < 0:
            return 0
        if self._full is None or number >= len(self._full):
            return self._open
        return int.from_bytes(self._full[number], "little")

    def forget(self, first: int) -> None:
        """Keep nothing of full blocks in which all is older than event ``first``."""
        if self._full is not None and self._sums is not None:
            gone = max(0, min(first // BLOCK - self._begin, len(self._full)))
            del self._full[:gone], self._sums[:gone]
            self._begin += gone

    def rows(self, log: int, first: int, head: int, but: Iterable[int]) -> Iterator[PutTally]:
        """Yield what is kept of ``log`` from event ``first`` to ``head``; those in ``but`` do not count."""
        for begin in range(first - first % BLOCK, head + 1, BLOCK):
            if begin // BLOCK < self._begin:
                continue
            bits = self._bits(begin // BLOCK - self._begin)
            for seq in but:
                if begin <= seq < begin + BLOCK:
                    bits &= ~(1 << seq - begin)
            yield _row(log, begin, min(head, begin + BLOCK - 1), bits)


def completed(
    log: int, first: int, head: int, rows: Mapping[int, PutTally], counted: Counted
) -> tuple[list[PutTally], int]:
    """Return the rows of ``log`` from event ``first`` to ``head``, and the first one that they did not tell.

    That is 0 if they told all. They are by their ``seq``; ``counted`` returns which of some events count.
    """
    row = rows.get(first - first % BLOCK)
    if row is not None and row.upto == head and row.seq + BLOCK > head:  # as most of many
        return [row], 0
    found, lacks = [], 0
    for begin in range(first - first % BLOCK, head + 1, BLOCK):
        row, last = rows.get(begin), min(head, begin + BLOCK - 1)
        if row is None or row.upto > last:
            row = PutTally(log, begin, max(first, begin) - 1, b"")
        if row.upto < last:
            lacks = lacks or row.upto + 1
            bits = int.from_bytes(row.bits, "little")
            for seq in counted(log, row.upto + 1, last):
                bits |= 1 << seq - begin
            row = _row(log, begin, last, bits)
        found.append(row)
    return found, lacks


def _row(log: int, begin: int, upto: int, bits: int) -> PutTally:
    return PutTally(log, begin, upto, bits.to_bytes((bits.bit_length() + 7) // 8, "little"))
