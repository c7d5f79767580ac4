"""Disks: tells whether a write failed for want of room and what to do, and looks without ever failing.

`Path.exists` and its like raise where a folder on the way may not be entered, such as the current one.
"""

import errno
import os
import pwd
from pathlib import Path
from typing import Final

_WANTS: Final = {
    errno.ENOSPC: "no space is left on the disk; free some",
    errno.EDQUOT: "the disk quota is used up; delete something",
    errno.EFBIG: "no file may grow that large there; raise the limit (ulimit -f)",
}


def want_of_room(number: int | None) -> str | None:
    """Return what is full and what to do for the system's error ``number``; None for any other error."""
    return None if number is None else _WANTS.get(number)


def is_there(path: Path) -> bool:
    """Return whether something is at ``path``, as far as we may see."""
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: Path) -> bool:
    """Return whether ``path`` is a folder, as far as we may see."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Return whether ``path`` is a file, as far as we may see."""
    return os.path.isfile(path)  # noqa: PTH113


def rooted(path: Path) -> Path:
    """Return ``path`` from the root on, or as it is if the current folder was deleted."""
    try:
        return path.absolute()
    except FileNotFoundError:
        return path


def remedy(number: int | None, path: Path) -> str:
    """Return the words that follow the system's error at ``path``: which user it concerns, and what to do."""
    if number not in (errno.EACCES, errno.EPERM):
        return "; mend that or name another with --data"
    user = _user()
    closed = next((folder for folder in reversed(rooted(path).parents) if _is_closed(folder)), None)
    if closed is not None:
        return f" for the user {user}, who may not enter {closed}; name another with --data"
    give = f"chown -R {user} {path}"
    if not os.path.lexists(path):
        give = f"mkdir -p {path}; {give}"
    return f" for the user {user}; give it to that user ({give}) or name another with --data"


def _is_closed(folder: Path) -> bool:
    """Return whether ``folder`` exists, as far as we can see, but may not be entered by us."""
    return os.path.lexists(folder) and not os.access(folder, os.X_OK)


def _user() -> str:
    """Return the name of the user that we run as, or its number if it has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
