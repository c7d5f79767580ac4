"""Dropping: deletes the reactions to events that go, however many they are, and nobody waits for it.

SQLite's triggers count each reaction that is deleted (`chatd.store.schema`). Where all of an event go, that
would take most of the time of the commit, and so would the deletion of very many. So how many there are is
forgotten with the commit, from which on nobody sees them; the rows go a slice at a time. What is still to go
is kept in the database.
"""

import time
from typing import Final

import apsw

from chatd.chat.changes.rows import DropReactions, DropReactionsBelow
from chatd.store.statements import STATEMENTS
from chatd.store.transaction import Transaction

SLICE: Final = 1000
"""Reactions that are deleted in one transaction at the most: 2 ms, more where they are not in memory."""

PAUSE: Final = 0.02
"""Seconds between two slices."""

BETWEEN: Final = 0.1
"""Seconds between two slices while commits follow each other."""

_COUNTED: Final = "SELECT sum(count) FROM reaction_counts WHERE room = ? AND seq {} ?"
_FORGET: Final = "DELETE FROM reaction_counts WHERE room = ? AND seq {} ?"
_KEEP: Final = "INSERT INTO dropping VALUES(?, ?, ?) ON CONFLICT DO NOTHING"
_NEXT: Final = "SELECT room, seq, below FROM dropping LIMIT 1"
_DONE: Final = "DELETE FROM dropping WHERE room = ? AND seq = ? AND below = ?"
_OF_ROOM: Final = "SELECT room, seq, below FROM dropping WHERE room = ?"
_SOME: Final = (
    "DELETE FROM reactions WHERE (room, user, seq, emoji) IN (SELECT room, user, seq, emoji FROM reactions"
    " INDEXED BY reactions_by_event WHERE room = ? AND seq {} ? LIMIT ?)"
)


class Dropping:
    """Deletes reactions from ``database``; for the thread that writes."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database
        self._next = 0.0
        self.due = any(True for _ in database.execute(_NEXT))

    def drop(self, change: DropReactions | DropReactionsBelow) -> None:
        """Delete the reactions that ``change`` drops, or keep that they are to go, within a transaction."""
        database, below = self._database, isinstance(change, DropReactionsBelow)
        sign = _sign(below)
        total = next(iter(database.execute(_COUNTED.format(sign), change)))[0]
        if total is None:
            return
        database.execute(_FORGET.format(sign), change)
        if total > SLICE:
            database.execute(_KEEP, (*change, below))
            self.due = True
        else:
            self._delete(STATEMENTS[type(change)], change)

    def forget(self, room: int) -> None:
        """Delete at once what is left of ``room``, whose number may be given again, within a transaction."""
        for *of, below in list(self._database.execute(_OF_ROOM, (room,))) if self.due else ():
            self._delete(_SOME.format(_sign(below)), (*of, -1))
            self._database.execute(_DONE, (*of, below))

    def step(self) -> float | None:
        """Delete a slice; return the seconds until the next one, None if nothing is left."""
        if not self.due:
            return None
        database = self._database
        try:
            with Transaction(database):
                for *of, below in list(database.execute(_NEXT)):
                    before = database.total_changes()
                    self._delete(_SOME.format(_sign(below)), (*of, SLICE))
                    if database.total_changes() - before < SLICE:
                        database.execute(_DONE, (*of, below))
                self.due = any(True for _ in database.execute(_NEXT))
        except apsw.Error:  # a full disk, mostly; commits tell of it
            self._next = time.monotonic() + 1.0
            return 1.0
        self._next = time.monotonic() + BETWEEN
        return PAUSE

    def between(self) -> None:
        """Delete a slice between two commits, if it is time."""
        if self.due and time.monotonic() >= self._next:
            self.step()

    def _delete(self, statement: str, given: tuple[int, ...]) -> None:
        database = self._database
        database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        try:
            database.execute(statement, given)
        finally:
            database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)


def _sign(below: int) -> str:
    return "<" if below else "="
