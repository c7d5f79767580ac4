"""Sizes: how many bytes the events take that each log keeps, known at any time without a look at them.

A row per log holds their sum up to some event. It is written now and then, and in the transaction of whatever
takes events away or makes them shorter. So it is never wrong: what has come behind it is added at the start.
"""

from itertools import islice
from time import monotonic
from typing import Final

import apsw

from chatd.chat.changes.rows import DropRoom, Erase, Trim
from chatd.chat.storage import Changes
from chatd.store import schema

EVERY: Final = 60.0
"""Seconds after which rows of logs that have grown are written, with the next commit."""

AT_ONCE: Final = 200
"""Rows that one commit writes at the most because of that: 1 ms."""

TAKERS: Final = (Trim, Erase, DropRoom)
"""The changes that take events away, or make them shorter."""

_ROWS: Final = """
SELECT room, seq, bytes,
    (SELECT max(key) FROM events WHERE key > (room << 36) + seq AND key < (room + 1) << 36)
FROM (
    SELECT room, seq, bytes FROM sizes UNION ALL
    SELECT id, 0, 0 FROM rooms WHERE id NOT IN (SELECT room FROM sizes)
)
"""
_BEHIND: Final = "SELECT sum(length(frame)) FROM events WHERE key > ? AND key <= ?"
_TRIMMED: Final = """
SELECT coalesce(sum(length(frame)), 0) FROM events WHERE key >= ?1 << 36 AND key < (?1 << 36) + ?2
"""
_ERASED: Final = "SELECT length(frame) FROM events WHERE key = (?1 << 36) + ?2 AND ?3"
_PUT: Final = """
INSERT INTO sizes VALUES(?, ?, ?) ON CONFLICT(room) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes
"""
_DROP: Final = "DELETE FROM sizes WHERE room = ?"

_NOTHING: Final = (0, 0)
"""The number of the last event of a log that has none, and their bytes."""


class Sizes:
    """The sizes of the logs in ``database``; for the thread that writes. Anybody may ask for one (`of`).

    `changing` and `keep` are for within a transaction, `settle` or `forget` for behind it.
    """

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database
        self._known: dict[int, tuple[int, int]] = {}
        self._grown: dict[int, None] = {}
        self._pending: dict[int, tuple[int, int]] = {}
        self._dropped: set[int] = set()
        self._written: list[int] = []
        self._plain = False
        self._next = monotonic() + EVERY
        grown = []
        for log, seq, size, last in database.execute(_ROWS):
            self._known[log] = seq, size
            if last is not None:
                grown.append((log, schema.key(log, seq), last))
        for log, seen, last in grown:
            for (more,) in database.execute(_BEHIND, (seen, last)):
                self._known[log] = last - schema.key(log, 0), self.of(log) + more
                self._grown[log] = None

    def of(self, log: int) -> int:
        """Return how many bytes the events of ``log`` take."""
        return self._known.get(log, _NOTHING)[1]

    def changing(self, change: Trim | Erase | DropRoom) -> None:
        """Hear of a ``change`` that is about to be written."""
        if isinstance(change, Trim):
            for (size,) in self._database.execute(_TRIMMED, (change.room, change.first)):
                self._add(change.room, 0, -size)
        elif isinstance(change, Erase):
            for (size,) in self._database.execute(_ERASED, change[:3]):
                self._add(change.room, 0, len(change.stored) - size)
        else:
            self._dropped.add(change.id)
            self._pending.pop(change.id, None)
            self._database.execute(_DROP, (change.id,))

    def keep(self, changes: Changes) -> None:
        """Hear of the events of ``changes``, which were added; write what has to be written, or is due."""
        self._plain = not (self._pending or self._dropped or (self._grown and monotonic() >= self._next))
        if self._plain:
            return
        written = list(self._pending)  # something was taken away there
        for log, first, frames in changes.events:
            self._add(log, first + len(frames) - 1, sum(map(len, frames)))
        if self._grown and monotonic() >= self._next:
            due = [log for log in islice(self._grown, AT_ONCE) if log not in self._dropped]
            if len(self._grown) <= AT_ONCE:
                self._next = monotonic() + EVERY
            written += due
        if written:
            self._write(written)

    def keep_all(self) -> None:
        """Write the rows of all logs that have grown."""
        self._write(list(self._grown))
        self._settle()

    def settle(self, changes: Changes) -> None:
        """Hear that ``changes``, which were heard of, are durable."""
        if not self._plain:
            self._settle()
            return
        sizes, grown = self._known, self._grown
        for log, first, frames in changes.events:
            sizes[log] = first + len(frames) - 1, sizes.get(log, _NOTHING)[1] + sum(map(len, frames))
            grown[log] = None

    def _settle(self) -> None:
        for log, known in self._pending.items():
            self._known[log] = known
            self._grown[log] = None
        for log in self._written:
            self._grown.pop(log, None)
        for log in self._dropped:
            self._known.pop(log, None)
            self._grown.pop(log, None)
        self.forget()

    def forget(self) -> None:
        """Hear that what was heard of has failed."""
        self._pending.clear()
        self._dropped.clear()
        self._written = []

    def _add(self, log: int, last: int, size: int) -> None:
        seq, known = self._pending.get(log) or self._known.get(log, _NOTHING)
        self._pending[log] = max(seq, last), known + size

    def _write(self, logs: list[int]) -> None:
        rows = ((log, *(self._pending.get(log) or self._known[log])) for log in logs)
        self._database.executemany(_PUT, rows)
        self._written = logs
