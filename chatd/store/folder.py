"""The data folder: its database's file, its lock, and what is said where they cannot be used."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from chatd.chat.storage import StoreError
from chatd.disk import remedy, want_of_room

FILE_NAME: Final = "chatd.sqlite"
LOCK_NAME: Final = "lock"

LOCK_PAUSE: Final = 0.01
"""Seconds between two looks whether another process has let go of the lock."""


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


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def keep_private(path: Path) -> None:
    """Let nobody but the owner read a database at ``path`` that somebody has put there."""
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        with suppress(FileNotFoundError, PermissionError):
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


def damaged(path: Path, why: str) -> StoreError:
    """Return what is told of a damaged database."""
    return StoreError(
        f"The database {path} is damaged ({why}); restore it from a backup or move it away to begin anew."
    )


def unusable(path: Path, why: object, number: int | None) -> str:
    """Return what is told of a database that cannot be used; ``number`` is the system's for the error."""
    want = want_of_room(number)
    if want is not None:
        return f"The database {path} cannot be written: {want}, then start again; nothing is lost."
    return f"The database {path} cannot be used: {why}{remedy(number, path)}."
