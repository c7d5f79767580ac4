"""Opening: connections to the database, which is checked, can shrink, and has the tables of this chatd."""

import errno
import os
import secrets
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from chatd.chat.storage import StoreError
from chatd.store import schema, space
from chatd.store.folder import damaged, keep_private, unusable
from chatd.store.space import SpaceListener
from chatd.store.transaction import Transaction

QUICK_CHECK_BYTES: Final = 268_435_456
"""A file up to this size is checked as a whole when it is opened; that takes a second at the most."""

CACHE_KIB: Final = 65_536

IN_MEMORY: Final = "PRAGMA temp_store = MEMORY"
"""Lets SQLite write no temporary files: a read-only root has no place for them, and they would hold words."""


class Opened(NamedTuple):
    """A connection that writes, the ``version`` of the tables, and whether the index of words is damaged."""

    database: apsw.Connection
    version: int
    damaged: bool


def open_writer(path: Path, listener: SpaceListener, *, checked: bool) -> Opened:
    """Open the file at ``path``, or make it; its tables may be older ones still (`bring_up`).

    Raises `StoreError` if it is damaged, too new, or cannot be used.
    """
    space.clean(path)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    keep_private(path)
    database: apsw.Connection | None = None
    try:
        database = _connect(path)
        version = int(value(database.execute("PRAGMA user_version")))
        if version > schema.VERSION:
            database.close()
            raise StoreError(
                f"The database {path} is from a newer version of chatd (format {version}, this one"
                f" knows {schema.VERSION}); install that version or use another data folder."
            )
        index_damaged = checked and _check(database, path)
        if version == 0:
            space.prepare(database)
        elif not space.can_shrink(database) or version < schema.OVERWRITING:
            space.convert(database, path, listener)
            database = _connect(path)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")
        database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except apsw.Error as error:
        raise explained(path, error, database) from None
    return Opened(database, version, index_damaged)


def open_reader(path: Path, *, mapped: bool = True) -> apsw.Connection:
    """Return a connection to the file at ``path`` that only reads.

    If the file is ``mapped``, what is read of it, and what is beside that, is in the process's memory from
    then on: that is quicker where the same is read again.
    """
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute(IN_MEMORY)
    if mapped:
        reader.pragma("mmap_size", 1 << 30)
    return reader


def _connect(path: Path) -> apsw.Connection:
    database = apsw.Connection(str(path))
    database.set_busy_timeout(space.BUSY_TIMEOUT)
    database.execute(IN_MEMORY)
    return database


def bring_up(database: apsw.Connection, path: Path, version: int) -> None:
    """Bring the tables from ``version``, 0 if there are none, to those of this chatd."""
    if version == schema.VERSION:
        return
    with Transaction(database):
        for step in schema.STEPS[version:]:
            database.execute(step) if isinstance(step, str) else step(database)
        if version == 0:
            database.execute("INSERT INTO meta VALUES('server', ?)", (secrets.token_hex(8),))
        database.execute(f"PRAGMA user_version = {schema.VERSION}")
    if version == 0:
        space.sync(path.parent)


def _check(database: apsw.Connection, path: Path) -> bool:
    """Refuse a file that is damaged; return whether the index of words is, which can be made anew."""
    if path.stat().st_size > QUICK_CHECK_BYTES:
        return False
    faults = [str(verdict) for (verdict,) in database.execute("PRAGMA quick_check(2)") if verdict != "ok"]
    for fault in faults:
        if not schema.is_of_index(fault):
            raise damaged(path, fault.splitlines()[-1])
    return bool(faults)


def explained(path: Path, error: apsw.Error, database: apsw.Connection | None) -> StoreError:
    """Return what is told of ``error`` in ``database``, the file at ``path``."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError | apsw.SQLError):
        return damaged(path, str(error))
    return StoreError(unusable(path, error, system_error(error, database)))


def system_error(error: apsw.Error, database: apsw.Connection | None) -> int | None:
    """Return the system's number for ``error`` in ``database``, if the system had a part in it."""
    if isinstance(error, apsw.FullError):
        return errno.ENOSPC
    return database.system_errno if database is not None and isinstance(error, apsw.IOError) else None


def value(rows: Any) -> Any:
    """Return the first value of the first of ``rows``."""
    return next(iter(rows))[0]
