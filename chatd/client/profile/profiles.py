"""Profiles: who we are for which server, kept in one SQLite file per profile under the XDG state folder.

A profile holds identities (a nick on a server); an identity holds slots, one per process that uses it at the
same time. A slot is one device session: its token, its cursors, its outbox. A lock file says that a slot is
in use. The order of use is counted, not timed, so that a clock step changes nothing.

A token goes to the origins of its identity alone: where the identity was made, and what a person has named
besides (`chatd.client.profile.origins`). What a server says of itself adds none.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from chatd.client.core.address import Address
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Elsewhere
from chatd.client.profile.database import Database
from chatd.client.profile.locks import SlotLock, lock_path
from chatd.client.profile.origins import Origin, origin_of
from chatd.client.profile.places import profile_path
from chatd.client.profile.slot import Slot, add_identity, add_slot, elsewhere, touch
from chatd.disk import is_there
from chatd.wire.names import fold

_AT: Final = """
SELECT identity.id, identity.server FROM identity JOIN address ON address.identity = identity.id
WHERE address.address {} AND (:key = '' OR identity.key = :key) ORDER BY address.used DESC LIMIT 1
"""
_EXACTLY: Final = _AT.format("= :origin")
_HOWEVER: Final = _AT.format(
    "IN (SELECT address FROM address"
    " WHERE :origin IN (address, substr(address, 1, instr(address, ' through ') - 1)))"
)
"""At that address, through whichever proxy (as `chatd.client.profile.origins` writes it)."""


def open_slot(
    profile: str,
    origin: Origin,
    nick: str,
    default_nick: str,
    *,
    same_as: Address | None = None,
    folder: Path | None = None,
    slot: int = 0,
) -> Slot:
    """Return a free slot of the identity meant by ``origin`` and ``nick``; both are made where missing.

    Without ``nick`` it is the identity last used there, else a new one called ``default_nick``. With
    ``same_as`` it is the one last used at that address, and its secret may go to ``origin`` from now on.
    ``slot`` is the one that is wanted, 0 any.
    Raises `ClientError` where the profile cannot be used.
    """
    database = Database(profile_path(profile, folder))
    with ExitStack() as undo:
        undo.callback(database.close)
        with database.transaction():
            if same_as is not None:
                identity = _named(database, origin, same_as, nick)
            elif (found := _find(database, origin.text, nick)) is not None:
                identity = found[0]
            else:
                identity = add_identity(database, "", nick or default_nick)
            touch(database, identity, origin)
            found_slot = _free_slot(database, identity, origin, slot)
            if found_slot is None and slot:
                raise ClientError("session-in-use", "That session is in use by another chatc.")
            number, lock = found_slot or add_slot(database, identity)
            undo.callback(lock.release)
        undo.pop_all()
    return Slot(database, identity, number, origin, lock)


def likely(
    profile: str, origin: Origin, nick: str, *, named: bool, folder: Path | None = None
) -> Elsewhere | None:
    """Return who we may be at ``origin``, being nobody there yet, because we are it at another origin.

    Any origin of the same machine is meant; if the profile was ``named``, any at all. Nothing is changed.
    """
    path = profile_path(profile, folder)
    if not is_there(path):
        return None
    database = Database(path)
    try:
        with database.transaction():
            found = _find(database, origin.text, nick)
            if found is not None and found[1]:
                return None
            return next(iter(elsewhere(database, origin, nick, machine_only=not named)), None)
    finally:
        database.close()


def _find(database: Database, origin: str, nick: str, statement: str = _EXACTLY) -> tuple[int, str] | None:
    """Return the identity and the server that it is for, "" where no server has taken it in yet."""
    rows = database.named_rows(statement, {"origin": origin, "key": fold(nick)})
    return (int(rows[0][0]), str(rows[0][1])) if rows else None


def _named(database: Database, origin: Origin, same_as: Address, nick: str) -> int:
    """Return the identity that a person means by the other address of the server."""
    found = _find(database, origin_of(same_as).text, nick, _HOWEVER)
    if found is None:
        who = f"no {nick}" if nick else "nobody"
        raise ClientError("unknown-identity", f"This profile knows {who} at {same_as}; look at --same-as.")
    identity = found[0]
    givers = database.rows("SELECT origin FROM slot WHERE identity = ? AND token <> ''", identity)
    if givers and not any(origin.takes(giver) for (giver,) in givers):
        raise ClientError(
            "secret-over-plain-text",
            f"The secret of {same_as.text} was given over TLS and is never sent in plain text; use"
            f" {same_as.text}, or be somebody else with --nick.",
        )
    return identity


def _free_slot(database: Database, identity: int, origin: Origin, wanted: int) -> tuple[int, SlotLock] | None:
    rows = database.rows(
        "SELECT id, token, origin FROM slot WHERE identity = ? AND (? = 0 OR id = ?) ORDER BY id",
        identity,
        wanted,
        wanted,
    )
    for number, token, giver in rows:
        lock = SlotLock.take(lock_path(database.path, number)) if not token or origin.takes(giver) else None
        if lock is not None:
            return number, lock
    return None
