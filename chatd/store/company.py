"""Company: whether another process has the database open, such as litestream or a backup.

Whoever replicates the write-ahead log has to read all of it before it begins anew. litestream keeps others
from beginning it anew by reading all the time. But where it looks away for a moment, what was committed
since its last look and brought in by a checkpoint of ours would be missing from its copy for ever, and
nothing would tell. So in company we leave all checkpoints to the others.

A connection of SQLite, in WAL mode too, holds a shared lock on a range of bytes of the file as long as it is
open (https://www.sqlite.org/lockingv3.html), and the system tells of locks of other processes alone
(fcntl(2), F_GETLK).
"""

import fcntl
import os
import sys
import time
from pathlib import Path
from struct import Struct
from typing import Final

import apsw

PAUSE: Final = 0.1
"""Seconds between two looks while commits follow each other: a look costs a call of the system."""

AUTOMATIC: Final = 1000
"""Pages of the write-ahead log above which a commit brings it in while we are alone: SQLite's default."""

_FIRST: Final = (1 << 30) + 2
_COUNT: Final = 510
"""The bytes that SQLite locks for those who have the file open."""

_IS_LINUX: Final = sys.platform == "linux"
_FLOCK: Final = Struct("@hhqqi0q" if _IS_LINUX else "@qqihh")
"""The system's ``struct flock``, of Linux or of the BSDs."""


class Company:
    """Looks whether another process has the database at ``path`` open; ``handle`` is a descriptor of it."""

    def __init__(self, path: Path) -> None:
        self.handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._last = 0.0
        self._was = False

    def is_there(self) -> bool:
        """Return whether somebody else has it open now."""
        asked = (fcntl.F_WRLCK, os.SEEK_SET, _FIRST, _COUNT, 0)
        if not _IS_LINUX:
            asked = (_FIRST, _COUNT, 0, fcntl.F_WRLCK, os.SEEK_SET)
        found = _FLOCK.unpack(fcntl.fcntl(self.handle, fcntl.F_GETLK, _FLOCK.pack(*asked)))
        return bool(found[0 if _IS_LINUX else 3] != fcntl.F_UNLCK)

    def mind(self, database: apsw.Connection) -> None:
        """Let commits on ``database`` bring the write-ahead log in only while nobody else has it open."""
        now = time.monotonic()
        if now - self._last < PAUSE:
            return
        self._last = now
        if self.is_there() is not self._was:
            self._was = not self._was
            database.wal_autocheckpoint(0 if self._was else AUTOMATIC)

    def release(self) -> None:
        """Close the last descriptor of the process, which ends all its locks on the file (fcntl(2))."""
        os.close(self.handle)
