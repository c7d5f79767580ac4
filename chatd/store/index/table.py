"""The table of the index: puts terms in and takes them out, and writes its pieces anew.

SQLite keeps it in pieces, each sorted: every transaction adds one, and merging makes one of several.
"""

from collections.abc import Iterator
from typing import Any, Final

import apsw
import msgspec

from chatd.store import schema
from chatd.store.transaction import Transaction

AT_ONCE: Final = 200
"""Terms that one transaction overwrites at once, at 0.02 to 0.2 ms each, the more the larger the index is.
More are struck out, and overwritten soon after: one long text without blanks has 10,800."""

SMALL: Final = 1000
"""Pages of an index that is written anew twice; of so many some have been merged before."""

FEW: Final = 8
"""Rows in a run on average from which on each run is put in by itself, in half the time."""

_ADD: Final = "INSERT INTO words(rowid, terms) SELECT value->>0, value->>1 FROM json_each(?)"
_ADD_RUN: Final = "INSERT INTO words(rowid, terms) SELECT ? + rowid, value FROM carray(?)"
_REMOVE: Final = (
    "INSERT INTO words(words, rowid, terms) SELECT 'delete', value->>0, value->>1 FROM json_each(?)"
)
_SET: Final = "INSERT INTO words(words, rank) VALUES(?, ?)"
_FLUSH: Final = "INSERT INTO words(words) VALUES('flush')"
_PIECES: Final = "SELECT 1 FROM words_idx LIMIT ?"
_DROP: Final = "DROP TABLE IF EXISTS words"

Row = tuple[int, str]
"""The key of an event, and its terms."""


class Table:
    """The table of ``database`` by which events are found."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database

    def throw_away(self) -> None:
        """Throw all of it away, within a transaction."""
        self._database.execute(_DROP)
        schema.add_words(self._database)

    def add(self, rows: list[Row]) -> None:
        """Put ``rows`` in, within a transaction."""
        runs = list(_runs(rows))
        if len(runs) * FEW > len(rows) or any("\0" in terms for _, terms in rows):
            self._database.execute(_ADD, (as_json(rows),))
            return
        for run in runs:
            terms = apsw.carray(tuple([terms for _, terms in run]))
            self._database.execute(_ADD_RUN, (run[0][0] - 1, terms))

    def remove(self, rows: list[Row]) -> None:
        """Take ``rows`` out, within a transaction: not a part of a few is left, and many are struck out."""
        if sum(terms.count(" ") + 1 for _, terms in rows) > AT_ONCE:
            self._strike_out(rows)
        else:
            self._database.execute(_REMOVE, (as_json(rows),))
            self._database.execute(_FLUSH)

    def _strike_out(self, rows: list[Row]) -> None:
        """Strike ``rows`` out, so that no part of them is left once the table is written anew."""
        database = self._database
        database.execute(_SET, ("secure-delete", 0))
        database.execute(_REMOVE, (as_json(rows),))
        database.execute(_FLUSH)  # or else it is done as the next line has it
        database.execute(_SET, ("secure-delete", 1))

    def merge(self, pages: int) -> bool:
        """Merge so many pages, if less than 0 until all is one piece; return whether anything was to do."""
        database = self._database
        before = database.total_changes()
        database.execute("PRAGMA synchronous = NORMAL")
        try:
            self.merge_some(pages)
        finally:
            database.execute("PRAGMA synchronous = FULL")
        return database.total_changes() - before >= 2  # noqa: PLR2004 - as SQLite's manual has it

    def merge_some(self, pages: int) -> None:
        """Merge so many pages."""
        self._database.execute(_SET, ("merge", pages))

    def is_small(self) -> bool:
        """Return whether nothing may have been merged before.

        What SQLite then makes of all pieces it takes for newer than something, and keeps what is struck out.
        """
        return len(list(self._database.execute(_PIECES, (SMALL,)))) < SMALL

    def make_a_second_piece(self) -> None:
        """Add something and strike it out: SQLite does not write a table of a single piece anew."""
        rows = [(0, "nothing")]
        with Transaction(self._database):
            self.add(rows)
            self._database.execute(_FLUSH)
            self._strike_out(rows)


def _runs(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield ``rows`` in pieces of which each has keys that follow each other."""
    begin = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or rows[end][0] != rows[end - 1][0] + 1:
            yield rows[begin:end]
            begin = end


def as_json(rows: list[Any]) -> str:
    """Return ``rows`` as SQLite takes many at once."""
    return msgspec.json.encode(rows).decode()
