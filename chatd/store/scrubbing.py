"""Scrubbing: clears the unused parts of the database's pages, where copies of what was erased may lie.

SQLite overwrites what is deleted (``secure_delete``). But where it moves rows from page to page while the
tree grows, and writes a page anew because of that, the unused middle of the page keeps bytes of rows that
were there before: no deletion knows of them. So after an erasure all pages are looked through, slice by
slice, and what is not zero between a page's cell pointers and its cells is overwritten (the file format is
documented: https://www.sqlite.org/fileformat2.html, sections 1.6 and 1.8). That is done when the write-ahead
log is empty, no other process has the file open, and nobody can write; those bytes mean nothing to SQLite, so
nothing can be broken halfway.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from threading import Event
from typing import Final

import apsw

from chatd.store.company import Company

SLICE: Final = 256
"""Pages that are read at once, 1 MiB: about 1 ms."""

TURN: Final = 0.008
"""Seconds that one step may take besides its flush, so that no commit waits for long (P6)."""

PAUSE: Final = 0.05
"""Seconds between two steps."""

BETWEEN: Final = 0.2
"""Seconds between two steps while commits follow each other: each costs them two flushes more."""

BUSY: Final = 0.5
"""Seconds to wait while somebody else reads from the write-ahead log, such as a backup."""

GAP: Final = 0.7
"""Seconds that the next search waits for it at the most: searches that follow each other leave no gap."""

PATIENCE: Final = 60.0
"""Seconds that somebody else may be in the way before the operator hears of it: a backup takes as long."""

DUE: Final = "INSERT INTO meta VALUES('scrub', '1') ON CONFLICT(name) DO NOTHING"
_IS_DUE: Final = "SELECT 1 FROM meta WHERE name = 'scrub'"
_NOTE: Final = "UPDATE meta SET value = ? WHERE name = 'scrub'"
_DONE: Final = "DELETE FROM meta WHERE name = 'scrub'"

_TREE: Final = frozenset({1, 5})
"""The kinds of pages that are parts of a tree, in the map of pages: roots and others."""

_HEAD_SIZES: Final = {2: 12, 5: 12, 10: 8, 13: 8}
"""Bytes of the head of a tree's page, by its first byte."""

_LOCK_BYTE: Final = 1 << 30
"""The byte that is locked, in a page that is never used."""

_ENTRY: Final = 5
"""Bytes of an entry in the map of pages."""

_FILE_HEAD: Final = 100
"""Bytes at the beginning of the first page that describe the file."""

_HEAD: Final = Struct(">BHHH")


class Scrubbing:
    """Clears the pages of the database at ``path``; for the thread that writes, as `Shrinking` is.

    What is still to be done is kept in the database: a crash ends none of it. ``waits`` hears, once, for how
    many seconds somebody else has been in the way; then ``done`` how many it took in all. It ``stands`` while
    another process has the database open, and begins anew afterwards. The way is ``free`` unless somebody
    reads who was in it; for all threads.
    """

    def __init__(
        self,
        database: apsw.Connection,
        path: Path,
        company: Company,
        waits: Callable[[float], object],
        done: Callable[[float], object],
    ) -> None:
        self._path = path
        self._company = company
        self._waits = waits
        self._done = done
        self._other = apsw.Connection(str(path))
        self._other.set_busy_timeout(0)
        self._other.pragma("synchronous", 2)
        self._file = apsw.VFSFile(
            "unix", str(path), [apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_MAIN_DB, 0]
        )
        self._page = 1
        self._passes = 0
        self._last = 0.0
        self._begun = time.monotonic()
        self._told = False
        self.stands = False
        self.free = Event()
        self.free.set()
        self.due = any(True for _ in database.execute(_IS_DUE))

    def begin(self) -> None:
        """Look through all pages twice from now on: something was erased.

        It goes on where it is, so that all are looked at however often something is erased.
        """
        if not self.due:
            self._begun = time.monotonic()
        self.due, self._passes = True, 0 if self._page == 1 else -1

    @property
    def holds(self) -> bool:
        """Return whether pages are to stay where they are, since they are looked at for the last time."""
        return self.due and not self.stands and self._passes > 0

    def between(self) -> None:
        """Do a step between two commits, if there was none for a while."""
        if self.due and time.monotonic() - self._last >= BETWEEN:
            self.step()

    def step(self) -> float | None:
        """Do a step; return the seconds until the next one, None if nothing is left to do."""
        self.stands = self.due and self._company.is_there()
        if not self.due:
            return None
        try:
            if self.stands:
                self.free.set()
                self._page, self._passes = 1, 0  # pages may change their places meanwhile
                wait: float | None = BUSY
            else:
                wait = self._step() if self._checkpoint() else BUSY
        except apsw.Error:  # somebody else has it locked, or the disk is full; commits tell of that
            wait = BUSY
        finally:
            self._last = time.monotonic()
        self._tell(blocked=wait == BUSY)
        return wait

    def _tell(self, blocked: bool) -> None:
        took = self._last - self._begun
        if blocked and not self._told and took >= PATIENCE:
            self._told = True
            self._waits(took)
        elif self._told and not self.due:
            self._told = False
            self._done(took)

    def close(self) -> None:
        """Close the files."""
        self._file.xClose()
        self._other.close()

    def _checkpoint(self) -> bool:
        """Bring the write-ahead log into the file and empty it; return whether that was possible."""
        for blocked, *_ in self._other.execute("PRAGMA wal_checkpoint(TRUNCATE)"):
            if not blocked:
                self.free.set()
                return True
        self.free.clear()
        return False

    def _step(self) -> float | None:
        other = self._other
        other.execute("BEGIN IMMEDIATE")
        try:
            if Path(f"{self._path}-wal").stat().st_size:
                other.execute("ROLLBACK")
                return 0.0
            whole = self._clear(time.monotonic() + TURN)
            # The commit tells the connection that writes to forget the pages that it has in memory.
            if whole and self._passes > 0:
                other.execute(_DONE)
            else:
                other.execute(_NOTE, (str(self._page),))
            other.execute("COMMIT")
        except BaseException:
            if other.in_transaction:
                other.execute("ROLLBACK")
            raise
        if not whole:
            return PAUSE
        # Pages that change places between two steps may be missed: then all are looked through once more.
        self._passes += 1
        self.due, self._page = self._passes < 2, 1  # noqa: PLR2004
        return PAUSE if self.due else None

    def _clear(self, end: float) -> bool:
        """Clear pages until the monotonic second ``end``; return whether all of this pass were looked at."""
        size = int(self._other.pragma("page_size"))
        usable = size - self._file.xRead(1, 20)[0]
        last = self._file.xFileSize() // size
        if self._page == 1 and last <= SLICE:
            self._passes = 1  # nothing changes between: once is enough
        wrote = False
        while self._page <= last and time.monotonic() < end:
            count = min(SLICE, last - self._page + 1)
            data = self._file.xRead(count * size, (self._page - 1) * size)
            for number in range(count):
                page = self._page + number
                found = unused(data, number * size, page == 1, usable)
                if found is not None and self._is_tree(page, size, usable):
                    begin, stop = found
                    self._file.xWrite(bytes(stop - begin), (self._page - 1) * size + begin)
                    wrote = True
            self._page += count
        if wrote:
            os.fdatasync(self._company.handle)  # apsw's own keeps the interpreter's lock, and all wait
        return self._page > last

    def _is_tree(self, page: int, size: int, usable: int) -> bool:
        """Return whether the map of pages says that ``page`` is part of a tree."""
        if page == 1:
            return True
        each = usable // _ENTRY + 1
        map_page = (page - 2) // each * each + 2
        map_page += map_page == _LOCK_BYTE // size + 1
        if page <= map_page:
            return False
        place = (map_page - 1) * size + (page - map_page - 1) * _ENTRY
        return self._file.xRead(1, place)[0] in _TREE


def unused(data: bytes, begin: int, first: bool, usable: int) -> tuple[int, int] | None:
    """Return where, in the page that stands in ``data`` at ``begin``, unused bytes are that are not all zero.

    ``first`` is whether it is the file's first page. A page that does not look as it should is left alone.
    """
    head = begin + (_FILE_HEAD if first else 0)
    kind, _, cells, content = _HEAD.unpack_from(data, head)
    if kind not in _HEAD_SIZES:
        return None
    low = head + _HEAD_SIZES[kind] + 2 * cells
    high = begin + (content or 65_536)
    if low < high <= begin + usable and data.count(0, low, high) < high - low:
        return low, high
    return None
