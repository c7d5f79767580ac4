"""Leaving: what leaves the index behind the commit that erased or cut it, as it is too much for that.

The commit keeps what the index has of each such event: the event as it was, with its last edit. From then on
no search finds it, since each hit is checked. Its words leave the index when there is time, before anything
new is taken in, and with them what was kept.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import apsw

from chatd.search.said import Edit, Said, said_in
from chatd.wire.stored import text_of

AT_ONCE: Final = 4000
"""Bytes of events whose words a commit takes out of the index by itself: a few messages."""

_WEIGHT: Final = "SELECT total(length(frame)) FROM events WHERE key {}"
_KEEP: Final = """
INSERT INTO stale SELECT e.key, e.frame, (
    SELECT frame FROM events WHERE key = (i.room << 36) + (
        SELECT max(by) FROM edits WHERE room = i.room AND seq = e.key - (i.room << 36) AND by <= i.high
    )
) FROM events e JOIN indexed i ON i.room = e.key >> 36
WHERE e.key {} AND e.key - (i.room << 36) BETWEEN i.low AND i.high ON CONFLICT DO NOTHING
"""
_ONE: Final = "= ?"
_CUT: Final = "BETWEEN ? AND ?"
_SOME: Final = "SELECT key, frame, edit FROM stale LIMIT ?"
_GONE: Final = "DELETE FROM stale WHERE key = ?"
_ANY: Final = "SELECT 1 FROM stale LIMIT 1"

Cut = tuple[int, int]
"""The first and the last key of events that go."""


class Leaving:
    """What is to leave the index of ``database``; ``due`` is whether there is anything.

    ``erased`` is whether some of it may have been erased, and not cut alone.
    """

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database
        self.due = False
        self.erased = True  # before the daemon started

    def look(self) -> None:
        """See in the database whether there is anything."""
        self.due = any(True for _ in self._database.execute(_ANY))
        self.erased = self.erased and self.due

    def is_much(self, keys: Collection[int], cuts: Iterable[Cut]) -> bool:
        """Return whether the events with ``keys``, and those of ``cuts``, are too much for a commit."""
        weighed = [(_ONE, (key,)) for key in keys] + [(_CUT, cut) for cut in cuts]
        weight = 0.0
        for which, given in weighed:
            weight += next(iter(self._database.execute(_WEIGHT.format(which), given)))[0]
            if weight > AT_ONCE:
                return True
        return False

    def keep(self, keys: Collection[int], cuts: Iterable[Cut]) -> None:
        """Keep what the index has of them, within the transaction that takes them away, before it does.

        The events with ``keys`` are erased, those of ``cuts`` are cut.
        """
        self.erased = self.erased or bool(keys)
        self._database.executemany(_KEEP.format(_ONE), ((key,) for key in keys))
        for cut in cuts:
            self._database.execute(_KEEP.format(_CUT), cut)

    def some(self, limit: int) -> Iterator[tuple[int, Said | None]]:
        """Yield what the index has of so many events, by key; None if it has nothing."""
        for key, frame, edit in list(self._database.execute(_SOME, (limit,))):
            said = said_in(text_of(frame))
            if not isinstance(said, Said):
                yield key, None
                continue
            edited = None if edit is None else said_in(text_of(edit))
            yield key, said._replace(text=edited.text) if isinstance(edited, Edit) else said

    def gone(self, keys: Iterable[int]) -> None:
        """Forget what was kept of the events with ``keys``, within the transaction by which it leaves."""
        self._database.executemany(_GONE, ((key,) for key in keys))
