"""The store over SQLite: a thread that writes, one that reads, one that searches; WAL and synchronous=FULL.

The writer takes one batch at a time and commits it with one fsync; the reader has a connection of its own,
so that history is read while a commit waits for the disk. Between batches the writer indexes what was said
(`chatd.store.index`), clears what is left of what was erased (`chatd.store.scrubbing`), and gives back room
that is no longer needed (`chatd.store.space`). Results go back through ``call``, which runs a function in the
reactor's thread.
"""

import errno
import fcntl
import os
import queue
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from time import monotonic, perf_counter, sleep
from typing import Any, TypeVar

import apsw

from chatd.chat.changes.rows import (
    Change,
    DropReactions,
    DropReactionsBelow,
    Erase,
    PutAccount,
    PutAct,
    PutAddressBan,
    PutAllow,
    PutBlock,
    PutCertificate,
    PutEmptied,
    PutErasure,
    PutFile,
    PutInvite,
    PutMark,
    PutMember,
    PutNick,
    PutPin,
    PutPlace,
    PutRoom,
    PutSession,
    PutTime,
    PutUpload,
    PutUser,
)
from chatd.chat.facts import Facts
from chatd.chat.looked import Looked, Wanted
from chatd.chat.storage import Changes, HitPage, Position, Scope, Snapshot, Space, StoreError, stored_room
from chatd.counters import SECONDS, Histogram
from chatd.disk import remedy, want_of_room
from chatd.search.query import Query
from chatd.search.said import Said
from chatd.store import looking, schema, scrubbing, space
from chatd.store.company import Company
from chatd.store.dropping import drop_reactions
from chatd.store.index import Index
from chatd.store.searching import Searching
from chatd.store.sizes import TAKERS, Sizes
from chatd.store.space import SpaceListener
from chatd.wire.stored import known_check_of, known_time_of

FILE_NAME = "chatd.sqlite"
LOCK_NAME = "lock"
QUICK_CHECK_BYTES = 268_435_456
"""A file up to this size is checked as a whole when it is opened; that takes a second at the most."""

CACHE_KIB = 65_536

IN_MEMORY = "PRAGMA temp_store = MEMORY"
"""Lets SQLite write no temporary files: a read-only root has no place for them, and they would hold words."""

LOCK_PATIENCE = 10.0
"""Seconds within which a process that ends lets go of its folder: its files are closed one by one."""

LOCK_PAUSE = 0.01
"""Seconds between two looks whether it has."""

CLOSE_PATIENCE = 5.0
"""Seconds that closing waits for a disk that does not answer."""

Call = Callable[..., object]
Job = Callable[[], object]
Row = TypeVar("Row", bound=Change)
Found = TypeVar("Found")


class SqliteStore:
    """Keeps everything in one SQLite file in ``folder``, which no other daemon may use meanwhile.

    ``listener`` is told of changes of its room; a file that cannot shrink is converted first. Data that
    are ``taken_over`` from a process that ends are waited for, and not checked. Raises `StoreError` if the
    folder cannot be used or is in use, or if the file is damaged or too new.
    """

    def __init__(
        self, folder: Path, call: Call, listener: SpaceListener, *, taken_over: bool = False
    ) -> None:
        self.syncs = Histogram(SECONDS)
        self._call = call
        self._listener = listener
        self._lock = lock_folder(folder, LOCK_PATIENCE if taken_over else 0.0)
        self._path = folder / FILE_NAME
        try:
            self._open(checked=not taken_over)
            self._reader, self._searcher = self._connect_reader(), self._connect_reader()
        except apsw.Error as error:
            os.close(self._lock)
            raise self._explain(error) from None
        except OSError as error:
            os.close(self._lock)
            raise StoreError(_unusable(self._path, error.strerror, error.errno)) from None
        except BaseException:
            os.close(self._lock)
            raise
        self._search_jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._write_jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._read_jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._writing = _start("write", self._write)
        self._reading = _start("read", partial(_work, self._read_jobs))
        self._looking = _start("search", partial(_work, self._search_jobs))

    # ---- the Store protocol -------------------------------------------------------------------------

    def load(self) -> Snapshot:
        """Return the state on disk. Raises `StoreError`."""
        try:
            return self._load()
        except apsw.Error as error:
            raise self._explain(error) from None

    def append(self, changes: Changes, done: Callable[[Exception | None], None]) -> None:
        """Make ``changes`` durable, then call ``done`` with None or with the error."""
        self._write_jobs.put(lambda: self._call(done, self._commit(changes)))

    def read(
        self,
        log: int,
        first: int,
        last: int,
        limit: int,
        newest: bool,
        done: Callable[[list[bytes] | StoreError], None],
    ) -> None:
        """Read events ``first`` to ``last`` of ``log``, about ``limit`` bytes, from either end."""
        low, high = schema.key(log, first), schema.key(log, last)
        self._read_jobs.put(lambda: self._call(done, self._try_page(low, high, limit, newest)))

    def size_of(self, log: int) -> int:
        """Return how many bytes the durable events of ``log`` take."""
        return self._sizes.of(log)

    def look(self, log: int, wanted: Wanted, user: int, done: Callable[[Looked | StoreError], None]) -> None:
        """Read the ``wanted`` events of ``log`` with what became of them, for ``user``."""
        self._read_jobs.put(lambda: self._call(done, self._try(looking.look, log, wanted, user)))

    def facts(
        self, log: int, seq: int, user: int, whole: bool, done: Callable[[Facts | StoreError], None]
    ) -> None:
        """Read what a decision of ``user`` about event ``seq`` of ``log`` needs to know."""
        self._read_jobs.put(lambda: self._call(done, self._try(looking.facts, log, seq, user, whole)))

    def search(
        self,
        query: Query,
        scopes: Sequence[Scope],
        before: Position | None,
        limit: int,
        done: Callable[[HitPage | StoreError], None],
    ) -> None:
        """Look for what ``query`` means, in a thread of its own."""
        self._search_jobs.put(lambda: self._call(done, self._try_search(query, scopes, before, limit)))

    def space(self, done: Callable[[Space | StoreError], None]) -> None:
        """Call ``done`` with the room that the database takes, or with the error."""
        self._read_jobs.put(lambda: self._call(done, self._try_space()))

    def vacuum(self, done: Callable[[Space | StoreError], None]) -> None:
        """Give back what is free, slice by slice, then call ``done`` with what is left, or with the error."""
        self._write_jobs.put(lambda: self._shrinking.wish(partial(self._call, done)))

    def beat(self, done: Callable[[], None]) -> None:
        """Call ``done`` when what was handed in before is on the disk."""
        self._write_jobs.put(lambda: self._call(done))

    def close(self, patience: float = CLOSE_PATIENCE) -> bool:
        """Finish what was handed in, then close the files; return whether that took at most ``patience``.

        If the disk hangs, the files stay in use until the process ends.
        """
        self._read_jobs.put(None)
        self._search_jobs.put(None)
        self._write_jobs.put(self._close_files)
        self._write_jobs.put(None)
        self._writing.join(patience)
        return not self._writing.is_alive()

    def _close_files(self) -> None:
        """Close the files once nobody reads any more; all that waits for the disk comes before.

        Apsw holds the interpreter's lock while it closes: a flush there that hangs would keep everybody
        from giving up.
        """
        self._reading.join()
        self._looking.join()
        self._reader.close()
        self._searcher.close()
        self._scrubbing.close()
        with suppress(apsw.Error), _Transaction(self._writer):
            self._sizes.keep_all()
        if not self._is_settled():
            self._writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._writer.close()
        self._company.release()
        os.close(self._lock)

    def _is_settled(self) -> bool:
        """Bring the write-ahead log into the file; return whether nothing is left of it to be brought in."""
        if self._company.is_there():
            return False
        try:
            return not _value(self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        except apsw.Error:  # a full disk, mostly; the next start reads the log
            return False

    # ---- opening ------------------------------------------------------------------------------------

    def _open(self, *, checked: bool) -> None:
        space.clean(self._path)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        _keep_private(self._path)
        database = self._connect()
        version = int(_value(database.execute("PRAGMA user_version")))
        if version > schema.VERSION:
            database.close()
            raise StoreError(
                f"The database {self._path} is from a newer version of chatd (format {version}, this one"
                f" knows {schema.VERSION}); install that version or use another data folder."
            )
        damaged = checked and self._check(database)
        if version == 0:
            space.prepare(database)
        elif not space.can_shrink(database) or version < schema.OVERWRITING:
            space.convert(database, self._path, self._listener)
            database = self._connect()
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")
        database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._company = Company(self._path)
        self._company.mind(database)
        self._shrinking = space.Shrinking(
            database, self._path, self._company, partial(self._call, self._listener.shrunk)
        )
        if version < schema.VERSION:
            self._bring_up(database, version)
        database.execute(schema.COUNT_USERS)
        self._sizes = Sizes(database)
        with _Transaction(database):
            self._sizes.keep_all()
        self._scrubbing = scrubbing.Scrubbing(
            database,
            self._path,
            self._company,
            partial(self._call, self._listener.erasing_waits),
            partial(self._call, self._listener.erased),
        )
        self._index = Index(
            database, self._scrub, partial(self._call, self._listener.index_failed), damaged=damaged
        )

    def _connect(self) -> apsw.Connection:
        self._writer = apsw.Connection(str(self._path))
        self._writer.set_busy_timeout(space.BUSY_TIMEOUT)
        self._writer.execute(IN_MEMORY)
        return self._writer

    def _connect_reader(self) -> apsw.Connection:
        reader = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
        reader.execute(IN_MEMORY)
        reader.pragma("mmap_size", 1 << 30)
        return reader

    def _bring_up(self, database: apsw.Connection, version: int) -> None:
        """Bring the tables from ``version``, 0 if there are none, to those of this chatd."""
        with _Transaction(database):
            for step in schema.STEPS[version:]:
                step(database)
            if version == 0:
                database.execute("INSERT INTO meta VALUES('server', ?)", (secrets.token_hex(8),))
            database.execute(f"PRAGMA user_version = {schema.VERSION}")
        if version == 0:
            space.sync(self._path.parent)

    def _check(self, database: apsw.Connection) -> bool:
        """Refuse a file that is damaged; return whether the index of words is, which can be made anew."""
        if self._path.stat().st_size > QUICK_CHECK_BYTES:
            return False
        faults = [str(verdict) for (verdict,) in database.execute("PRAGMA quick_check(2)") if verdict != "ok"]
        for fault in faults:
            if not schema.is_of_index(fault):
                raise _damaged(self._path, fault.splitlines()[-1])
        return bool(faults)

    def _load(self) -> Snapshot:
        meta = dict(self._reader.execute("SELECT name, value FROM meta"))
        emptied = {row.room: row for row in self._rows(PutEmptied)}
        return Snapshot(
            server=meta["server"],
            users=self._rows(PutUser),
            sessions=self._rows(PutSession),
            rooms=[
                stored_room(room, self._last(room.id), emptied.get(room.id)) for room in self._rows(PutRoom)
            ],
            last_session=int(_value(self._reader.execute(schema.LAST_SESSION))),
            members=self._rows(PutMember),
            files=self._rows(PutFile),
            time=PutTime(int(meta.get("lived", 0)), int(meta.get("clock", 0))),
            marks=self._rows(PutMark),
            uploads=self._rows(PutUpload),
            accounts=self._rows(PutAccount),
            nicks=self._rows(PutNick),
            invites=self._rows(PutInvite),
            acts=self._rows(PutAct),
            blocks=self._rows(PutBlock),
            allows=self._rows(PutAllow),
            certificates=self._rows(PutCertificate),
            places=self._rows(PutPlace),
            erasures=self._rows(PutErasure),
            address_bans=self._rows(PutAddressBan),
            pins=self._rows(PutPin),
            last_user=int(meta.get("last_user", 0)),
        )

    def _rows(self, kind: type[Row]) -> list[Row]:
        return [kind(*row) for row in self._reader.execute(schema.LOADS[kind])]

    def _last(self, log: int) -> tuple[int, int, str] | None:
        """Return the number, the time and the check of the last event of ``log`` that is kept."""
        low = schema.key(log, 0)
        for key, frame in self._reader.execute(schema.LAST, (low, schema.last_key(log))):
            return key - low, known_time_of(frame), known_check_of(frame)
        return None

    def _explain(self, error: apsw.Error) -> StoreError:
        if isinstance(error, apsw.CorruptError | apsw.NotADBError | apsw.SQLError):
            return _damaged(self._path, str(error))
        return StoreError(_unusable(self._path, error, self._number(error)))

    def _number(self, error: apsw.Error) -> int | None:
        """Return the system's number for ``error``, if the system had a part in it."""
        if isinstance(error, apsw.FullError):
            return errno.ENOSPC
        return self._writer.system_errno if isinstance(error, apsw.IOError) else None

    # ---- in the threads -----------------------------------------------------------------------------

    def _write(self) -> None:
        """Write what is handed in. When there is nothing, index, clear what was erased, then give back room.

        A page that changes its place because of that is none that was not cleared yet.
        """
        wait: float | None = space.PAUSE
        while True:
            try:
                job = self._write_jobs.get(timeout=wait)
            except queue.Empty:
                wait = self._idle()
                continue
            if job is None:
                return
            self._company.mind(self._writer)
            if self._scrubbing.due:
                self._scrubbing.between()
            if not self._scrubbing.due or self._scrubbing.stands:
                self._shrinking.between()
            job()
            self._index.between()
            wait = space.PAUSE

    def _idle(self) -> float | None:
        """Do a step of what waits for a moment without commits; return the seconds until the next one."""
        self._company.mind(self._writer)
        wait = self._index.news()
        if wait is not None:
            return wait
        waits = [self._scrubbing.step()]
        if waits[0] is None or self._scrubbing.stands:
            waits.append(self._index.rest())
            if waits[1] is None:
                waits += [self._shrinking.idle(), self._index.until_clearing()]
        return min((wait for wait in waits if wait is not None), default=None)

    def _scrub(self) -> None:
        self._writer.execute(scrubbing.DUE)
        self._scrubbing.begin()

    def _commit(self, changes: Changes) -> Exception | None:
        database = self._writer
        erases = bool(changes.others) and any(isinstance(change, Erase) for change in changes.others)
        sizes = self._sizes
        touched: dict[int, Said | None] = {}
        try:
            with _Transaction(database, self.syncs.observe):
                if erases:
                    database.execute(scrubbing.DUE)
                touched = self._index.touched(changes)
                for change in changes.others:
                    if isinstance(change, TAKERS):
                        sizes.changing(change)
                    if isinstance(change, DropReactions | DropReactionsBelow):
                        drop_reactions(database, change)
                    else:
                        database.execute(schema.STATEMENTS[type(change)], change)
                self._index.retouch(touched, changes)
                for log, first, frames in changes.events:
                    database.execute(
                        schema.ADD_EVENTS, (schema.key(log, first) - 1, apsw.carray(tuple(frames)))
                    )
                database.executemany(schema.SET_LAST, changes.sends)
                sizes.keep(changes)
        except apsw.Error as error:
            sizes.forget()
            if touched and isinstance(error, apsw.CorruptError) and self._index.renew():
                return self._commit(changes)
            return self._failure(error)
        except Exception as error:  # noqa: BLE001 - whatever prevented the commit, the batch has failed
            sizes.forget()
            return error
        sizes.settle()
        if erases:
            self._scrubbing.begin()
        self._index.committed(changes)
        return None

    def _failure(self, error: apsw.Error) -> Exception:
        """Return what is told of ``error``, which has prevented a commit."""
        number = self._number(error)
        want = want_of_room(number)
        if want is not None:
            return StoreError(f"The database {self._path} cannot grow: {want}.")
        return StoreError(f"{error}: {os.strerror(number)}") if number else error

    def _try_space(self) -> Space | StoreError:
        try:
            return space.space_of(self._reader, self._path)
        except (apsw.Error, OSError) as error:
            return StoreError(str(error))

    def _try_search(
        self, query: Query, scopes: Sequence[Scope], before: Position | None, limit: int
    ) -> HitPage | StoreError:
        self._scrubbing.free.wait(scrubbing.GAP)
        try:
            return Searching(self._searcher, query, scopes, before).found(limit)
        except apsw.Error as error:
            return StoreError(str(error))

    def _try(self, read: Callable[..., Found], *given: object) -> Found | StoreError:
        """Return what ``read`` finds, or the error."""
        try:
            return read(self._reader, *given)
        except apsw.Error as error:
            return StoreError(str(error))

    def _try_page(self, low: int, high: int, limit: int, newest: bool) -> list[bytes] | StoreError:
        """Return a page, or the error."""
        try:
            return self._page(low, high, limit, newest)
        except apsw.Error as error:
            return StoreError(str(error))

    def _page(self, low: int, high: int, limit: int, newest: bool) -> list[bytes]:
        """Return events from one end on, as far as their keys have no hole (P2)."""
        frames: list[bytes] = []
        size = 0
        statement, wanted, step = (schema.NEWEST_FIRST, high, -1) if newest else (schema.OLDEST_FIRST, low, 1)
        for key, frame in self._reader.execute(statement, (low, high)):
            size += len(frame)
            if key != wanted or (frames and size > limit):
                break
            frames.append(frame)
            wanted += step
        if newest:
            frames.reverse()
        return frames


class _Transaction:
    """Does everything inside in one transaction; ``synced`` is told for how many seconds it became durable.

    Apsw's own holds the interpreter's lock while the disk syncs, so that the reactor would wait for it too.
    """

    def __init__(self, database: apsw.Connection, synced: Callable[[float], object] | None = None) -> None:
        self._database = database
        self._synced = synced

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        database = self._database
        try:
            if kind is None:
                began = perf_counter()
                database.execute("COMMIT")
                if self._synced is not None:
                    self._synced(perf_counter() - began)
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")


def _work(jobs: "queue.SimpleQueue[Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job()


def _start(name: str, work: Callable[[], None]) -> Thread:
    thread = Thread(target=work, name=f"chatd-store-{name}", daemon=True)
    thread.start()
    return thread


def _value(rows: Any) -> Any:
    return next(iter(rows))[0]


def lock_folder(folder: Path, patience: float = 0.0) -> int:
    """Return the handle of the lock of ``folder``, which ends with it. Raises `StoreError`.

    It may be free ``patience`` seconds later only.
    """
    end = monotonic() + patience
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"The data folder {folder} cannot be used: {error.strerror}{remedy(error.errno, folder)}."
        ) from None
    while not _lock(handle):
        if monotonic() >= end:
            os.close(handle)
            raise StoreError(
                f"The data folder {folder} is in use by another daemon;"
                " stop that or name another with --data."
            )
        sleep(LOCK_PAUSE)
    return handle


def _keep_private(path: Path) -> None:
    """Let nobody but the owner read a database at ``path`` that somebody has put there."""
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        with suppress(FileNotFoundError, PermissionError):
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(
        f"The database {path} is damaged ({why}); restore it from a backup or move it away to begin anew."
    )


def _unusable(path: Path, why: object, number: int | None) -> str:
    want = want_of_room(number)
    if want is not None:
        return f"The database {path} cannot be written: {want}, then start again; nothing is lost."
    return f"The database {path} cannot be used: {why}{remedy(number, path)}."
