"""Space: gives what the database no longer needs back to the file system, in slices that nobody feels.

Deleting rows leaves free pages in the file. SQLite's incremental vacuum takes them out of it, which needs a
file that was made for it; files of earlier versions are written anew once (`convert`).
"""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import apsw

from chatd.chat.storage import Space, StoreError
from chatd.store.company import Company

SLICE: Final = 256
"""Pages, 1 MiB, that one transaction gives back: 2 to 10 ms, most of it one flush, as any commit takes."""

SPARE: Final = 64
"""Free pages that stay in the file at least, for the next events."""

SPARE_PART: Final = 20
"""For so many pages in use one may be free: rooms that grow as fast as they are cut need it again."""

PAUSE: Final = 0.05
"""Seconds without a commit after which a slice may be given back, and between two slices."""

BUSY_PAUSE: Final = 0.5
"""Seconds between two slices while commits follow each other: 2 MiB a second for two flushes more."""

WISHED_PAUSE: Final = 0.1
"""The same where somebody waits for it: 10 MiB a second."""

LATER: Final = 10.0
"""Seconds to wait if it cannot be done now: another program reads, or the disk is full."""

WAL_LIMIT: Final = 4_194_304
"""Bytes that the write-ahead log may keep when nothing needs it; it is brought in about as often."""

ROOM: Final = 16_777_216
"""Bytes that must be free on the disk beyond what writing the file anew needs."""

TELL_INTERVAL: Final = 10.0
"""Seconds between two reports of how far that is."""

BUSY_TIMEOUT: Final = 1000
"""Milliseconds that the daemon waits for another program that has the database locked."""

_INCREMENTAL: Final = 2
"""What SQLite calls that way of vacuuming."""


class ConvertListener(Protocol):
    """Is told how the database is written anew; sizes are bytes, durations seconds."""

    def converting(self, size: int, written: int) -> None:
        """Hear that the file is being written anew, ``written`` of at most ``size`` bytes so far."""

    def converted(self, size: int, freed: int, duration: float) -> None:
        """Hear that it was written anew, has ``size`` bytes now, and had so many more before."""

    def not_converted(self, error: str) -> None:
        """Hear why it was not written anew."""


class SpaceListener(ConvertListener, Protocol):
    """Is told of all changes of the database's room, of its unused parts, and of its index."""

    def shrunk(self, size: int, freed: int, duration: float) -> None:
        """Hear that ``freed`` bytes were given back, and ``size`` are left."""

    def erasing_waits(self, duration: float) -> None:
        """Hear that what was erased is still in unused parts, as another program reads for so long."""

    def erased(self, duration: float) -> None:
        """Hear that it is not any more."""

    def index_failed(self, error: str, lacking: int) -> None:
        """Hear why the index cannot be brought up to date, and how many events it lacks."""


def prepare(database: apsw.Connection) -> None:
    """Make a new database, still without tables, able to shrink."""
    database.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")


def can_shrink(database: apsw.Connection) -> bool:
    """Return whether free pages can be taken out of the file."""
    return bool(database.pragma("auto_vacuum") == _INCREMENTAL)


def space_of(database: apsw.Connection, path: Path) -> Space:
    """Return how much room the database at ``path`` takes."""
    size = database.pragma("page_size")
    return Space(size * database.pragma("page_count"), size * database.pragma("freelist_count"), _wal(path))


def _wal(path: Path) -> int:
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def convert(database: apsw.Connection, path: Path, listener: ConvertListener) -> None:
    """Write a file that cannot shrink anew beside it, as one that can, and let that take its place.

    A crash leaves either file whole. If it cannot be done, ``listener`` hears why and the file stays as it
    is. ``database``, which nobody else may have open, is closed, to be opened anew.
    """
    new = _beside(path)
    begin = time.monotonic()
    try:
        new.unlink(missing_ok=True)
        before = space_of(database, path)
        _check_room(path.parent, before.size - before.free)
        if database.pragma("journal_mode", "delete") != "delete":
            raise apsw.BusyError("another program has it open")
        _write_anew(database, new, before.size - before.free, listener)
        database.close()
        sync(new)
        new.replace(path)
        sync(path.parent)
    except (apsw.Error, OSError) as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        listener.not_converted(str(error))
    else:
        size = path.stat().st_size
        listener.converted(size, before.size - size, time.monotonic() - begin)
    finally:
        database.close()


def clean(path: Path) -> None:
    """Remove what a crash has left of writing the database at ``path`` anew, which nobody may be doing."""
    with suppress(OSError):
        _beside(path).unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + ROOM:
        raise OSError(f"it needs {needed + ROOM} bytes of room on the disk, and {free} are there")


def _write_anew(database: apsw.Connection, new: Path, size: int, listener: ConvertListener) -> None:
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    told = time.monotonic()
    listener.converting(size, 0)

    def tell() -> bool:
        nonlocal told
        if time.monotonic() - told >= TELL_INTERVAL:
            told = time.monotonic()
            listener.converting(size, new.stat().st_size)
        return False

    prepare(database)
    database.set_progress_handler(tell, 100_000)
    try:
        database.execute("VACUUM INTO ?", (str(new),))
    finally:
        database.set_progress_handler(None)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


Wish = Callable[[Space | StoreError], object]
"""Hears what room is left when all is given back, or why nothing can be."""


class Shrinking:
    """Gives back the pages that the database at ``path`` does not need; for the thread that writes.

    ``told`` hears the size, the bytes given back and the seconds that took, once all is given back. Some
    pages stay free for what comes next, unless somebody wishes for all of them (`wish`). In `Company` the
    write-ahead log is left as it is.
    """

    def __init__(
        self,
        database: apsw.Connection,
        path: Path,
        company: Company,
        told: Callable[[int, int, float], object],
    ) -> None:
        self._database = database
        self._company = company
        self._path = path
        self._told = told
        self._can = can_shrink(database)
        self._begun: tuple[int, float] | None = None
        self._wishes: list[Wish] = []
        self._last = 0.0
        database.pragma("journal_size_limit", WAL_LIMIT)

    def wish(self, done: Wish) -> None:
        """Give back all that is free, slice by slice; call ``done`` with what is left, or with the error."""
        if self._can:
            self._wishes.append(done)
        else:
            done(StoreError("The database cannot shrink before the daemon's next start has written it anew."))

    def between(self) -> None:
        """Give back a slice between two commits, if there was none for a while."""
        if time.monotonic() - self._last >= (WISHED_PAUSE if self._wishes else BUSY_PAUSE):
            self.idle()

    def idle(self) -> float | None:
        """Give back a slice; return the seconds until the next one, None if nothing is left to do."""
        self._last = time.monotonic()
        try:
            return self._step()
        except apsw.Error:  # a full disk, mostly: to shrink takes room in the log; commits tell of it
            return LATER

    def _step(self) -> float | None:
        space = space_of(self._database, self._path)
        page = self._database.pragma("page_size")
        spare = 0 if self._wishes else max(SPARE * page, (space.size - space.free) // SPARE_PART)
        surplus = (space.free - spare) // page if self._can else 0
        if surplus > (0 if self._begun or self._wishes else SLICE):
            self._begun = self._begun or (space.size, self._last)
            for _ in self._database.execute(f"PRAGMA incremental_vacuum({min(surplus, SLICE)})"):
                pass
            return PAUSE
        if not (self._begun or self._wishes) and space.wal <= WAL_LIMIT:
            return None
        accompanied = self._company.is_there()
        if not accompanied and not self._checkpoint():
            return BUSY_PAUSE if self._wishes else LATER
        if self._begun:
            (before, begin), self._begun = self._begun, None
            self._told(space.size, before - space.size, time.monotonic() - begin)
        wishes, self._wishes = self._wishes, []
        for done in wishes:
            done(space._replace(wal=space.wal if accompanied else 0))
        return LATER if accompanied and space.wal > WAL_LIMIT else None

    def _checkpoint(self) -> bool:
        """Bring the log into the file and empty it; return whether no reader was in the way."""
        self._database.set_busy_timeout(0)
        try:
            for blocked, *_ in self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)"):
                return not blocked
            return False
        finally:
            self._database.set_busy_timeout(BUSY_TIMEOUT)
