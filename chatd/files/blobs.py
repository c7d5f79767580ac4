"""The blob store: contents named by their SHA-256, and beside them what has come in part.

| in the data folder | holds |
|---|---|
| ``blobs/ab/abcd…`` | a complete content, named by its SHA-256 |
| ``partial/USER-SHA256`` | a content that a user is uploading, with its note in ``….json`` |
| ``uploaded/USER-SHA256`` | nothing: that user has brought all of that content, at the time of this file |

Every name is made of an integer and hexadecimal digits alone. Everything here blocks: it is for threads.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from chatd.files.partial import Partial, read_note, sync_folder

_BLOB: Final = re.compile("[0-9a-f]{64}")
_OWNED: Final = re.compile("(0|[1-9][0-9]{0,15})-([0-9a-f]{64})")


class Key(NamedTuple):
    """A content and the user who brings it."""

    user: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.user}-{self.sha256}"


class Came(NamedTuple):
    """How far a partial content has come: bytes on disk, bytes in all, and when it changed (since 1970)."""

    stored: int
    size: int
    touched: float


@dataclass(slots=True)
class Listing:
    """All that is in the store: sizes of contents, who brought them when (since 1970), partial contents."""

    blobs: dict[str, int] = field(default_factory=dict)
    uploaded: dict[Key, float] = field(default_factory=dict)
    partial: dict[Key, Came] = field(default_factory=dict)


class BlobStore:
    """The contents below ``folder``; made on first use."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._partial = folder / "partial"
        self._uploaded = folder / "uploaded"

    def prepare(self) -> None:
        """Make the folders, and tidy up after a crash. Raises OSError."""
        for folder in (self._blobs, self._partial, self._uploaded):
            _make(folder)
        for entry in list(_entries(self._blobs)):
            _remove_empty(Path(entry.path))
        for entry in list(_entries(self._partial)):
            if not (self._partial / entry.name.partition(".")[0]).exists():
                Path(entry.path).unlink()  # a note whose bytes got their name just before a crash

    def list(self) -> Listing:
        """Return everything in the store. Files that do not belong here are passed over. Raises OSError."""
        listing = Listing()
        for first in _entries(self._blobs):
            for entry in _entries(Path(first.path)) if first.is_dir(follow_symlinks=False) else ():
                if _BLOB.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    listing.blobs[entry.name] = entry.stat(follow_symlinks=False).st_size
        for key, entry in _owned(self._uploaded):
            listing.uploaded[key] = entry.stat(follow_symlinks=False).st_mtime
        for key, entry in _owned(self._partial):
            listing.partial[key] = _came(entry)
        return listing

    # ---- uploads ------------------------------------------------------------------------------------

    def open(self, key: Key, size: int) -> Partial:
        """Open the partial content of ``key``, which is made if there is none.

        Raises `InUseError` and OSError.
        """
        _make(self._partial)
        return Partial(self._partial / str(key), size, key.sha256)

    def place(self, key: Key, partial: Partial) -> None:
        """Make the checked ``partial`` a content that ``key.user`` has brought, for good. Raises OSError."""
        target = self._path(key.sha256)
        if _make(target.parent):
            sync_folder(self._blobs)
        self._note_uploaded(key)
        partial.place(target)

    def _note_uploaded(self, key: Key) -> None:
        _make(self._uploaded)
        note = self._uploaded / str(key)
        note.touch(mode=0o600)
        sync_folder(self._uploaded)

    def drop_partial(self, key: Key) -> None:
        """Remove the partial content of ``key``."""
        path = self._partial / str(key)
        for each in (path, path.with_name(path.name + ".json"), path.with_name(path.name + ".json.new")):
            each.unlink(missing_ok=True)

    def drop_uploaded(self, key: Key) -> None:
        """Forget that ``key.user`` has brought it."""
        (self._uploaded / str(key)).unlink(missing_ok=True)

    # ---- contents -----------------------------------------------------------------------------------

    def open_blob(self, sha256: str) -> int:
        """Return a handle to read ``sha256`` by. Raises OSError."""
        return os.open(self._path(sha256), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def remove(self, sha256: str) -> None:
        """Remove a content. Whoever has it open can read on."""
        path = self._path(sha256)
        path.unlink(missing_ok=True)
        _remove_empty(path.parent)

    def _path(self, sha256: str) -> Path:
        return self._blobs / sha256[:2] / sha256


def _make(folder: Path) -> bool:
    """Make ``folder`` and return whether it was not there."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        return True
    return False


def _remove_empty(folder: Path) -> None:
    """Remove ``folder`` if it is empty."""
    with suppress(OSError):
        folder.rmdir()


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        yield from entries


def _owned(folder: Path) -> Iterator[tuple[Key, os.DirEntry[str]]]:
    for entry in _entries(folder):
        match = _OWNED.fullmatch(entry.name)
        if match is not None and entry.is_file(follow_symlinks=False):
            yield Key(int(match[1]), match[2]), entry


def _came(entry: os.DirEntry[str]) -> Came:
    stat = entry.stat(follow_symlinks=False)
    note = read_note(Path(f"{entry.path}.json"))
    if note is None:
        return Came(0, stat.st_size, stat.st_mtime)
    return Came(min(note.stored, stat.st_size), max(note.size, stat.st_size), stat.st_mtime)
