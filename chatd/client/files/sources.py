"""Sources: files of ours that are to be sent; everything here blocks and belongs into a thread."""

import hashlib
import mimetypes
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatd.client.core.problems import ClientError
from chatd.files.names import check_file_name
from chatd.wire.errors import RequestError
from chatd.wire.limits import MAX_FILE_NAME
from chatd.wire.messages import File

BLOCK: Final = 1_048_576
"""Bytes that are hashed at once: few calls, and a stop is noticed soon."""

SLICE: Final = 33_554_432
"""Bytes that are hashed before a thread does something else: threads are few, and files may be large."""

_PACKED: Final = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
    "br": "application/x-brotli",
}
"""The media types of what a program has packed."""

_UNTOLD: Final = "application/octet-stream"

_Kind = Callable[[int], bool]
_REFUSED: Final[tuple[tuple[_Kind, str], ...]] = (
    (stat.S_ISDIR, "is a folder; pack it into one file first, with tar or zip."),
    (stat.S_ISFIFO, "is a pipe, which can be read only once; save what comes out of it to a file first."),
    (stat.S_ISSOCK, "is a socket and holds no bytes that could be sent."),
    (stat.S_ISCHR, "is a device; only files can be sent."),
    (stat.S_ISBLK, "is a device; only files can be sent."),
)

Signature = tuple[int, int, int, int]


class Source:
    """One file that is open for reading; it is the same one until `close`, whatever happens to its name.

    Raises `ClientError` where it cannot be sent: ``bad-source``, and ``source-changed`` where it is being
    written while it is read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stopped = threading.Event()
        self._fd = _open(path)
        self._signature = self._look()
        self.size = self._signature[0]
        self.hashed = 0
        self._digest = hashlib.sha256()

    def describe(self) -> File | None:
        """Read on, `SLICE` bytes at the most; return what the file is once all of it was read."""
        for _ in range(SLICE // BLOCK):
            block = self.read(self.hashed, min(BLOCK, self.size - self.hashed))
            self._digest.update(block)
            self.hashed += len(block)
            if self.hashed == self.size:
                name = told_name(self.path)
                digest = self._digest.hexdigest()
                return File(name=name, size=self.size, sha256=digest, media=media_of(name))
        return None

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset`` on."""
        if self._stopped.is_set():
            raise ClientError("cancelled", "The transfer was stopped.")
        try:
            data = os.pread(self._fd, size, offset)
        except OSError as error:
            raise ClientError("bad-source", f"{self.path} cannot be read: {error.strerror}.") from None
        self._check()
        if len(data) != size:
            raise self._changed()
        return data

    def stop(self) -> None:
        """Let what is being read come to nothing; may be called from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Close it; to be called in the thread that reads, or when none does."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _look(self) -> Signature:
        found = os.fstat(self._fd)
        return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino

    def _check(self) -> None:
        if self._look() != self._signature:
            raise self._changed()

    def _changed(self) -> ClientError:
        return ClientError(
            "source-changed", f"{self.path} is being changed while it is sent; send it when it is complete."
        )


def _open(path: Path) -> int:
    """Open a regular file; a pipe that nobody writes to would be waited for, so it is looked at first."""
    try:
        _refuse(path, path.stat().st_mode)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _refuse(path, os.fstat(fd).st_mode)
        except ClientError:
            os.close(fd)
            raise
    except OSError as error:
        raise ClientError("bad-source", f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ClientError("bad-source", f"{str(path)!r} cannot be the name of a file.") from None
    return fd


def _refuse(path: Path, mode: int) -> None:
    for kind, sentence in _REFUSED:
        if kind(mode):
            raise ClientError("bad-source", f"{path} {sentence}")


def told_name(path: Path) -> str:
    """Return what the file at ``path`` is called for others: what the server would refuse becomes ``_``."""
    name = path.name.encode(errors="surrogateescape").decode(errors="replace")
    name = "".join(character if _may_be(character) else "_" for character in name)
    return _shortened(name) if name not in {"", ".", ".."} else "file"


def _may_be(character: str) -> bool:
    try:
        check_file_name(f"x{character}")
    except RequestError:
        return False
    return True


def _shortened(name: str) -> str:
    """Return ``name`` in no more bytes than a name may have, with its ending where it has a short one."""
    if len(name.encode()) <= MAX_FILE_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending if stem and len(ending.encode()) <= MAX_FILE_NAME // 8 else ""
    head = name.encode()[: MAX_FILE_NAME - len(ending.encode())]
    return head.decode(errors="ignore") + ending


def media_of(name: str) -> str:
    """Return the media type that ``name`` makes likely."""
    media, packed = mimetypes.guess_type(name)
    if packed is not None:
        return _PACKED.get(packed, _UNTOLD)
    return media or _UNTOLD
