"""Loading: the state that the daemon begins with, as the tables have it."""

from operator import attrgetter

import apsw

from chatd.chat.changes.rows import PutEmptied, PutHookKey, PutRoom, PutTime
from chatd.chat.storage import LOADED, Row, Snapshot, stored_room
from chatd.store import schema, statements
from chatd.store.tallying import tallies, unread_replies
from chatd.wire.stored import known_check_of, known_time_of


def load(database: apsw.Connection) -> Snapshot:
    """Return the state on disk."""
    meta = dict(database.execute("SELECT name, value FROM meta"))
    emptied = {row.room: row for row in _rows(database, PutEmptied)}
    rooms = [
        stored_room(room, _last(database, room.id), emptied.get(room.id)) for room in _rows(database, PutRoom)
    ]
    rows = {kind: _rows(database, kind) for kind in LOADED if kind is not PutRoom}
    rows[PutHookKey] = sorted(rows[PutHookKey], key=attrgetter("seq"))
    counted, untallied = tallies(database, rooms)
    return Snapshot(
        server=meta["server"],
        rooms=rooms,
        rows=rows,
        last_session=int(next(iter(database.execute(statements.LAST_SESSION)))[0]),
        last_user=int(meta.get("last_user", 0)),
        time=PutTime(int(meta.get("lived", 0)), int(meta.get("clock", 0))),
        tallies=counted,
        untallied=untallied,
        unread_replies=unread_replies(database),
    )


def _rows(database: apsw.Connection, kind: type[Row]) -> list[Row]:
    return [kind(*row) for row in database.execute(statements.LOADS[kind])]


def _last(database: apsw.Connection, log: int) -> tuple[int, int, str] | None:
    """Return the number, the time and the check of the last event of ``log`` that is kept."""
    low = schema.key(log, 0)
    for key, frame in database.execute(statements.LAST, (low, schema.last_key(log))):
        return key - low, known_time_of(frame), known_check_of(frame)
    return None
