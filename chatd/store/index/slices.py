"""Slices: what goes into the index, and out of it, in one transaction."""

import time
from typing import Final, NamedTuple

from chatd.search.said import Said
from chatd.store.index.table import Row

SLICE: Final = 500
"""Events that are indexed in one transaction at the most."""

LETTERS: Final = 50_000
"""Characters after which a slice takes no further event: SQLite needs 3 to 6 ms for them."""

TURN: Final = 0.006
"""Seconds after which it takes none either, so that no commit waits for long (P6)."""


class Range(NamedTuple):
    """Events of a log that are in the index, none if ``low`` is ``high`` + 1."""

    low: int
    high: int


class Slice:
    """Rows for the index, the ``old`` ones that they replace, and the ``ranges`` that it has then.

    ``count`` is how many events were looked at for that.
    """

    def __init__(self) -> None:
        self.ranges: dict[int, Range] = {}
        self.old: list[Row] = []
        self.count = 0
        self._end = time.monotonic() + TURN
        self._letters = 0
        self._rows: dict[int, tuple[Said, str]] = {}

    def is_full(self) -> bool:
        """Return whether it is to take no further event."""
        return self.count >= SLICE or self._letters >= LETTERS or time.monotonic() >= self._end

    @property
    def rows(self) -> list[Row]:
        """Return the rows."""
        return [(key, terms) for key, (_, terms) in self._rows.items()]

    def said(self, key: int) -> Said | None:
        """Return what the event with ``key`` says if it is among the rows."""
        return self._rows[key][0] if key in self._rows else None

    def leave(self, key: int, said: Said) -> None:
        """Take out what the index has of an event."""
        terms = said.indexed
        self._letters += len(terms)
        self.old.append((key, terms))

    def take(self, key: int, said: Said) -> None:
        """Take in what an event says, or has become."""
        terms = said.indexed
        self._letters += len(terms)
        self._rows[key] = said, terms
