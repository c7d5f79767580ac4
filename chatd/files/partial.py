"""A partial file: the bytes that have come, and beside them a note of how many can be trusted.

A prefix is trusted as far as it was on the disk when the note was written, and only if it still has the
digest in the note. So after a crash or a power cut, a transfer goes on only from bytes that were really sent.
Everything here blocks: it is for threads.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

READ: Final = 1_048_576
"""Bytes that are read at once when a prefix is looked at again."""

NOTE_BYTES: Final = 4_096
"""Bytes that are read of a note, which is much shorter."""


class PartialError(Exception):
    """A partial file cannot be continued."""


class InUseError(PartialError):
    """Somebody else is writing this file."""


class MismatchError(PartialError):
    """The bytes do not have the SHA-256 that was promised."""


class Note(msgspec.Struct, frozen=True):
    """The note beside the bytes: the file that they belong to, how many are trusted, and their SHA-256."""

    size: int
    sha256: str
    stored: int
    prefix: str


class Mark(msgspec.Struct, frozen=True):
    """A position up to which bytes were written, and the SHA-256 of the bytes before it."""

    offset: int
    digest: str


class Partial:
    """The part of a file of ``size`` bytes with ``sha256`` at ``path``; its note is ``path`` + .json.

    It is made where there is none. Only one at a time may have it open. Raises `InUseError` and OSError.
    """

    def __init__(self, path: Path, size: int, sha256: str) -> None:
        self.path = path
        self.size = size
        self.sha256 = sha256
        self.note_path = note_beside(path)
        self._handle = _open_locked(path)
        try:
            self.stored, self._hash = self._trusted()
            self.written = self.stored
            os.ftruncate(self._handle, self.stored)
        except BaseException:
            os.close(self._handle)
            raise

    # ---- opening ------------------------------------------------------------------------------------

    def _trusted(self) -> tuple[int, Any]:
        """Return how many bytes are right, and the state of their hash."""
        note = read_note(self.note_path)
        if note is None or (note.size, note.sha256) != (self.size, self.sha256):
            return 0, hashlib.sha256()
        state = hashlib.sha256()
        length = 0
        while length < note.stored:
            data = os.pread(self._handle, min(READ, note.stored - length), length)
            if not data:
                break
            state.update(data)
            length += len(data)
        if length != note.stored or length > self.size or state.hexdigest() != note.prefix:
            return 0, hashlib.sha256()
        return length, state

    @property
    def whole(self) -> bool:
        """Return whether all bytes were written."""
        return self.written == self.size

    # ---- writing ------------------------------------------------------------------------------------

    def write(self, pieces: Iterable[bytes | bytearray | memoryview]) -> int:
        """Append ``pieces`` and return how many bytes are written now. Raises OSError: a disk is full."""
        for piece in pieces:
            view = memoryview(piece)
            at = self.written
            while view:
                sent = os.pwrite(self._handle, view, at)
                at += sent
                view = view[sent:]
            self._hash.update(piece)
            self.written = at
        return self.written

    def mark(self) -> Mark:
        """Return the present position. `keep` makes it durable while further bytes are being written."""
        return Mark(self.written, self._hash.hexdigest())

    def keep(self, mark: Mark) -> int:
        """Make everything up to ``mark`` durable: flush the bytes, then note them.

        Returns ``mark.offset``.
        """
        os.fdatasync(self._handle)
        self._write_note(Note(self.size, self.sha256, mark.offset, mark.digest))
        self.stored = max(self.stored, mark.offset)
        return mark.offset

    def _write_note(self, note: Note) -> None:
        new = self.note_path.with_name(self.note_path.name + ".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(handle, msgspec.json.encode(note))
            os.fsync(handle)
        finally:
            os.close(handle)
        new.replace(self.note_path)

    # ---- the end ------------------------------------------------------------------------------------

    def check(self) -> None:
        """Flush all bytes and compare them with the digest that was promised.

        Raises OSError, and `MismatchError`, after which no byte is kept.
        """
        if not self.whole or self._hash.hexdigest() != self.sha256:
            self.discard()
            raise MismatchError(f"{self.path.name} does not have the SHA-256 that was promised.")
        os.fsync(self._handle)

    def place(self, target: Path, *, replace: bool = True) -> None:
        """Give the checked bytes their name ``target`` in the same file system, for good.

        Raises FileExistsError, and changes nothing, where something has that name and is not to be replaced.
        """
        if replace:
            self.path.replace(target)
        else:
            _rename_to_free(self.path, target)
        sync_folder(target.parent)
        self.close()
        self.note_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove bytes and note."""
        self.path.unlink(missing_ok=True)
        self.note_path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the file. Bytes that were kept stay."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def part_of(path: Path) -> Path:
    """Return where what has come of the file at ``path`` stands."""
    return path.with_name(path.name + ".part")


def note_beside(part: Path) -> Path:
    """Return the path of the note beside the bytes at ``part``."""
    return part.with_name(part.name + ".json")


def discard(part: Path) -> None:
    """Remove the bytes at ``part`` and their note. Raises `InUseError` and OSError."""
    handle = _open_locked(part)
    try:
        part.unlink(missing_ok=True)
        note_beside(part).unlink(missing_ok=True)
    finally:
        os.close(handle)


def _open_locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if _lock(handle) and _is_at(handle, path):
        return handle
    os.close(handle)  # it is locked, or was finished or discarded between the two calls
    raise InUseError(f"{path.name} is being written by somebody else.")


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A file system that cannot lock leaves it to its user not to begin twice.
        return not isinstance(error, BlockingIOError)
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _rename_to_free(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(target) from None
        path.replace(target)
    else:
        path.unlink()


def read_note(path: Path) -> Note | None:
    """Return the note at ``path``; None if there is none or it makes no sense."""
    try:
        with path.open("rb") as file:
            note = msgspec.json.decode(file.read(NOTE_BYTES), type=Note)
    except (OSError, ValueError):
        return None
    return note if note.stored >= 0 else None


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
