"""Reads the head of a database file without SQLite, so that a look touches nothing that the daemon has open.

https://www.sqlite.org/fileformat.html, "The Database Header". The head is that of the last checkpoint.
"""

import struct
from pathlib import Path
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct(">16sH10xI4xI12xI8xI")
"""Magic, page size, pages, free pages, largest root page, incremental vacuum; up to byte 68."""

_MAGIC: Final = b"SQLite format 3\0"


class Head(NamedTuple):
    """The number of free bytes in the file, and whether it can give them back."""

    free: int
    shrinks: bool


def read_head(path: Path) -> Head:
    """Return what the head of the database at ``path`` says.

    Raises OSError, also for another kind of file.
    """
    with path.open("rb") as file:
        data = file.read(_HEAD.size)
    if len(data) < _HEAD.size or not data.startswith(_MAGIC):
        raise OSError(f"{path.name} is no database")
    _, page, _, free, root, incremental = _HEAD.unpack(data)
    return Head(free * (65_536 if page == 1 else page), bool(root and incremental))
