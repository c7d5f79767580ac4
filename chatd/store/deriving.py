"""Deriving: the tables that could be made anew from the logs, as rows of `chatd.chat.folding`."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

import apsw

from chatd.chat.changes.rows import PutEdit, PutMention, PutPin, PutReaction, PutReply, PutTally, PutThread
from chatd.chat.concerns import Concerns, Kept
from chatd.chat.crowd import Membership
from chatd.chat.folding import Fold, ReactionCount, ReplyCount, Row, Rows, about, differences
from chatd.store import schema
from chatd.store.transaction import Transaction
from chatd.wire.limits import MAX_THREADS
from chatd.wire.messages import Event
from chatd.wire.names import fold as key_of
from chatd.wire.stored import event_in

FRAMES: Final = 1000
"""Events that are read at a time."""

SLICE: Final = 1000
"""Rows that one transaction changes, but all that are about one event."""

_TABLES: Final[Mapping[type[Row], tuple[str, str]]] = {
    PutEdit: ("edits", "room seq by"),
    PutReply: ("replies", "room seq thread ref"),
    ReplyCount: ("reply_counts", "room thread count last"),
    PutReaction: ("reactions", "room user seq emoji by"),
    ReactionCount: ("reaction_counts", "room seq emoji count"),
    PutPin: ("pins", "room seq by"),
    PutTally: ("tallies", "room seq upto bits"),
    PutMention: ("mentions", "room user seq"),
    PutThread: ("threads", "room user seq read at off"),
}
"""The table and the columns of each kind of row."""

_ROOMS: Final = "SELECT id, name FROM rooms ORDER BY id"
_FIRST: Final = "SELECT first FROM rooms WHERE id = ?"
_EVENTS: Final = "SELECT key, frame FROM events WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"
_SESSION: Final = "SELECT user FROM sessions WHERE id = ?"
_NICK: Final = "SELECT user, since FROM nicks WHERE key = ?"
_MEMBERS: Final = "SELECT user, read, role, since FROM members WHERE room = ?"
_FULL: Final = "SELECT user FROM threads GROUP BY user HAVING count(*) >= ?"
_KNOWN: Final = "SELECT 1 FROM sqlite_schema WHERE name = ?"
_NAMES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table'"
_DROPPING: Final = "SELECT room, seq, below FROM dropping WHERE room = ?"
"""Reactions that are still to be deleted, which nobody sees any more."""


Difference = tuple[Row, bool]
"""A row, and whether it should be kept."""


class Log(NamedTuple):
    """A log, by its id, and what its room is called."""

    id: int
    name: str


class Deriving:
    """Compares the tables of ``database`` with what its logs say."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database

    def logs(self) -> list[Log]:
        """Return all logs, of rooms that are gone too if something is kept of them; none of an old format."""
        if not list(self._database.execute(_KNOWN, ("pins",))):
            return []
        names = dict(self._database.execute(_ROOMS))
        kept = {
            room
            for table, _ in self._tables().values()
            for (room,) in self._database.execute(f"SELECT DISTINCT room FROM {table}")  # noqa: S608
        }
        return [Log(room, names.get(room, f"log {room}")) for room in sorted(names.keys() | kept)]

    def differences(self, log: int) -> list[Difference]:
        """Return what differs in ``log``, as of one moment."""
        self._database.execute("BEGIN")
        try:
            are, people = self._rows(log), _People(self._database)
            first = next((first for (first,) in self._database.execute(_FIRST, (log,))), 0)
            known = {row.by: row.user for row in are[PutReaction] if isinstance(row, PutReaction)}
            fold = Fold(log, lambda event: people.user_of(event) or known.get(event.seq, 0))
            concerns = Concerns(log, people.user_of, people.called)
            for event in self._events(log, first) if first else ():  # what has no room has none
                fold.take(event)
                concerns.take(event)
            should = fold.rows()
            should[PutTally] = {
                row for row in are[PutTally] if isinstance(row, PutTally) and fold.allows(row, first)
            }
            self._add_concerns(should, are, concerns, log, first)
            return list(differences(should, are))
        finally:
            self._database.execute("COMMIT")

    def _add_concerns(
        self, should: dict[type[Row], set[Row]], are: Rows, concerns: Concerns, log: int, first: int
    ) -> None:
        database = self._database
        if not self._tables().keys() >= {PutMention, PutThread}:  # the format knows no threads yet
            return
        members = {user: Membership(*marks) for user, *marks in database.execute(_MEMBERS, (log,))}
        mentions = [row for row in are[PutMention] if isinstance(row, PutMention)]
        threads = [row for row in are[PutThread] if isinstance(row, PutThread)]
        kept = Kept(members, mentions, threads)
        lacking = list(concerns.lacking(kept, first))
        if any(isinstance(row, PutThread) for row in lacking):
            full = {user for (user,) in database.execute(_FULL, (MAX_THREADS,))}
            lacking = [row for row in lacking if isinstance(row, PutMention) or row.user not in full]
        should[PutMention] = {row for row in mentions if concerns.allows(row, kept)}
        should[PutThread] = {row for row in threads if concerns.allows(row, kept)}
        for row in lacking:
            should[type(row)].add(row)

    def _rows(self, log: int) -> Rows:
        rows: dict[type[Row], set[Row]] = {kind: set() for kind in _TABLES}
        rows |= {
            kind: {
                kind(*row)
                for row in self._database.execute(
                    f"SELECT {columns.replace(' ', ', ')} FROM {table} WHERE room = ?",  # noqa: S608
                    (log,),
                )
            }
            for kind, (table, columns) in self._tables().items()
        }
        if list(self._database.execute(_KNOWN, ("dropping",))):
            for _, seq, below in list(self._database.execute(_DROPPING, (log,))):
                rows[PutReaction] -= {
                    row for row in rows[PutReaction] if (about(row) < seq if below else about(row) == seq)
                }
        return rows

    def _tables(self) -> dict[type[Row], tuple[str, str]]:
        """Return the tables that there are: older formats have fewer."""
        there = {name for (name,) in self._database.execute(_NAMES)}
        return {kind: table for kind, table in _TABLES.items() if table[0] in there}

    def _events(self, log: int, first: int) -> Iterator[Event]:
        after, last = schema.key(log, first) - 1, schema.last_key(log)
        while rows := list(self._database.execute(_EVENTS, (after + 1, last, FRAMES))):
            for _, frame in rows:
                with suppress(ValueError):
                    yield event_in(frame)
            after = rows[-1][0]


class _People:
    """Tells who is meant, as ``database`` has it at one moment."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database
        self._sessions: dict[int, int] = {}
        self._nicks: dict[str, tuple[int, int]] = {}

    def user_of(self, event: Event) -> int:
        """Return whose session has caused ``event``, or whose nick it was by then; 0 if neither is known."""
        user = self._sessions.get(event.session)
        if user is None:
            rows = self._database.execute(_SESSION, (event.session,))
            user = self._sessions[event.session] = next((user for (user,) in rows), 0)
        return user or self.called(key_of(event.by), event.ts)

    def called(self, key: str, ts: int) -> int:
        """Return whose nick the one with ``key`` was at ``ts``; 0 if that is not known."""
        if key not in self._nicks:
            rows = self._database.execute(_NICK, (key,))
            self._nicks[key] = next(((user, since) for user, since in rows), (0, 0))
        user, since = self._nicks[key]
        return user if ts >= since else 0


def mend(database: apsw.Connection, found: Iterable[Difference]) -> Iterator[int]:
    """Make the tables what they should be, in slices; yield how many rows each has changed.

    What is about one event is changed in one transaction, so that whoever is ended leaves less to do.
    """
    rows = sorted(found, key=lambda one: (about(one[0]), one[1]))
    database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)  # what they count is among the rows
    try:
        place = 0
        while place < len(rows):
            end = min(place + SLICE, len(rows))
            while end < len(rows) and about(rows[end][0]) == about(rows[end - 1][0]):
                end += 1
            with Transaction(database):
                for row, should in rows[place:end]:
                    database.execute(_statement(type(row), should), row)
            yield end - place
            place = end
    finally:
        database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)


def _statement(kind: type[Row], should: bool) -> str:
    table, columns = _TABLES[kind]
    names = columns.split()
    if should:
        return f"INSERT OR REPLACE INTO {table}({', '.join(names)}) VALUES({', '.join('?' * len(names))})"
    return f"DELETE FROM {table} WHERE {' = ? AND '.join(names)} = ?"  # noqa: S608
