"""Sayings: what the events in the database say, or have become, in the order of a log."""

from collections.abc import Iterable, Iterator
from typing import Final

import apsw
import msgspec

from chatd.search.said import Edit, Said, said_in, said_in_lines
from chatd.store import schema
from chatd.wire.stored import text_of

_LINES: Final = (
    "SELECT json_group_array(key), group_concat(line, char(10)) FROM (SELECT key, CAST(substr(frame, 6) AS"
    " TEXT) AS line FROM events WHERE key BETWEEN ? AND ? ORDER BY key {} LIMIT ?)"
)
"""All in one row: each row costs the thread the interpreter's lock, for which it may wait long (P6)."""

_OLDEST: Final = _LINES.format("ASC")
_NEWEST: Final = _LINES.format("DESC")
_LAST_EDIT: Final = "SELECT max(by) FROM edits WHERE room = ? AND seq = ? AND by <= ?"
_EDITED: Final = "SELECT DISTINCT seq FROM edits WHERE room = ? AND seq BETWEEN ? AND ?"
_FRAME: Final = "SELECT frame FROM events WHERE key = ?"


class Sayings:
    """Reads what the events of ``database`` say."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database

    def at(self, room: int, seq: int) -> Said | Edit | None:
        """Return what event ``seq`` of ``room`` says, None if it is not there or says nothing."""
        return self._at(schema.key(room, seq))

    def now(self, room: int, seq: int, upto: int) -> Said | None:
        """Return what event ``seq`` of ``room`` says as its edits up to event ``upto`` have it."""
        said = self.at(room, seq)
        if not isinstance(said, Said):
            return None
        for (by,) in self._database.execute(_LAST_EDIT, (room, seq, upto)):
            edit = None if by is None else self.at(room, by)
            if isinstance(edit, Edit):
                return said._replace(text=edit.text)
        return said

    def present(self, room: int, first: int, last: int, upto: int) -> dict[int, Said | None]:
        """Return what events ``first`` to ``last`` of ``room`` say in the same way, by their keys."""
        said: dict[int, Said | None] = {
            key: one for key, one in self.between(room, first, last) if isinstance(one, Said)
        }
        for seq in self.edited(room, first, last):
            if schema.key(room, seq) in said:
                said[schema.key(room, seq)] = self.now(room, seq, upto)
        return said

    def edited(self, room: int, first: int, last: int) -> set[int]:
        """Return which of events ``first`` to ``last`` of ``room`` were edited."""
        return {seq for (seq,) in self._database.execute(_EDITED, (room, first, last))}

    def between(
        self, room: int, first: int, last: int, limit: int = -1, *, newest: bool = False
    ) -> Iterable[tuple[int, Said | Edit | None]]:
        """Return what events ``first`` to ``last`` of ``room`` say, by their keys, from either end."""
        bounds = schema.key(room, first), schema.key(room, last), limit
        for keys, lines in self._database.execute(_NEWEST if newest else _OLDEST, bounds):
            try:
                said = said_in_lines(lines or "")
            except ValueError:
                said = []
            found = msgspec.json.decode(keys, type=list[int])
            return zip(found, said, strict=True) if len(found) == len(said) else self._singly(found)
        return ()

    def _singly(self, keys: list[int]) -> Iterator[tuple[int, Said | Edit | None]]:
        """Yield the same for events of which one is none."""
        for key in keys:
            yield key, self._at(key)

    def _at(self, key: int) -> Said | Edit | None:
        for (frame,) in self._database.execute(_FRAME, (key,)):
            return said_in(text_of(frame))
        return None
