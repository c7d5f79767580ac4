"""The store over SQLite: a thread that writes, one that reads, one that searches; WAL and synchronous=FULL.

The writer takes one batch at a time and commits it with one fsync; the reader has a connection of its own,
so that history is read while a commit waits for the disk. Between batches the writer indexes what was said
(`chatd.store.index`), clears what is left of what was erased (`chatd.store.scrubbing`), and gives back room
that is no longer needed (`chatd.store.space`). Results go back through ``call``, which runs a function in the
reactor's thread.
"""

import os
import queue
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Final, TypeVar

import apsw

from chatd.chat.changes.rows import Change, DropReactions, DropReactionsBelow, DropRoom, Erase
from chatd.chat.facts import Facts
from chatd.chat.looked import Looked, Wanted
from chatd.chat.storage import Changes, HitPage, Position, Scope, Snapshot, Space, StoreError
from chatd.counters import SECONDS, Histogram
from chatd.disk import want_of_room
from chatd.search.query import Query
from chatd.search.said import Said
from chatd.store import looking, schema, scrubbing, space, statements
from chatd.store.company import Company
from chatd.store.dropping import Dropping
from chatd.store.folder import FILE_NAME, lock_folder, unusable
from chatd.store.index.index import Index
from chatd.store.loading import load
from chatd.store.opening import bring_up, explained, open_reader, open_writer, system_error, value
from chatd.store.searching import Searching
from chatd.store.sizes import TAKERS, Sizes
from chatd.store.space import SpaceListener
from chatd.store.transaction import Transaction

LOCK_PATIENCE = 10.0
"""Seconds within which a process that ends lets go of its folder: its files are closed one by one."""

BESIDE: Final = 0.01
"""Seconds between two looks, while commits follow each other, at what may be done between them."""

CLOSE_PATIENCE = 5.0
"""Seconds that closing waits for a disk that does not answer."""

Call = Callable[..., object]
Job = Callable[[], object]
Found = TypeVar("Found")


class SqliteStore:
    """Keeps everything in one SQLite file in ``folder``, which no other daemon may use meanwhile.

    ``listener`` is told of changes of its room; a file that cannot shrink is converted first. Data that
    are ``taken_over`` from a process that ends are waited for, and not checked. Commits need not be
    ``flushed`` where what they hold is durable elsewhere: a power cut then takes the last ones, each as a
    whole. Raises `StoreError` if the folder cannot be used or is in use, or the file is damaged or too new.
    """

    def __init__(
        self,
        folder: Path,
        call: Call,
        listener: SpaceListener,
        *,
        taken_over: bool = False,
        flushed: bool = True,
    ) -> None:
        self.syncs = Histogram(SECONDS)
        self._call = call
        self._listener = listener
        self._lock = lock_folder(folder, LOCK_PATIENCE if taken_over else 0.0)
        self._path = folder / FILE_NAME
        try:
            self._open(checked=not taken_over)
            if not flushed:
                self._writer.execute("PRAGMA synchronous = NORMAL")
            self._reader, self._searcher = open_reader(self._path), open_reader(self._path)
        except apsw.Error as error:
            os.close(self._lock)
            raise explained(self._path, error, self._writer) from None
        except OSError as error:
            os.close(self._lock)
            raise StoreError(unusable(self._path, error.strerror, error.errno)) from None
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
            with closing(open_reader(self._path, mapped=False)) as reader:
                return load(reader)
        except apsw.Error as error:
            raise explained(self._path, error, self._writer) from None

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
        with suppress(apsw.Error), Transaction(self._writer):
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
            return not value(self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        except apsw.Error:  # a full disk, mostly; the next start reads the log
            return False

    # ---- opening ------------------------------------------------------------------------------------

    def _open(self, *, checked: bool) -> None:
        database, version, index_damaged = open_writer(self._path, self._listener, checked=checked)
        self._writer = database
        self._company = Company(self._path)
        self._company.mind(database)
        self._shrinking = space.Shrinking(
            database, self._path, self._company, partial(self._call, self._listener.shrunk)
        )
        bring_up(database, self._path, version)
        database.execute(statements.COUNT_USERS)
        self._dropping = Dropping(database)
        self._sizes = Sizes(database)
        with Transaction(database):
            self._sizes.keep_all()
        self._scrubbing = scrubbing.Scrubbing(
            database,
            self._path,
            self._company,
            partial(self._call, self._listener.erasing_waits),
            partial(self._call, self._listener.erased),
        )
        self._index = Index(
            database, self._scrub, partial(self._call, self._listener.index_failed), damaged=index_damaged
        )
        database.execute("PRAGMA shrink_memory")  # it has looked at pages everywhere

    # ---- in the threads -----------------------------------------------------------------------------

    def _write(self) -> None:
        """Write what is handed in. When there is nothing, index, clear what was erased, then give back room.

        While pages are looked at for the last time, none changes its place because of that.
        """
        wait: float | None = space.PAUSE
        beside = 0.0
        while True:
            try:
                job = self._write_jobs.get(timeout=wait)
            except queue.Empty:
                wait = self._idle()
                continue
            if job is None:
                return
            now = time.monotonic()
            due = now >= beside
            if due:
                beside = now + BESIDE
                self._company.mind(self._writer)
                if self._scrubbing.due:
                    self._scrubbing.between()
                if not self._scrubbing.holds:
                    self._shrinking.between()
            job()
            if due:
                self._dropping.between()
                self._index.between()
            wait = space.PAUSE

    def _idle(self) -> float | None:
        """Do a step of what waits for a moment without commits; return the seconds until the next one."""
        self._company.mind(self._writer)
        news = self._index.news()
        if news == 0:
            return news
        waits = [news, self._dropping.step(), self._scrubbing.step()]
        if not self._scrubbing.holds:
            waits.append(self._index.rest())
            if waits[-1] is None:
                waits += [self._shrinking.idle(), self._index.until_clearing()]
        return min((wait for wait in waits if wait is not None), default=None)

    def _scrub(self) -> None:
        self._writer.execute(scrubbing.DUE)
        self._scrubbing.begin()

    def _commit(self, changes: Changes) -> Exception | None:
        database, others = self._writer, changes.others
        erases = bool(others) and any(isinstance(change, Erase) for change in others)
        sizes = self._sizes
        touched: dict[int, Said | None] = {}
        effect = 0
        try:
            runs = [
                (schema.key(log, first) - 1, apsw.carray(tuple(frames)))
                for log, first, frames in changes.events
            ]
            alone = not others and len(runs) == len(changes.sends) == 1
            with Transaction(database, self.syncs.observe, (*runs[0], *changes.sends[0]) if alone else None):
                if erases:
                    database.execute(scrubbing.DUE)
                if others:
                    touched = self._index.touched(changes)
                    for change in others:
                        effect += self._change(change)
                    self._index.retouch(touched, changes)
                if not alone:
                    database.executemany(statements.ADD_EVENTS, runs)
                    database.executemany(statements.SET_LAST, changes.sends)
                sizes.keep(changes)
                if changes.mark is not None:
                    changes.mark.effect = effect
                    database.execute(statements.SET_MARK, (changes.mark.place, effect))
        except apsw.Error as error:
            sizes.forget()
            if touched and isinstance(error, apsw.CorruptError) and self._index.renew():
                return self._commit(changes)
            return self._failure(error)
        except Exception as error:  # noqa: BLE001 - whatever prevented the commit, the batch has failed
            sizes.forget()
            return error
        sizes.settle(changes)
        if erases:
            self._scrubbing.begin()
        self._index.committed(changes)
        return None

    def _change(self, change: Change) -> int:
        """Write a ``change`` of what is no event, within a transaction; return how many rows that concerned.

        Where many go bit by bit behind the commit, that is none.
        """
        if isinstance(change, TAKERS):
            self._sizes.changing(change)
        if isinstance(change, DropReactions | DropReactionsBelow):
            self._dropping.drop(change)
            return 0
        if isinstance(change, DropRoom):
            self._dropping.forget(change.id)
        self._writer.execute(statements.STATEMENTS[type(change)], change)
        return self._writer.changes()

    def _failure(self, error: apsw.Error) -> Exception:
        """Return what is told of ``error``, which has prevented a commit."""
        number = system_error(error, self._writer)
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
        statement, wanted, step = (
            (statements.NEWEST_FIRST, high, -1) if newest else (statements.OLDEST_FIRST, low, 1)
        )
        for key, frame in self._reader.execute(statement, (low, high)):
            size += len(frame)
            if key != wanted or (frames and size > limit):
                break
            frames.append(frame)
            wanted += step
        if newest:
            frames.reverse()
        return frames


def _work(jobs: "queue.SimpleQueue[Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job()


def _start(name: str, work: Callable[[], None]) -> Thread:
    thread = Thread(target=work, name=f"chatd-store-{name}", daemon=True)
    thread.start()
    return thread
