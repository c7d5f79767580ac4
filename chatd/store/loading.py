"""Loading: the state that the daemon begins with, as the tables have it."""

from typing import TypeVar

import apsw

from chatd.chat.changes.rows import (
    Change,
    PutAccount,
    PutAct,
    PutAddressBan,
    PutAllow,
    PutBlock,
    PutCertificate,
    PutEmptied,
    PutErasure,
    PutFile,
    PutHook,
    PutHookKey,
    PutInvite,
    PutMark,
    PutMember,
    PutMention,
    PutNick,
    PutPin,
    PutPlace,
    PutRoom,
    PutSession,
    PutStatus,
    PutThread,
    PutTime,
    PutUpload,
    PutUser,
)
from chatd.chat.storage import Snapshot, stored_room
from chatd.store import schema
from chatd.store.tallying import tallies, unread_replies
from chatd.wire.stored import known_check_of, known_time_of

Row = TypeVar("Row", bound=Change)


def load(database: apsw.Connection) -> Snapshot:
    """Return the state on disk."""
    meta = dict(database.execute("SELECT name, value FROM meta"))
    emptied = {row.room: row for row in _rows(database, PutEmptied)}
    rooms = [
        stored_room(room, _last(database, room.id), emptied.get(room.id)) for room in _rows(database, PutRoom)
    ]
    counted, untallied = tallies(database, rooms)
    return Snapshot(
        server=meta["server"],
        users=_rows(database, PutUser),
        sessions=_rows(database, PutSession),
        rooms=rooms,
        last_session=int(next(iter(database.execute(schema.LAST_SESSION)))[0]),
        members=_rows(database, PutMember),
        files=_rows(database, PutFile),
        time=PutTime(int(meta.get("lived", 0)), int(meta.get("clock", 0))),
        marks=_rows(database, PutMark),
        uploads=_rows(database, PutUpload),
        accounts=_rows(database, PutAccount),
        nicks=_rows(database, PutNick),
        invites=_rows(database, PutInvite),
        acts=_rows(database, PutAct),
        blocks=_rows(database, PutBlock),
        allows=_rows(database, PutAllow),
        certificates=_rows(database, PutCertificate),
        places=_rows(database, PutPlace),
        erasures=_rows(database, PutErasure),
        address_bans=_rows(database, PutAddressBan),
        pins=_rows(database, PutPin),
        hooks=_rows(database, PutHook),
        hook_keys=sorted(_rows(database, PutHookKey), key=lambda row: row.seq),
        statuses=_rows(database, PutStatus),
        mentions=_rows(database, PutMention),
        tallies=counted,
        untallied=untallied,
        threads=_rows(database, PutThread),
        unread_replies=unread_replies(database),
        last_user=int(meta.get("last_user", 0)),
    )


def _rows(database: apsw.Connection, kind: type[Row]) -> list[Row]:
    return [kind(*row) for row in database.execute(schema.LOADS[kind])]


def _last(database: apsw.Connection, log: int) -> tuple[int, int, str] | None:
    """Return the number, the time and the check of the last event of ``log`` that is kept."""
    low = schema.key(log, 0)
    for key, frame in database.execute(schema.LAST, (low, schema.last_key(log))):
        return key - low, known_time_of(frame), known_check_of(frame)
    return None
