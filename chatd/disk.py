"""Disks: whether it was want of room that kept something from being written, in words that say what to do."""

import errno
from typing import Final

_WANTS: Final = {
    errno.ENOSPC: "no space is left on the disk; free some",
    errno.EDQUOT: "the disk quota is used up; delete something",
    errno.EFBIG: "no file may grow that large there; raise the limit (ulimit -f)",
}


def want_of_room(number: int | None) -> str | None:
    """Return what is full and what to do for the system's error ``number``; None for any other kind of it."""
    return None if number is None else _WANTS.get(number)
