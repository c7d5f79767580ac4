"""Lock files: which slots of a profile are in use, by whichever process."""

import fcntl
import os
from pathlib import Path


def lock_path(profile: Path, slot: int) -> Path:
    """Return the path of the file whose lock says that ``slot`` of ``profile`` is in use."""
    return profile.with_suffix(f".{slot}.lock")


class SlotLock:
    """A lock that ends with the process that holds it, however that ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, path: Path) -> "SlotLock | None":
        """Return the lock on ``path``, or None where another process or another client has it."""
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return cls(handle)

    @staticmethod
    def held(path: Path) -> bool:
        """Return whether somebody holds the lock on ``path``."""
        lock = SlotLock.take(path)
        if lock is None:
            return True
        lock.release()
        return False

    def release(self) -> None:
        """Let go."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
