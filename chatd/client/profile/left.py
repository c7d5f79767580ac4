"""What is left: what a profile holds for servers that are not served now, until somebody decides."""

import os
from urllib.parse import unquote_to_bytes

from chatd.client.core.notices import Left
from chatd.client.profile.database import Database
from chatd.client.profile.origins import Origin, written


def find_left(database: Database, identity: int, origin: Origin) -> list[Left]:
    """Return what all identities but ``identity`` have; ``origin`` is the one that is used now."""
    ((ours,),) = database.rows("SELECT server FROM identity WHERE id = ?", identity)
    rows = database.rows(
        "SELECT slot.id, server, nick, identity.id,"
        " (SELECT address FROM address WHERE identity = identity.id ORDER BY used DESC LIMIT 1)"
        " FROM slot JOIN identity ON identity.id = slot.identity WHERE identity.id <> ? ORDER BY slot.id",
        identity,
    )
    found = []
    for slot, server, nick, owner, address in rows:
        met = database.rows("SELECT 1 FROM address WHERE identity = ? AND address = ?", owner, origin.text)
        here = bool(met) and server != ours
        found.append(_left(database, slot, (server, nick, written(address or "")), here=here))
    return [left for left in found if left.messages or left.files or left.rooms]


def _left(database: Database, slot: int, who: tuple[str, str, str], *, here: bool) -> Left:
    messages = database.rows(
        "SELECT room, text FROM outbox WHERE slot = ? AND withdrawn = 0 ORDER BY key", slot
    )
    files = database.rows("SELECT room, path FROM upload WHERE slot = ? ORDER BY key", slot)
    rooms = database.rows("SELECT name FROM cursor WHERE slot = ? ORDER BY place, room", slot)
    return Left(
        slot,
        *who,
        here,
        tuple((room, text) for room, text in messages),
        tuple((room, os.fsdecode(unquote_to_bytes(path))) for room, path in files),
        tuple(name for (name,) in rooms),
    )
