"""Profiles: who we are for which server, kept in one SQLite file per profile under the XDG state folder.

A profile holds identities (a nick on a server); an identity holds slots, one per process that uses it at the
same time. A slot is one device session: its token, its cursors, its outbox. A lock file says that a slot is
in use. The order of use is counted, not timed, so that a clock step changes nothing.
"""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from chatd.client.address import Address
from chatd.client.database import Database
from chatd.client.locks import SlotLock
from chatd.client.problems import ClientError
from chatd.client.slot import Slot, add_identity, add_slot, lock_path, touch
from chatd.wire.names import fold, stray_joiner, without_joiners

_FIND: Final = """
SELECT identity.id FROM identity JOIN address ON address.identity = identity.id
WHERE CASE :way WHEN 0 THEN address.address = :address WHEN 1 THEN address.host = :host ELSE 1 END
AND (:key = '' OR identity.key = :key) ORDER BY address.used DESC LIMIT 1
"""
_WAYS: Final = {"address": 0, "host": 1, "any": 2}


def state_folder() -> Path:
    """Return the folder that holds the profiles: ``$XDG_STATE_HOME/chatd`` or ``~/.local/state/chatd``.

    Raises `ClientError` ``no-home`` for a user without a home folder.
    """
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(base).expanduser() / "chatd"
    except RuntimeError:
        raise ClientError(
            "no-home",
            "There is no home folder to keep the session in; set HOME or XDG_STATE_HOME, name a folder with"
            " --state, or keep nothing with --ephemeral.",
        ) from None


def open_slot(
    profile: str, address: Address, nick: str, default_nick: str, *, named: bool, folder: Path | None = None
) -> Slot:
    """Return a free slot of the identity meant by ``address`` and ``nick``; both are made where missing.

    Without ``nick`` it is the identity last used there, else a new one called ``default_nick``. ``named``
    says that the profile was asked for by name: then its newest identity serves a new address too.
    Raises `ClientError` where the profile cannot be used.
    """
    if not profile or profile.startswith(".") or "/" in profile or not _can_be_seen(profile):
        raise ClientError("bad-profile", f"{profile!r} cannot name a profile; use letters and digits.")
    database = Database((state_folder() if folder is None else folder) / f"{profile}.sqlite")
    with ExitStack() as undo:
        undo.callback(database.close)
        with database.transaction():
            identity = _find(database, address, nick, named=named)
            if identity is None:
                identity = add_identity(database, "", nick or default_nick)
            touch(database, identity, address)
            number, lock = _free_slot(database, identity) or add_slot(database, identity)
            undo.callback(lock.release)
        undo.pop_all()
    return Slot(database, identity, number, address, lock)


def _can_be_seen(name: str) -> bool:
    return without_joiners(name).isprintable() and stray_joiner(name) is None


def _find(database: Database, address: Address, nick: str, *, named: bool) -> int | None:
    values = {"address": address.text, "host": address.host_key, "key": fold(nick)}
    for way in ("address", "host", "any") if named else ("address", "host"):
        for (identity,) in database.named_rows(_FIND, {**values, "way": _WAYS[way]}):
            return int(identity)
    return None


def _free_slot(database: Database, identity: int) -> tuple[int, SlotLock] | None:
    for (number,) in database.rows("SELECT id FROM slot WHERE identity = ? ORDER BY id", identity):
        lock = SlotLock.take(lock_path(database, number))
        if lock is not None:
            return number, lock
    return None
