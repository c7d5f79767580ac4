"""Clearing: writes the index anew, a few pages at a time, once something was struck out of it.

That it has to be is kept in the database, in the transaction that takes something out.
"""

import time
from collections.abc import Callable
from typing import Final

import apsw

from chatd.store.index.table import Table

PAGES: Final = 16
"""Pages of the index that one step writes: 1 to 4 ms."""

PAUSE: Final = 0.02
"""Seconds between two steps for which nobody waits: taking in old events, merging, clearing."""

EVERY: Final = 3600.0
"""Seconds at the most between two times that the index is written anew, without what has left it since."""

SHARE: Final = 10.0
"""How many times longer than it took to be written anew the index then stays as it is."""

_DUE: Final = "INSERT INTO meta VALUES('clear', '1') ON CONFLICT(name) DO NOTHING"
_IS_DUE: Final = "SELECT 1 FROM meta WHERE name = 'clear'"
_DONE: Final = "DELETE FROM meta WHERE name = 'clear'"


class Clearing:
    """Clears ``table`` of ``database``; ``cleared`` hears that nothing of what has left it is there."""

    def __init__(self, database: apsw.Connection, table: Table, cleared: Callable[[], object]) -> None:
        self._database = database
        self._table = table
        self._cleared = cleared
        self._is_due = False
        self._next = self._since = 0.0
        self._begun: int | None = None
        self._rounds = 0
        self._left = 0

    def look(self) -> None:
        """See in the database whether it is due."""
        self._is_due = any(True for _ in self._database.execute(_IS_DUE))

    @property
    def due(self) -> bool:
        """Return whether there is something to do now."""
        return self._is_due and time.monotonic() >= self._next

    @property
    def cleared_lately(self) -> bool:
        """Return whether it was done before, so that the next time is later."""
        return bool(self._next)

    def until(self) -> float | None:
        """Return the seconds until there is something to do, None if there is nothing."""
        return max(PAUSE, self._next - time.monotonic()) if self._is_due else None

    def mark(self) -> None:
        """Keep that something leaves the index, within the transaction in which it does."""
        self._database.execute(_DUE)

    def left(self) -> None:
        """Hear that something may have left the index: the transaction is on the disk."""
        self._is_due = True
        self._left += 1

    def step(self) -> None:
        """Write a few pages of the index anew, without what has left it."""
        table = self._table
        if self._begun is None:
            self._begun, self._since = self._left, time.monotonic()
            self._rounds = 2 if table.is_small() else 1
            table.make_a_second_piece()
        elif table.merge(-PAGES):
            return
        elif self._rounds > 1:
            self._rounds -= 1
            table.make_a_second_piece()
        else:
            self._cleared()
            now = time.monotonic()
            self._next = now + min(EVERY, SHARE * (now - self._since))
            if self._begun == self._left:
                self._database.execute(_DONE)
                self._is_due = False
            self._begun = None
