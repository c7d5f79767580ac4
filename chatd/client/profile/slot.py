"""A slot: what one device session remembers in a profile, locked for the process that uses it."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from chatd.client.core.outbox import Entry
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Changes, Elsewhere, Remembered, Session
from chatd.client.core.trail import Trail
from chatd.client.profile.database import Database, Row
from chatd.client.profile.left import Leftovers
from chatd.client.profile.locks import SlotLock, lock_path
from chatd.client.profile.origins import Origin, written
from chatd.client.profile.rows import file_in, outbox_row, path_in, path_row
from chatd.client.values import KeptUpload
from chatd.wire.names import fold

_OF_AN_IDENTITY: Final = (
    "DELETE FROM address WHERE identity = ?",
    "DELETE FROM cursor WHERE slot IN (SELECT id FROM slot WHERE identity = ?)",
    "DELETE FROM outbox WHERE slot IN (SELECT id FROM slot WHERE identity = ?)",
    "DELETE FROM upload WHERE slot IN (SELECT id FROM slot WHERE identity = ?)",
    "DELETE FROM begun WHERE slot IN (SELECT id FROM slot WHERE identity = ?)",
    "UPDATE slot SET token = '', session = 0 WHERE identity = ?",
)
"""Delete what the profile holds of one; the slots themselves may be in use."""


def add_identity(database: Database, server: str, nick: str) -> int:
    """Add an identity and return its number."""
    return database.insert(
        "INSERT INTO identity (server, nick, key) VALUES (?, ?, ?)", server, nick, fold(nick)
    )


def touch(database: Database, identity: int, origin: Origin) -> None:
    """Note that ``identity`` is the one last used at ``origin``: its secrets may go there."""
    database.rows(
        "INSERT OR REPLACE INTO address VALUES (?, ?, ?, (SELECT 1 + coalesce(max(used), 0) FROM address))",
        identity,
        origin.text,
        origin.machine,
    )


def elsewhere(
    database: Database, origin: Origin, nick: str = "", *, machine_only: bool = False
) -> list[Elsewhere]:
    """Return who we are at other origins: those of the same machine first, then those used last.

    With ``nick`` only who is called that; ``machine_only``: only origins of the same machine.
    """
    rows = database.rows(
        "SELECT identity.server, identity.nick, address.address,"
        " min(slot.origin LIKE 'tls://%' OR slot.origin LIKE 'wss://%')"
        " FROM identity JOIN address ON address.identity = identity.id"
        " JOIN slot ON slot.identity = identity.id AND slot.token <> ''"
        " WHERE identity.id NOT IN (SELECT identity FROM address WHERE address = ?)"
        " AND (? = '' OR identity.key = ?) AND (? = 0 OR address.host = ?)"
        " GROUP BY identity.id, address.address ORDER BY address.host = ? DESC, address.used DESC",
        origin.text,
        fold(nick),
        fold(nick),
        int(machine_only),
        origin.machine,
        origin.machine,
    )
    return [
        Elsewhere(server, known, written(address), origin.secure or not secret)
        for server, known, address, secret in rows
    ]


def add_slot(database: Database, identity: int) -> tuple[int, SlotLock]:
    """Add a slot to ``identity``; return its number and its lock."""
    number = database.insert("INSERT INTO slot (identity) VALUES (?)", identity)
    lock = SlotLock.take(lock_path(database.path, number))
    if lock is None:
        path = lock_path(database.path, number)
        raise ClientError("profile-unusable", f"{path} is locked by another program; remove it.")
    return number, lock


class Slot:
    """One device session's memory, locked for this process.

    Earlier runs have kept uploads up to the key ``inherited_uploads``.
    """

    def __init__(
        self, database: Database, identity: int, number: int, origin: Origin, lock: SlotLock
    ) -> None:
        self.database = database
        self.identity = identity
        self.number = number
        self.origin = origin
        self._lock = lock
        self._inherited = 0
        self.inherited_uploads = 0
        self._nick = ""
        self._moved = False
        self.leftovers = Leftovers(self)

    def remembered(self) -> Remembered:
        """Return what an earlier run left in this slot."""
        with self.database.transaction():
            ((server, nick),) = self.database.rows(
                "SELECT server, nick FROM identity WHERE id = ?", self.identity
            )
            ((token, session, last),) = self.database.rows(
                "SELECT token, session, last FROM slot WHERE id = ?", self.number
            )
            cursors = self._cursors(self.number)
            rooms = cursors or self._cursors_of_a_sibling()
            outbox = self.database.rows(
                "SELECT key, room, text, withdrawn, file, act, ref FROM outbox WHERE slot = ? ORDER BY key",
                self.number,
            )
            uploads = self.database.rows("SELECT room FROM upload WHERE slot = ? ORDER BY key", self.number)
            sibling = self._sibling()
            labels = self.database.rows("SELECT label FROM device")
            others = elsewhere(self.database, self.origin)
            self.leftovers.begin_run()
            ((self.inherited_uploads,),) = self.database.rows(
                "SELECT coalesce(max(key), 0) FROM upload WHERE slot = ?", self.number
            )
        entries = tuple(
            Entry(int(key), room, text, bool(gone), file_in(file), act, ref)
            for key, room, text, gone, file, act, ref in outbox
        )
        self._nick = nick
        self._inherited = max((entry.key for entry in entries), default=0)
        waited_for = [*(entry.room for entry in entries if not entry.withdrawn), *(r for (r,) in uploads)]
        return Remembered(
            session=Session(
                server, session, token, nick, sibling, label=str(labels[0][0]) if labels else None
            ),
            last=last,
            cursors={room: seq for room, seq, _, _ in cursors},
            names={room: name for room, _, name, _ in rooms},
            outbox=entries,
            elsewhere=tuple(others),
            trails={room: Trail.unpack(trail) for room, _, _, trail in cursors},
            entering=_unseen(waited_for, rooms),
        )

    def name_device(self, label: str) -> None:
        """Remember what this device is called."""
        with self.database.transaction():
            self.database.rows("INSERT OR REPLACE INTO device VALUES (1, ?)", label)

    def save(self, changes: Changes, *, cursors: bool) -> None:
        """Write ``changes`` down in one transaction; ``cursors`` only where they are wanted."""
        with self.database.transaction():
            self._bind(changes.session)
            self.database.rows(
                "UPDATE slot SET origin = CASE WHEN token = ? THEN origin ELSE ? END, token = ?, session = ?,"
                " last = ? WHERE id = ?",
                changes.session.token,
                self.origin.text,
                changes.session.token,
                changes.session.id,
                changes.last,
                self.number,
            )
            self._save_outbox(changes)
            self._forget_uploads(changes.posted)
            if cursors:
                self._save_cursors(changes)
            if changes.session.deleted:
                self._forget_identity()

    def keep_upload(self, upload: KeptUpload) -> int:
        """Remember a file that is to be posted, until its post is remembered; return its key."""
        with self.database.transaction():
            ((key,),) = self.database.rows(
                "SELECT 1 + coalesce(max(key), 0) FROM upload WHERE slot = ?", self.number
            )
            self.database.rows(
                "INSERT INTO upload VALUES (?, ?, ?, ?, ?, ?)",
                self.number,
                key,
                upload.room,
                path_row(upload.path),
                upload.caption,
                upload.sha256,
            )
        return int(key)

    def note_upload(self, key: int, sha256: str) -> None:
        """Remember what the file ``key`` holds: if it changes, it is not the one that was meant."""
        with self.database.transaction():
            self.database.rows(
                "UPDATE upload SET sha256 = ? WHERE slot = ? AND key = ?", sha256, self.number, key
            )

    def drop_upload(self, key: int) -> None:
        """Forget a file that is not to be posted any more."""
        with self.database.transaction():
            self._forget_uploads((key,))

    def uploads(self) -> dict[int, KeptUpload]:
        """Return the files that earlier runs were to post, by key, in their order."""
        with self.database.transaction():
            rows = self.database.rows(
                "SELECT key, room, path, caption, sha256 FROM upload WHERE slot = ? ORDER BY key",
                self.number,
            )
        return {
            int(key): KeptUpload(room, Path(path_in(path)), caption, sha256)
            for key, room, path, caption, sha256 in rows
        }

    def moved(self) -> bool:
        """Return, once, whether another server answered at our address than the one that was known there."""
        moved, self._moved = self._moved, False
        return moved

    def _forget_uploads(self, keys: tuple[int, ...]) -> None:
        self.database.many(
            "DELETE FROM upload WHERE slot = ? AND key = ?", ((self.number, key) for key in keys)
        )

    def _cursors(self, slot: int) -> list[Row]:
        return self.database.rows(
            "SELECT room, seq, name, trail FROM cursor WHERE slot = ? ORDER BY place, room", slot
        )

    def _cursors_of_a_sibling(self) -> list[Row]:
        """Return the cursors of another slot of our identity: what rooms we are in, if not how far."""
        others = self.database.rows(
            "SELECT slot.id FROM slot JOIN cursor ON cursor.slot = slot.id WHERE identity = ?"
            " ORDER BY slot.id LIMIT 1",
            self.identity,
        )
        return self._cursors(others[0][0]) if others else []

    def sibling(self) -> str:
        """Return the token of another session of our user, or "" where none is known."""
        with self.database.transaction():
            return self._sibling() or self._namesake()

    def has_company(self) -> bool:
        """Return whether another process uses the same identity, and may be about to get its token."""
        with self.database.transaction():
            rows = self.database.rows(
                "SELECT id FROM slot WHERE identity = ? AND id <> ?", self.identity, self.number
            )
        return any(SlotLock.held(lock_path(self.database.path, number)) for (number,) in rows)

    def close(self) -> None:
        """Let another process have the slot. Whoever ends last is meant next where no nick is named."""
        self._touch_again()
        self._lock.release()
        self.database.close()

    def _touch_again(self) -> None:
        """Note that this identity is the one last used here, if another one has begun meanwhile."""
        with suppress(ClientError, apsw.Error):
            begun = self.database.rows(
                "SELECT 1 FROM address AS other JOIN address AS ours ON ours.address = other.address"
                " WHERE ours.identity = ? AND ours.address = ? AND other.used > ours.used"
                " AND (SELECT token FROM slot WHERE id = ?) <> ''",
                self.identity,
                self.origin.text,
                self.number,
            )
            if begun:
                with self.database.transaction():
                    touch(self.database, self.identity, self.origin)

    def _sibling(self) -> str:
        rows = self.database.rows(
            "SELECT token, origin FROM slot WHERE identity = ? AND id <> ? AND token <> '' ORDER BY id",
            self.identity,
            self.number,
        )
        return self._first_that_may_go(rows)

    def _first_that_may_go(self, rows: list[Row]) -> str:
        """Return the first token of ``rows`` whose origin allows that it goes to ours."""
        return next((str(token) for token, giver in rows if self.origin.takes(giver)), "")

    def _namesake(self) -> str:
        """Return a token of another identity with our nick here: the server may be that one again."""
        rows = self.database.rows(
            "SELECT slot.token, slot.origin FROM slot JOIN identity ON identity.id = slot.identity"
            " JOIN address ON address.identity = identity.id WHERE address.address = ? AND slot.token <> ''"
            " AND identity.key = (SELECT key FROM identity WHERE id = ?) AND identity.id <> ?"
            " ORDER BY address.used DESC",
            self.origin.text,
            self.identity,
            self.identity,
        )
        return self._first_that_may_go(rows)

    def _bind(self, session: Session) -> None:
        """Make the slot belong to the identity that the server confirmed."""
        if not session.server:
            return
        ((server,),) = self.database.rows("SELECT server FROM identity WHERE id = ?", self.identity)
        if server != session.server:
            self._rebind(session, unbound=not server)
        elif self._nick != session.nick:
            self._name(session)

    def _rebind(self, session: Session, *, unbound: bool) -> None:
        """Go on as who we are for the server that it says to be, among those that are at home at our origin.

        What it says is no proof: it brings nobody's secrets to an origin that they may not go to.
        """
        known = self.database.rows(
            "SELECT id FROM identity JOIN address ON address.identity = identity.id"
            " WHERE server = ? AND key = ? AND address.address = ?",
            session.server,
            fold(session.nick),
            self.origin.text,
        )
        if known:
            self._move(int(known[0][0]))
        elif unbound:
            self._name(session)
        else:
            self._move(add_identity(self.database, session.server, session.nick))
        self._nick = session.nick

    def _forget_identity(self) -> None:
        """Be nobody at any address, and keep nothing to be sent: nobody can be this identity any more."""
        for statement in _OF_AN_IDENTITY:
            self.database.rows(statement, self.identity)

    def _name(self, session: Session) -> None:
        self.database.rows(
            "UPDATE identity SET server = ?, nick = ?, key = ? WHERE id = ?",
            session.server,
            session.nick,
            fold(session.nick),
            self.identity,
        )
        self._nick = session.nick

    def _move(self, identity: int) -> None:
        """Go on in a slot of ``identity``; what earlier runs left for another server stays where it is."""
        self._moved = self._moved or bool(
            self.database.rows("SELECT 1 FROM identity WHERE id = ? AND server <> ''", self.identity)
        )
        number, lock = add_slot(self.database, identity)
        touch(self.database, identity, self.origin)
        self.database.rows(
            "UPDATE outbox SET slot = ? WHERE slot = ? AND key > ?", number, self.number, self._inherited
        )
        self.database.rows(
            "UPDATE upload SET slot = ? WHERE slot = ? AND key > ?",
            number,
            self.number,
            self.inherited_uploads,
        )
        self.leftovers.move(number)
        self._lock.release()
        self.identity, self.number, self._lock = identity, number, lock

    def _save_outbox(self, changes: Changes) -> None:
        self.database.many(
            "DELETE FROM outbox WHERE slot = ? AND key = ?", ((self.number, key) for key in changes.deleted)
        )
        self.database.many(
            "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((self.number, *outbox_row(entry)) for entry in changes.stored),
        )

    def _save_cursors(self, changes: Changes) -> None:
        for room, (seq, name) in changes.cursors.items():
            if seq is None:
                self.database.rows("DELETE FROM cursor WHERE slot = ? AND room = ?", self.number, room)
            else:
                self.database.rows(
                    "INSERT INTO cursor VALUES"
                    " (?, ?, ?, ?, (SELECT 1 + coalesce(max(place), 0) FROM cursor WHERE slot = ?), ?)"
                    " ON CONFLICT DO UPDATE"
                    " SET seq = excluded.seq, name = excluded.name, trail = excluded.trail",
                    self.number,
                    room,
                    seq,
                    name,
                    self.number,
                    changes.trails.get(room, b""),
                )


def _unseen(waited_for: list[str], cursors: list[Row]) -> tuple[str, ...]:
    """Return the rooms that something waits for and that have no cursor: their joins were not done."""
    seen = {fold(name) for room, _, called, _ in cursors for name in (room, called)}
    rooms = {fold(room): room for room in waited_for if room.startswith("#")}
    return tuple(room for folded, room in rooms.items() if folded not in seen)
