"""The archive: connections that have ended and lines of the log, in a file of its own, for operators.

A thread writes it; nobody waits for it, it is bounded, and what it cannot take is dropped and counted.
Nothing of the chat depends on it: a damaged file is replaced by a new one.
"""

import queue
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any, Final, NamedTuple

import apsw

FILE_NAME: Final = "past.sqlite"

PER_KEY: Final = 50
"""Entries that are kept of one nick, and of one address from which nobody was let in."""

MAX_KNOWN: Final = 100_000
"""Entries of people that are kept in all: some 60 MB."""

MAX_STRANGERS: Final = 10_000
"""The same of those who were not let in, so that strangers push nobody out."""

MAX_LINES: Final = 100_000
"""Lines of the log that are kept: some 30 MB."""

PAGE: Final = 200
"""Lines that are read at once at the most."""

MAX_DAYS: Final = 30
"""Days for which they are kept at the most."""

MAX_WAITING: Final = 10_000
"""Entries that wait to be written at the most (P5)."""

TOGETHER: Final = 500
"""Entries that are written in one transaction."""

TRIM_EVERY: Final = 1000
"""Entries after which the whole is cut to its bounds."""

TRIM_WITHIN: Final = 3600.0
"""Seconds after which that is done anyway, as old entries go also where hardly anybody comes."""

BUSY: Final = 2000
"""Milliseconds to wait where a daemon before or behind this one still has the file."""

PATIENCE: Final = 2.0
"""Seconds for which the end of the daemon waits for what is not written yet."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS past(
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, known INTEGER NOT NULL, key TEXT NOT NULL,
    host TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS past_key ON past(key);
CREATE INDEX IF NOT EXISTS past_host ON past(host);
CREATE INDEX IF NOT EXISTS past_number ON past(number);
CREATE INDEX IF NOT EXISTS past_known ON past(known);
CREATE TABLE IF NOT EXISTS lines(cursor INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL);
"""
_ADD: Final = "INSERT INTO past(at, known, key, host, number, body) VALUES(?, ?, ?, ?, ?, ?)"
_TRIM_KEY: Final = """
DELETE FROM past WHERE key = ?1 AND id <= (
    SELECT id FROM past WHERE key = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
"""
_TRIM: Final = """
DELETE FROM past WHERE known = ?1 AND id <= (
    SELECT id FROM past WHERE known = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
"""
_TRIM_LINES: Final = "DELETE FROM lines WHERE cursor <= (SELECT max(cursor) FROM lines) - ?"
_DAY_MS: Final = 86_400_000


class Entry(NamedTuple):
    """What is kept: when it ended (milliseconds since 1970), whose it is, and the rest as ``body``.

    ``known`` is whether somebody was let in; then ``key`` is the nick's, and otherwise the network's.
    """

    at: int
    known: bool
    key: str
    host: str
    number: int
    body: bytes


class Line(NamedTuple):
    """A line of the log, as JSON."""

    text: str


class Page(NamedTuple):
    """Lines behind a cursor that was asked for, each with its own; ``first`` is the oldest that is kept."""

    first: int
    last: int
    lines: list[tuple[int, str]]


class LineQuery(NamedTuple):
    """A question for the lines behind the cursor ``after``."""

    after: int
    done: Callable[[Page], object]


class Query(NamedTuple):
    """A question for the newest entries whose ``column`` is ``value``: one of key, host, number."""

    column: str
    value: Any
    done: Callable[[list[bytes]], object]


class Archive:
    """Keeps entries in ``folder``; ``call`` brings answers back, and what is wrong to ``failed``, once.

    ``wall`` returns milliseconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        wall: Callable[[], int],
        call: Callable[..., object],
        failed: Callable[[str], object],
    ) -> None:
        self.dropped = 0
        self._path = folder / FILE_NAME
        self._wall = wall
        self._call = call
        self._failed = failed
        self._broken = False
        self._since_trim = 0
        self._next_trim = 0.0  # at once: what was kept has grown older while no daemon ran
        self._database: apsw.Connection | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._try(self._open)  # now: apsw holds the interpreter's lock while SQLite turns to WAL
        self._thread = Thread(target=self._run, name="chatd-archive", daemon=True)
        self._thread.start()

    def keep(self, at: int, known: bool, key: str, host: str, number: int, body: bytes) -> None:
        """Keep an `Entry`, as soon as there is time."""
        self._put(Entry(at, known, key, host, number, body))

    def keep_line(self, text: str) -> None:
        """Keep a line of the log, as soon as there is time."""
        self._put(Line(text))

    def _put(self, job: "Entry | Line") -> None:
        if self._jobs.qsize() >= MAX_WAITING:
            self.dropped += 1
            return
        self._jobs.put(job)

    def find(self, column: str, value: Any, done: Callable[[list[bytes]], object]) -> None:
        """Call ``done`` with the bodies of the newest entries whose ``column`` is ``value``, newest first."""
        self._jobs.put(Query(column, value, done))

    def lines(self, after: int, done: Callable[[Page], object]) -> None:
        """Call ``done`` with the lines behind the cursor ``after``, which is ahead of none if it is below 0.

        Then so many of the newest are meant.
        """
        self._jobs.put(LineQuery(after, done))

    def forget(self, keys: Iterable[str]) -> None:
        """Keep nothing of ``keys`` any more."""
        self._jobs.put(list(keys))

    def close(self) -> None:
        """Write what waits, for a short time at the most."""
        self._jobs.put(None)
        self._thread.join(PATIENCE)

    # ---- in the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        job = self._next()
        while job is not None:
            if isinstance(job, Entry | Line):
                job = self._gather(job)
                continue
            if isinstance(job, LineQuery):
                self._call(job.done, self._try(self._page, job.after) or Page(0, 0, []))
            elif isinstance(job, Query):
                self._call(job.done, self._try(self._find, job) or [])
            else:
                self._try(self._forget, job)
            job = self._next()
        if self._database is not None:
            with suppress(apsw.Error):
                # apsw holds the interpreter's lock while it closes: all that waits for the disk comes first.
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._database.close()

    def _next(self) -> "Job | None":
        """Return the next job; trim while there is none, when it is time."""
        while True:
            try:
                return self._jobs.get(timeout=max(0.0, self._next_trim - monotonic()))
            except queue.Empty:
                self._try(self._trim)

    def _gather(self, first: Entry | Line) -> "Job | None":
        """Write ``first`` and the entries behind it together; return the job after them."""
        entries: list[Entry | Line] = [first]
        while len(entries) < TOGETHER:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if not isinstance(job, Entry | Line):
                self._try(self._write, entries)
                return job
            entries.append(job)
        self._try(self._write, entries)
        return self._next()

    def _try(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Do one ``step``; what goes wrong is told once, until something works again."""
        try:
            result = step(*arguments)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            self._tell(str(error))
            self._begin_anew()
        except (apsw.Error, OSError) as error:
            self._tell(str(error))
        else:
            self._broken = False
            return result
        return None

    def _tell(self, error: str) -> None:
        if not self._broken:
            self._broken = True
            self._call(self._failed, error)

    def _begin_anew(self) -> None:
        """Remove a damaged file; the next entry makes another one."""
        if self._database is not None:
            with suppress(apsw.Error):
                self._database.close()
            self._database = None
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(FILE_NAME + suffix).unlink()

    def _open(self) -> apsw.Connection:
        if self._database is None:
            self._path.touch(mode=0o600)
            database = apsw.Connection(str(self._path))
            try:
                database.set_busy_timeout(BUSY)
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = NORMAL")
                database.execute("PRAGMA secure_delete = ON")
                database.execute(_SCHEMA)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _write(self, jobs: list[Entry | Line]) -> None:
        database = self._open()
        entries = [job for job in jobs if isinstance(job, Entry)]
        lines = [job for job in jobs if isinstance(job, Line)]
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany(_ADD, entries)
            for key in {entry.key for entry in entries}:
                database.execute(_TRIM_KEY, (key, PER_KEY))
            database.executemany("INSERT INTO lines(line) VALUES(?)", lines)
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._since_trim += len(jobs)
        if self._since_trim >= TRIM_EVERY or monotonic() >= self._next_trim:
            self._trim()

    def _trim(self) -> None:
        """Cut the whole to its bounds; what fails is tried again when it is time."""
        self._since_trim, self._next_trim = 0, monotonic() + TRIM_WITHIN
        database = self._open()
        database.execute("DELETE FROM past WHERE at < ?", (self._wall() - MAX_DAYS * _DAY_MS,))
        database.execute(_TRIM, (True, MAX_KNOWN))
        database.execute(_TRIM, (False, MAX_STRANGERS))
        database.execute(_TRIM_LINES, (MAX_LINES,))

    def _find(self, query: Query) -> list[bytes]:
        statement = f"SELECT body FROM past WHERE {_COLUMNS[query.column]} = ? ORDER BY id DESC LIMIT ?"  # noqa: S608
        return [body for (body,) in self._open().execute(statement, (query.value, PER_KEY))]

    def _page(self, after: int) -> Page:
        database = self._open()
        first, last = next(iter(database.execute("SELECT min(cursor), max(cursor) FROM lines")))
        if first is None:
            return Page(0, 0, [])
        begin = max(int(last) + after, 0) if after < 0 else after
        rows = database.execute("SELECT cursor, line FROM lines WHERE cursor > ? LIMIT ?", (begin, PAGE))
        return Page(int(first), int(last), [(int(cursor), str(line)) for cursor, line in rows])

    def _forget(self, keys: list[str]) -> None:
        database = self._open()
        before = database.total_changes()
        with database:
            database.executemany("DELETE FROM past WHERE key = ?", ((key,) for key in keys))
        if database.total_changes() > before:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the write-ahead log has it, too


Job = Entry | Line | Query | LineQuery | list[str]
"""What the thread is asked to do; a list has keys to forget."""

_COLUMNS: Final = {"key": "key", "host": "host", "number": "number"}
