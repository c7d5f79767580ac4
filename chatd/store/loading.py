"""Loading: the state that the daemon begins with, as the tables have it."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import apsw

from chatd.chat.changes.rows import PutEmptied, PutHookKey, PutMember, PutRoom, PutTime
from chatd.chat.crowd import Crowd, Haunts
from chatd.chat.storage import LOADED, Mark, Row, Snapshot, stored_room
from chatd.store import statements
from chatd.store.tallying import tallies, unread_replies
from chatd.wire.stored import known_check_of, known_time_of

_DIRECTS: Final = "SELECT id FROM rooms WHERE substr(name, 1, 1) = '@'"
_DIRECT: Final = f"SELECT room, user, read, role, since FROM members WHERE room IN ({_DIRECTS})"  # noqa: S608
_CROWDS: Final = f"""
SELECT
    room,
    group_concat(user, ' '), group_concat(read, ' '), group_concat(role, ' '), group_concat(since, ' ')
FROM members WHERE room NOT IN ({_DIRECTS}) GROUP BY room
"""  # noqa: S608
_HAUNTS: Final = f"""
SELECT user, group_concat(room, ' ') FROM members WHERE room NOT IN ({_DIRECTS}) GROUP BY user
"""  # noqa: S608
_HEADS: Final = """
SELECT log, events.key - (log << 36), events.frame FROM (
    SELECT id AS log, (SELECT max(key) FROM events WHERE key >= id << 36 AND key < (id + 1) << 36) AS last
    FROM rooms
) CROSS JOIN events ON events.key = last
"""
"""The last event of each log: one statement, since a look for each takes three times as long."""

"""SQLite puts the numbers together: to make a million rows of them takes longer than anything else here."""


def load(database: apsw.Connection) -> Snapshot:
    """Return the state on disk."""
    meta = dict(database.execute("SELECT name, value FROM meta"))
    emptied = {row.room: row for row in _rows(database, PutEmptied)}
    heads = _heads(database)
    rooms = [stored_room(room, heads.get(room.id), emptied.get(room.id)) for room in _rows(database, PutRoom)]
    rows: dict[type[Any], Sequence[Any]] = {
        kind: _rows(database, kind) for kind in LOADED if kind not in {PutRoom, PutMember}
    }
    rows[PutMember] = [PutMember(*row) for row in database.execute(_DIRECT)]
    rows[PutHookKey] = sorted(rows[PutHookKey], key=attrgetter("seq"))
    counted, untallied = tallies(database, rooms)
    return Snapshot(
        server=meta["server"],
        rooms=rooms,
        rows=rows,
        crowds=[Crowd(*row) for row in database.execute(_CROWDS)],
        haunts=[Haunts(*row) for row in database.execute(_HAUNTS)],
        last_session=int(next(iter(database.execute(statements.LAST_SESSION)))[0]),
        last_user=int(meta.get("last_user", 0)),
        time=PutTime(int(meta.get("lived", 0)), int(meta.get("clock", 0))),
        tallies=counted,
        untallied=untallied,
        unread_replies=unread_replies(database),
        salts=meta["salts"],
        mark=Mark(meta.get("place", ""), int(meta.get("effect", 0))),
    )


def _rows(database: apsw.Connection, kind: type[Row]) -> list[Row]:
    make: Any = kind
    return list(map(make._make, database.execute(statements.LOADS[kind])))


def _heads(database: apsw.Connection) -> dict[int, tuple[int, int, str]]:
    """Return the number, the time and the check of the last event that is kept, by log."""
    return {
        log: (seq, known_time_of(frame), known_check_of(frame))
        for log, seq, frame in database.execute(_HEADS)
    }
