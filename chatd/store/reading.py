"""Reads a data folder beside the daemon that may use it: a copy of the moment, what is there, what is wrong.

It is for commands: a process of its own reads, so that the daemon waits for nothing.
"""

import os
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from chatd.chat.storage import StoreError
from chatd.store import schema
from chatd.store.deriving import Deriving
from chatd.store.folder import FILE_NAME

PAGES: Final = 1000
"""Pages that are copied at a time, 4 MB."""

ROWS: Final = 10_000
"""Keys that are read at a time."""

FRAMES: Final = 1000
"""Events that are read at a time."""

PATIENCE: Final = 10_000
"""Milliseconds to wait for a daemon that has the database locked."""


class LogRow(NamedTuple):
    """A room's log: its id, its name, and the first event that it keeps."""

    id: int
    name: str
    first: int


class Reading:
    """Reads the database at ``path``, or in the folder ``path``, and changes nothing. Raises `StoreError`."""

    def __init__(self, path: Path) -> None:
        self.path = _readable(path)
        try:
            self._database = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
            self._database.set_busy_timeout(PATIENCE)
            version = int(self._value("PRAGMA user_version"))
        except apsw.Error as error:
            raise StoreError(
                f"The database {self.path} cannot be read: {error}; name a data folder with --data."
            ) from None
        if not 0 < version <= schema.VERSION:
            raise StoreError(
                f"The database {self.path} has format {version}, this chatctl knows {schema.VERSION};"
                " use the one that came with the daemon."
            )

    def _rows(self, statement: str, *given: Any) -> list[Any]:
        return list(self._database.execute(statement, given))

    def _value(self, statement: str, *given: Any) -> Any:
        return next(iter(self._database.execute(statement, given)))[0]

    def close(self) -> None:
        """Let go of it."""
        self._database.close()

    @property
    def server(self) -> str:
        """Return the id of the data."""
        return str(self._value("SELECT value FROM meta WHERE name = 'server'"))

    def copy_into(self, target: Path, tell: Callable[[int, int], object]) -> None:
        """Write the database as it is at this moment into a new file; ``tell`` hears of pages done and all.

        Raises `StoreError`.
        """
        try:
            copy = apsw.Connection(str(target))
            self._database.execute("BEGIN")  # one moment, however many commits come meanwhile
            self._value("SELECT count(*) FROM meta")
            with copy.backup("main", self._database, "main") as backup:
                while not backup.done:
                    backup.step(PAGES)
                    tell(backup.page_count - backup.remaining, backup.page_count)
            copy.execute("PRAGMA journal_mode = DELETE")  # so that it is one file
            copy.close()
        except apsw.Error as error:
            raise StoreError(f"The database {self.path} cannot be copied: {error}.") from None
        finally:
            if self._database.in_transaction:
                self._database.execute("COMMIT")

    def damage(self) -> str:
        """Return what SQLite finds wrong with the file, but for the index of words, or nothing."""
        faults = [fault for fault in self._faults if not schema.is_of_index(fault)]
        return faults[0].splitlines()[-1] if faults else ""

    def index_is_damaged(self) -> bool:
        """Return whether SQLite finds something wrong with the index of words."""
        return any(map(schema.is_of_index, self._faults))

    @cached_property
    def _faults(self) -> list[str]:
        return [str(fault) for (fault,) in self._rows("PRAGMA quick_check(2)") if fault != "ok"]

    def deriving(self) -> Deriving:
        """Return what compares the tables beside the logs with these."""
        return Deriving(self._database)

    def contents(self) -> set[str]:
        """Return the SHA-256 of all files that events post."""
        return {sha256 for (sha256,) in self._rows("SELECT DISTINCT sha256 FROM files")}

    def logs(self) -> list[LogRow]:
        """Return the logs of all rooms."""
        return [LogRow(*row) for row in self._rows("SELECT id, name, first FROM rooms ORDER BY id")]

    def missing(self, log: LogRow) -> tuple[int, int, int]:
        """Return how many events ``log`` has, how many it lacks, and the first of these, as of one moment."""
        self._database.execute("BEGIN")
        try:
            first = self._rows("SELECT first FROM rooms WHERE id = ?", log.id)
            wanted = schema.key(log.id, first[0][0]) if first else schema.last_key(log.id) + 1
            count = lacking = lack = 0
            while rows := self._rows(_KEYS, wanted, schema.last_key(log.id), ROWS):
                for (key,) in rows:
                    if key != wanted:
                        lack = lack or wanted - schema.key(log.id, 0)
                        lacking += key - wanted
                    wanted = key + 1
                count += len(rows)
        finally:
            self._database.execute("COMMIT")
        return count, lacking, lack

    def events(self, log: LogRow) -> Iterator[bytes]:
        """Yield the stored events of ``log``, in order."""
        after = schema.key(log.id, 0)
        while rows := self._rows(_EVENTS, after + 1, schema.last_key(log.id), FRAMES):
            yield from (frame for _, frame in rows)
            after = rows[-1][0]

    def user(self, key: str) -> tuple[int, str] | None:
        """Return the id and the nick of the user whose nick has the comparison form ``key``."""
        rows = self._rows("SELECT id, nick FROM users WHERE key = ?", key) or self._rows(_KEPT, key)
        return (rows[0][0], rows[0][1]) if rows else None

    def nicks(self, user: int) -> dict[str, int]:
        """Return the nicks that an account keeps, in comparison form, and since when; a guest keeps none.

        The times are in milliseconds since 1970.
        """
        columns = {row[1] for row in self._rows("PRAGMA table_info(nicks)")}
        if not columns:
            return {}  # the format knows no accounts yet
        return dict(self._rows(_KEPT_SINCE if "since" in columns else _KEPT_ALWAYS, user))

    def peer(self, log: LogRow, user: int) -> str:
        """Return the nick of whom ``user`` talks to in the direct messages ``log``, "" if they have none."""
        ids = [int(one) for one in log.name[1:].split("+")]
        other = next((one for one in ids if one != user), user)
        rows = self._rows("SELECT nick FROM users WHERE id = ?", other)
        return str(rows[0][0]) if rows else ""

    def sessions(self, user: int) -> list[tuple[int, str, str]]:
        """Return the sessions of a user: id, address and software as last seen."""
        return self._rows("SELECT id, address, software FROM sessions WHERE user = ? ORDER BY id", user)

    def rooms_of(self, user: int) -> list[LogRow]:
        """Return the logs of the rooms in which a user is."""
        return [LogRow(*row) for row in self._rows(_MEMBER, user)]


def _readable(path: Path) -> Path:
    """Return the file of the database at ``path``, or in the folder ``path``. Raises `StoreError`."""
    try:
        file = path / FILE_NAME if path.is_dir() else path
        file.stat()
        readable = os.access(file, os.R_OK)  # it is not opened: that would end locks of this process on it
    except PermissionError:
        readable = False
    except OSError:
        lacks = f"no database in {path}" if path.is_dir() else f"no folder {path}"
        raise StoreError(f"There is {lacks}; name a data folder with --data.") from None
    if not readable:
        raise StoreError(f"You may not read the data in {path}; be root or the daemon's own user.")
    return file


_KEYS: Final = "SELECT key FROM events WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"
_EVENTS: Final = "SELECT key, frame FROM events WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"
_KEPT: Final = (
    "SELECT users.id, users.nick FROM nicks JOIN users ON users.id = nicks.user WHERE nicks.key = ?"
)
_KEPT_SINCE: Final = "SELECT key, since FROM nicks WHERE user = ?"
_KEPT_ALWAYS: Final = "SELECT key, 0 FROM nicks WHERE user = ?"
_MEMBER: Final = (
    "SELECT rooms.id, rooms.name, rooms.first FROM members JOIN rooms ON rooms.id = members.room"
    " WHERE members.user = ? ORDER BY rooms.id"
)
