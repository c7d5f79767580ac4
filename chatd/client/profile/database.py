"""The file of a profile: its tables, its transactions, and a sentence for each thing that can go wrong."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import apsw

from chatd.client.core.problems import ClientError
from chatd.disk import want_of_room

VERSION: Final = 9
"""The layout of the tables; a file with a newer one is left alone."""

BUSY: Final = 10_000
"""Milliseconds to wait for another process's transaction."""

WAL_LIMIT: Final = 1_048_576
"""Bytes that the write-ahead log keeps on the disk after it was longer."""

CONVERTED: Final = 33_554_432
"""Bytes of the largest file that is written anew at the start: that takes some tenths of a second."""

Row = tuple[Any, ...]

_SCHEMA: Final = """
CREATE TABLE identity (
    id INTEGER PRIMARY KEY, server TEXT NOT NULL, nick TEXT NOT NULL, key TEXT NOT NULL);
CREATE TABLE address (
    identity INTEGER NOT NULL, address TEXT NOT NULL, host TEXT NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (identity, address)) WITHOUT ROWID;
CREATE TABLE slot (
    id INTEGER PRIMARY KEY, identity INTEGER NOT NULL, token TEXT NOT NULL DEFAULT '',
    session INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0);
CREATE TABLE cursor (
    slot INTEGER NOT NULL, room TEXT NOT NULL, seq INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (slot, room)) WITHOUT ROWID;
CREATE TABLE outbox (
    slot INTEGER NOT NULL, key INTEGER NOT NULL, room TEXT NOT NULL, text TEXT NOT NULL,
    withdrawn INTEGER NOT NULL, PRIMARY KEY (slot, key)) WITHOUT ROWID;
"""

_FILES: Final = """
ALTER TABLE outbox ADD COLUMN file TEXT NOT NULL DEFAULT '';
CREATE TABLE upload (
    slot INTEGER NOT NULL, key INTEGER NOT NULL, room TEXT NOT NULL, path TEXT NOT NULL,
    caption TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (slot, key)) WITHOUT ROWID;
"""

_ORIGINS: Final = """
DELETE FROM address
WHERE used < (SELECT max(used) FROM address AS other WHERE other.identity = address.identity);
UPDATE address SET address = lower(address) WHERE address NOT LIKE 'unix:%';
ALTER TABLE slot ADD COLUMN origin TEXT NOT NULL DEFAULT '';
UPDATE slot SET origin = coalesce((SELECT address FROM address WHERE identity = slot.identity), '');
"""
"""Secrets are bound to where they were last used: what was noted before that proves nothing."""

_PLACES: Final = "ALTER TABLE cursor ADD COLUMN place INTEGER NOT NULL DEFAULT 0"
"""Rooms keep the order in which they were entered."""

_TRAILS: Final = "ALTER TABLE cursor ADD COLUMN trail BLOB NOT NULL DEFAULT x''"

_BEGUN: Final = """
CREATE TABLE begun (
    id INTEGER PRIMARY KEY AUTOINCREMENT, slot INTEGER NOT NULL, sending INTEGER NOT NULL, room TEXT NOT NULL,
    path TEXT NOT NULL, seq INTEGER NOT NULL, UNIQUE (slot, sending, room, path));
"""
"""Files on their way that no run goes on with by itself: an interrupted ``put`` or ``get`` can be found."""

_PINS: Final = "CREATE TABLE pin (origin TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID"
"""The fingerprint that the key of a server must have."""

_ACTS: Final = """
ALTER TABLE outbox ADD COLUMN act TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN ref INTEGER NOT NULL DEFAULT 0;
"""
"""What is queued may be an edit or a reaction, and refer to an event."""

_DEVICE: Final = "CREATE TABLE device (id INTEGER PRIMARY KEY, label TEXT NOT NULL)"
"""What this device is called, in one row."""

_STEPS: Final = (_SCHEMA, _FILES, _ORIGINS, _PLACES, _TRAILS, _BEGUN, _PINS, _ACTS, _DEVICE)
"""What leads from each version of the layout to the next."""


class Database:
    """One profile's SQLite file; several processes may have it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._plainly():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = apsw.Connection(str(path))
            self._prepare()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything inside in one transaction; raises `ClientError` where the file does not allow it."""
        with self._plainly():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, statement: str, *values: str | int | bytes) -> list[Row]:
        """Run one statement and return its rows."""
        return list(self._db.execute(statement, values))

    def named_rows(self, statement: str, values: dict[str, str | int]) -> list[Row]:
        """Run one statement with named values and return its rows."""
        return list(self._db.execute(statement, values))

    def insert(self, statement: str, *values: str | int) -> int:
        """Run one insertion and return the number of the new row."""
        self._db.execute(statement, values)
        return self._db.last_insert_rowid()

    def many(self, statement: str, rows: Iterable[tuple[str | int, ...]]) -> None:
        """Run one statement for every row."""
        self._db.executemany(statement, rows)

    def _prepare(self) -> None:
        self._db.set_busy_timeout(BUSY)
        self.rows("PRAGMA auto_vacuum = full")  # a new file gives back what was sent long ago
        self.rows("PRAGMA journal_mode = wal")
        self.rows(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        self.rows("PRAGMA synchronous = full")
        if self._version() < VERSION:
            with self.transaction():
                for step in _STEPS[self._version() :]:
                    self.rows(step)
                self.rows(f"PRAGMA user_version = {max(VERSION, self._version())}")
        if self._version() > VERSION:
            raise ClientError(
                "profile-unusable",
                f"The profile {self.path} is from a newer chatc; upgrade this one or name another --profile.",
            )
        if not self.rows("PRAGMA auto_vacuum")[0][0]:
            self._convert()

    def _convert(self) -> None:
        """Let a file of an earlier chatc give room back as a new one does: it is written anew for that, once.

        Where another process writes, or the disk is full, the next run tries again; a file so large that
        somebody would wait for it stays as it is.
        """
        if self.path.stat().st_size > CONVERTED:
            return
        self._db.set_busy_timeout(0)
        with suppress(apsw.BusyError, apsw.LockedError, apsw.FullError, apsw.IOError):
            self.rows("VACUUM")
        self._db.set_busy_timeout(BUSY)

    def _version(self) -> int:
        return int(self.rows("PRAGMA user_version")[0][0])

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Turn what can go wrong with a file into one sentence."""
        try:
            yield
        except (apsw.CorruptError, apsw.NotADBError):
            raise ClientError(
                "profile-damaged",
                f"The profile {self.path} is damaged; move it away, or name another with --profile.",
            ) from None
        except (OSError, apsw.Error) as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError | apsw.Error) -> ClientError:
        want = want_of_room(self._number(error))
        if want is not None:
            return ClientError("profile-full", f"The profile {self.path} cannot be written: {want}.")
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, (OSError, apsw.CantOpenError, apsw.ReadOnlyError)):
            return ClientError(
                "profile-unusable",
                f"The profile {self.path} cannot be written: {reason}; name another folder with --state, or"
                " keep nothing with --ephemeral.",
            )
        return ClientError("profile-unusable", f"The profile {self.path} cannot be used: {reason}.")

    def _number(self, error: OSError | apsw.Error) -> int | None:
        """Return the system's number for ``error``, where the system had a part in it."""
        if isinstance(error, OSError):
            return error.errno
        if isinstance(error, apsw.FullError):
            return errno.ENOSPC
        return self._db.system_errno if isinstance(error, apsw.IOError) else None
