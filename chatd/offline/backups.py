"""Backups: one file with the database of one moment and all files that it names, read back before it counts.

It is a tar archive: the database, `blobs/…` and `uploaded/…` as in the data folder, and at the end
`manifest.json` with the SHA-256 of each.
"""

import hashlib
import io
import os
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from chatd import __version__
from chatd.chat.storage import StoreError
from chatd.clock import wall_milliseconds
from chatd.files.blobs import BlobStore
from chatd.store.folder import FILE_NAME, LOCK_NAME, lock_folder
from chatd.store.reading import Reading

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
PIECE: Final = 1 << 20
"""Bytes that are copied at a time."""

RESTORING: Final = "restoring"
"""Where a copy is put together; what a restore that was cut off has left there is in nobody's way."""

FOLDERS: Final = ("blobs", "uploaded", "partial")
"""Where the files are, whole ones and those under way."""

_FILES: Final = tuple(FILE_NAME + suffix for suffix in ("", "-wal", "-shm", "-journal"))
"""The database, and what SQLite would bring into another one that takes its place."""

_MEMBER: Final = re.compile(r"chatd\.sqlite|blobs/[0-9a-f]{2}/[0-9a-f]{64}|uploaded/[0-9]{1,16}-[0-9a-f]{64}")

Tell = Callable[[str, int, int], object]
"""Hears how far something is: what, how much is done, and how much there is."""


class Manifest(Struct):
    """What is in a backup: the SHA-256 of each member by its name; ``made`` in milliseconds since 1970.

    ``missing`` are contents that events post and the data folder did not have any more.
    """

    format: int
    chatd: str
    server: str
    made: int
    members: dict[str, str]
    missing: list[str]


def backup(data: Path, target: Path, tell: Tell) -> Manifest:
    """Write a backup of the folder ``data`` to ``target``, which is there only if it is whole and right.

    A daemon may use the folder meanwhile. Raises `StoreError` and `OSError`.
    """
    part = target.with_name(target.name + ".part")
    copy = target.with_name(target.name + ".part.sqlite")
    for left in (part, copy):
        left.unlink(missing_ok=True)
    try:
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        reading = Reading(data)
        reading.copy_into(copy, lambda done, total: tell("pages copied", done, total))
        reading.close()
        manifest = _write(data, copy, part, tell)
        check(part, tell)
        part.rename(target)
        _sync(target.parent)
    finally:
        for left in (part, copy):
            left.unlink(missing_ok=True)
    return manifest


def _write(data: Path, copy: Path, part: Path, tell: Tell) -> Manifest:
    reading = Reading(copy)
    damage, contents, server = reading.damage(), sorted(reading.contents()), reading.server
    reading.close()
    if damage:
        raise StoreError(f"The database is damaged ({damage}); restore an earlier backup.")
    manifest = Manifest(FORMAT, __version__, server, wall_milliseconds(), {}, [])
    blobs = BlobStore(data)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        with copy.open("rb") as source:
            manifest.members[FILE_NAME] = _add(tar, FILE_NAME, source)
        for number, sha256 in enumerate(contents, 1):
            try:
                handle = blobs.open_blob(sha256)
            except FileNotFoundError:
                manifest.missing.append(sha256)  # expired before, or since the moment of the database
                continue
            with os.fdopen(handle, "rb") as source:
                name = f"blobs/{sha256[:2]}/{sha256}"
                manifest.members[name] = _add(tar, name, source)
            if manifest.members[name] != sha256:
                raise StoreError(f"The file {name} is damaged; chatctl verify names all that are.")
            tell("files copied", number, len(contents))
        known = set(contents) - set(manifest.missing)
        for key in blobs.list().uploaded:
            if key.sha256 in known:
                manifest.members[f"uploaded/{key}"] = _add(tar, f"uploaded/{key}", io.BytesIO())
        _add(tar, MANIFEST, io.BytesIO(msgspec.json.encode(manifest)))
        tar.close()
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _add(tar: tarfile.TarFile, name: str, source: IO[bytes]) -> str:
    """Add what ``source`` holds under ``name``; return its SHA-256."""
    info = tarfile.TarInfo(name)
    info.size = source.seek(0, os.SEEK_END)
    info.mode, info.mtime = 0o600, wall_milliseconds() // 1000
    source.seek(0)
    hashing = _Hashing(source)
    tar.addfile(info, hashing)
    return hashing.digest()


class _Hashing:
    """A file to be read whose bytes are hashed on the way."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._source.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        """Return the SHA-256 of all that was read."""
        return self._hash.hexdigest()


def check(file: Path, tell: Tell) -> Manifest:
    """Read a backup back and return what it holds. Raises `StoreError` if it is not what it was."""
    try:
        with tarfile.open(file) as tar:
            manifest = _manifest(file, tar)
            for number, (name, sha256) in enumerate(manifest.members.items(), 1):
                member = tar.extractfile(name)
                if member is None or hashlib.file_digest(member, "sha256").hexdigest() != sha256:  # type: ignore[arg-type]
                    raise StoreError(f"In the backup {file}, {name} is damaged; use another one.")
                tell("read back", number, len(manifest.members))
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise StoreError(f"{file} is no whole backup: {error}.") from None
    return manifest


def _manifest(file: Path, tar: tarfile.TarFile) -> Manifest:
    member = tar.extractfile(MANIFEST)
    try:
        manifest = msgspec.json.decode(b"" if member is None else member.read(), type=Manifest)
    except msgspec.DecodeError as error:
        raise StoreError(f"{file} is no backup of chatd: {error}.") from None
    strange = [name for name in manifest.members if not _MEMBER.fullmatch(name)]
    if manifest.format != FORMAT or strange or FILE_NAME not in manifest.members:
        raise StoreError(
            f"{file} is no backup that this chatctl knows; use the one of chatd {manifest.chatd}."
        )
    return manifest


def restore(file: Path, data: Path, tell: Tell) -> Manifest:
    """Make the folder ``data`` of a backup; it must not hold data yet. Raises `StoreError` and `OSError`."""
    lock = _own(data) if data.exists() else None
    try:
        there = _data_in(data)
        if there:
            raise StoreError(
                f"There is data in {data} already ({', '.join(there)}); stop the daemon and move that folder"
                " away."
            )
        manifest = check(file, tell)
        # Within the folder where there is one: nothing can be renamed into one that is a disk of its own.
        new = data / RESTORING if data.exists() else data.with_name(f"{data.name}.{RESTORING}")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        with tarfile.open(file) as tar:
            for number, name in enumerate(manifest.members, 1):
                member = tar.extractfile(name)
                if member is not None:
                    _put(new / name, member)
                tell("restored", number, len(manifest.members))
        reading = Reading(new)
        damage = reading.damage()
        reading.close()
        if damage:
            raise StoreError(f"The database in {file} is damaged ({damage}); use another backup.")
        _settle(new, data)
    finally:
        if lock is not None:
            os.close(lock)
    return manifest


def _own(data: Path) -> int:
    """Keep daemons from the folder ``data``, and leave them the file that does it."""
    lock = lock_folder(data)
    if os.geteuid() == 0:
        owner = data.stat()
        os.chown(data / LOCK_NAME, owner.st_uid, owner.st_gid)
    return lock


def _data_in(data: Path) -> list[str]:
    """Return the names of what is in ``data`` that a restored copy would overwrite, or take for its own."""
    return [name for name in _FILES if (data / name).exists()] + [
        name for name in FOLDERS if (data / name).exists() and any((data / name).iterdir())
    ]


def _put(path: Path, source: IO[bytes]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        shutil.copyfileobj(source, target, PIECE)
        target.flush()
        os.fsync(target.fileno())


def _settle(new: Path, data: Path) -> None:
    """Let the restored folder take the place of ``data``, and belong to the owner of that, or around it.

    The database comes last: without it a restore that was cut off is no data that a daemon takes for whole.
    """
    owner = (data if data.exists() else data.resolve().parent).stat()
    for path in (new, *new.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)
        if path.is_dir():
            _sync(path)
    if data.exists():
        for path in sorted(new.iterdir(), key=lambda path: path.name in _FILES):
            _sync(data)
            path.rename(data / path.name)
        _sync(data)
        new.rmdir()
    else:
        new.rename(data)
    _sync(data.resolve().parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
