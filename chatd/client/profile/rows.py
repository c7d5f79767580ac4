"""Rows: how sends and paths stand in a profile."""

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

from chatd.client.core.outbox import Entry
from chatd.wire.messages import File


def outbox_row(entry: Entry) -> tuple[int | str, ...]:
    """Return the row of ``entry``, without its slot."""
    file = "" if entry.file is None else msgspec.json.encode(entry.file).decode()
    return entry.key, entry.room, entry.text, int(entry.withdrawn), file, entry.act, entry.ref


def file_in(stored: str) -> File | None:
    """Return the file of a stored send, if it posts one."""
    return msgspec.json.decode(stored, type=File) if stored else None


def path_row(path: str | os.PathLike[str]) -> str:
    """Return ``path`` as text that any bytes can be kept in."""
    return quote_from_bytes(os.fsencode(path))


def path_in(stored: str) -> str:
    """Return the path that was kept as ``stored``."""
    return os.fsdecode(unquote_to_bytes(stored))
