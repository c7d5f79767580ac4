"""Targets: where a file that is received goes; everything here blocks and belongs into a thread.

What has come stands in ``NAME.part`` with a note beside it, under a lock, and gets its name when it is whole
and right. Nothing that is there already is written over, unless that is asked for.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from chatd.client.core.problems import ClientError
from chatd.disk import is_folder, rooted, want_of_room
from chatd.files.names import SAFE_BYTES, safe_name
from chatd.files.partial import InUseError, MismatchError, Partial, note_beside, part_of, read_note
from chatd.wire.messages import File

SYNC_BYTES: Final = (1_048_576, 8_388_608)
"""Bytes that are written before they are brought to the disk, at least and at most: a crash costs them."""

SYNC_PART: Final = 128
"""The part of the file that is so many bytes, between those bounds: less than a hundredth."""

SYNC_SECONDS: Final = 1.0
"""Seconds after which bytes are brought to the disk, however few they are."""

TRIES: Final = 1000
"""Names with a number that are tried."""


class Wanted(Struct, frozen=True):
    """Where a file is wanted: ``output`` is a folder, the file's own name, or "" for the current folder.

    ``force`` replaces a file of that own name.
    """

    output: str = ""
    force: bool = False

    def check(self) -> None:
        """See what can be seen before anything is known of the file. Raises `ClientError`."""
        folder, name = _place(self.output)
        if name:
            _check_free(folder / name, force=self.force)


class Target:
    """The place of ``file``; ``stored`` bytes of it lie there. Raises `ClientError` where it cannot be."""

    def __init__(self, wanted: Wanted, file: File) -> None:
        self._force = wanted.force
        self._step = min(max(file.size // SYNC_PART, SYNC_BYTES[0]), SYNC_BYTES[1])
        self._folder, self._name = _place(wanted.output)
        self._numbered = not self._name
        self._name = self._name or safe_name(file.name)
        with _plainly(self._folder):
            self._path, self._partial = self._open(file)
            self._synced = time.monotonic()
            if not self._partial.stored:
                self._partial.keep(self._partial.mark())

    @property
    def stored(self) -> int:
        """Return how many bytes lie on the disk."""
        return self._partial.stored

    @property
    def place(self) -> Path:
        """Return the name that the file gets if nobody takes it meanwhile; its part stands beside that."""
        return rooted(self._path)

    def write(self, data: tuple[bytes | memoryview, ...]) -> tuple[int, int]:
        """Append ``data``; return how much is written, and on the disk."""
        with _plainly(self._folder):
            written = self._partial.write(data)
            late = time.monotonic() - self._synced >= SYNC_SECONDS
            if late or written - self._partial.stored >= self._step:
                self._sync()
        return written, self._partial.stored

    def sync(self) -> int:
        """Bring to the disk what is written; return how much that is."""
        with _plainly(self._folder):
            self._sync()
        return self._partial.stored

    def _sync(self) -> None:
        if self._partial.written > self._partial.stored:
            self._partial.keep(self._partial.mark())
        self._synced = time.monotonic()

    def finish(self) -> Path:
        """Look whether what came is what was posted, and give it its name; return its path."""
        with _plainly(self._folder):
            self._partial.check()
            for path in self._names():
                try:
                    self._partial.place(path, replace=self._force)
                except FileExistsError:
                    continue
                return path
        self._partial.close()
        raise _exists(self._path)

    def close(self) -> None:
        """Let go of it; what has come stays for the next time."""
        try:
            self._sync()
        except (OSError, ValueError):
            pass  # it is in its place, or nothing more can be stored of it
        finally:
            self._partial.close()

    # ---- names ----------------------------------------------------------------------------------------

    def _names(self) -> Iterator[Path]:
        """Yield the names that the file may get: the one that was chosen, then others if that is allowed."""
        yield self._path
        if self._numbered:
            yield from (self._folder / name for name in _numbered(self._name) if not self._is_there(name))

    def _is_there(self, name: str) -> bool:
        return os.path.lexists(self._folder / name)

    def _open(self, file: File) -> tuple[Path, Partial]:
        if not self._numbered:
            return self._open_named(self._folder / self._name, file)
        for name in _numbered(self._name):
            path = self._folder / name
            if self._is_there(name) or not _is_ours(part_of(path), file):
                continue
            try:
                return path, _begin(path, file)
            except InUseError:
                continue
        raise ClientError("target-exists", f"{self._folder} holds too many files called {self._name}.")

    def _open_named(self, path: Path, file: File) -> tuple[Path, Partial]:
        _check_free(path, force=self._force)
        part = part_of(path)
        if not _is_ours(part, file):
            if not self._force:
                raise ClientError(
                    "target-exists",
                    f"{part} is there already, of another file; remove it, or use --force.",
                )
            part.unlink(missing_ok=True)
        try:
            return path, _begin(path, file)
        except InUseError:
            raise ClientError("target-in-use", f"{path} is being received by another program.") from None


def _place(output: str) -> tuple[Path, str]:
    """Return the folder, and the name in it if one was given."""
    if output == "-":
        raise ClientError("bad-target", "A file is received into a file; name one, then read it.")
    if "\0" in output:
        raise ClientError("bad-target", f"{output!r} cannot be the name of a file.")
    path = Path(output)
    if not output or output.endswith("/") or is_folder(path) or path.name in {"", ".."}:
        folder, name = path, ""
    else:
        folder, name = path.parent, path.name
    if not is_folder(folder):
        raise ClientError("bad-target", f"There is no folder {folder}; make it, or name another.")
    if len(os.fsencode(name)) > SAFE_BYTES:
        raise ClientError("bad-target", f"The name {name[:20]}… is too long; shorten it.")
    return folder, name


def _check_free(path: Path, *, force: bool) -> None:
    if not os.path.lexists(path):
        return
    if not force:
        raise _exists(path)
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ClientError("bad-target", f"{path} is no file that could be replaced.")


def _numbered(name: str) -> Iterator[str]:
    """Yield ``name``, ``name (1)``, ``name (2)``, …, with the number before its ending."""
    yield name
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if stem else (name, "")
    for number in range(1, TRIES):
        tail = f" ({number}){ending}"
        head = stem.encode()[: SAFE_BYTES - len(tail.encode())].decode(errors="ignore")
        yield head + tail


def _is_ours(part: Path, file: File) -> bool:
    """Return whether ``part`` may be written: it holds the beginning of ``file``, or nothing is there."""
    if not os.path.lexists(part):
        return True
    note = read_note(note_beside(part))
    if note is not None:
        return (note.size, note.sha256) == (file.size, file.sha256)
    found = part.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def _begin(path: Path, file: File) -> Partial:
    """Open the part of ``file``; it is made as any other file of the user would be."""
    part = part_of(path)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666))
    return Partial(part, file.size, file.sha256)


def _exists(path: Path) -> ClientError:
    return ClientError("target-exists", f"{path} is there already; name another, or replace it with --force.")


@contextmanager
def _plainly(folder: Path) -> Iterator[None]:
    """Turn what can go wrong with a disk into one sentence."""
    try:
        yield
    except MismatchError:
        raise ClientError(
            "hash-mismatch", "What came is not what was posted, and was not kept; get it again."
        ) from None
    except OSError as error:
        want = want_of_room(error.errno)
        why = error.strerror if want is None else f"{want}, then get it again"
        raise ClientError(
            "target-unusable", f"{rooted(folder)} cannot be written: {why}. What has come stays."
        ) from None
