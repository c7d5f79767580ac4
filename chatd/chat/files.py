"""Posted files: which event of which room refers to which content, and who may read it because of that.

Chat knows contents by their SHA-256 alone; `Blobs` tells whether the bytes are there.
"""

from typing import Protocol

from chatd.chat.changes.rows import PutFile
from chatd.chat.permissions import may_read
from chatd.chat.state import Asker, Peer, Room
from chatd.files.names import check_sha256
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MIN_FILE_ID
from chatd.wire.messages import File

_UNSUPPORTED = "This server takes no files."


class Blobs(Protocol):
    """The contents that the server holds."""

    def size(self, sha256: str) -> int | None:
        """Return how many bytes the complete content ``sha256`` has; None if it is not held."""

    def brought(self, user: int, sha256: str) -> bool:
        """Return whether ``user`` has uploaded all of ``sha256`` and it is held since."""

    def downloading(self) -> "list[Peer]":
        """Return the connections that files are on their way over."""

    def released(self, sha256: str, author: int | None) -> None:
        """Let ``sha256`` go, which no event posts any more, unless others than ``author`` have brought it.

        What the ``author`` has brought of it counts no longer: it was removed.
        """


class PostedFiles:
    """The files of all rooms, by event and by content."""

    def __init__(self) -> None:
        self._rooms: dict[Room, dict[int, File]] = {}
        self._events: dict[str, set[tuple[Room, int]]] = {}

    def __contains__(self, sha256: str) -> bool:
        """Return whether some event posts ``sha256``."""
        return sha256 in self._events

    def add(self, room: Room, seq: int, file: File) -> None:
        """Note that event ``seq`` of ``room`` posts ``file``."""
        self._rooms.setdefault(room, {})[seq] = file
        self._events.setdefault(file.sha256, set()).add((room, seq))

    def drop(self, room: Room, seq: int) -> File:
        """Forget the file that event ``seq`` of ``room`` posts, and return it."""
        files = self._rooms[room]
        file = files.pop(seq)
        if not files:
            del self._rooms[room]
        events = self._events[file.sha256]
        events.discard((room, seq))
        if not events:
            del self._events[file.sha256]
        return file

    def below(self, room: Room, first: int) -> list[int]:
        """Return the events of ``room`` below ``first`` that post files."""
        return [seq for seq in self._rooms.get(room, ()) if seq < first]

    def readable(self, asker: Asker, sha256: str) -> bool:
        """Return whether ``asker`` can read a stored event that posts ``sha256``."""
        return any(may_read(asker, room, seq) for room, seq in self._events.get(sha256, ()))

    def find(self, room: Room, seq: int | None, digits: str, first: int = 0) -> tuple[int, File]:
        """Return the stored event of ``room`` that posts a file: ``seq``, or the newest of ``digits``.

        Events below ``first`` do not count.

        Raises `RequestError` ``no-such-file`` or ``bad-file``.
        """
        files = self._rooms.get(room, {})
        if seq is None:
            _check_digits(digits)
            seq = max((at for at, file in files.items() if file.sha256.startswith(digits)), default=0)
        file = files.get(seq)
        if file is None or not first <= seq <= room.log.head:
            raise RequestError(Code.NO_SUCH_FILE, "No event of that room that is kept posts such a file.")
        return seq, file

    def newest(self, sha256: str) -> list[tuple[Room, int]]:
        """Return the newest event of each room that posts ``sha256``."""
        latest: dict[Room, int] = {}
        for room, seq in self._events.get(sha256, ()):
            latest[room] = max(seq, latest.get(room, 0))
        return list(latest.items())


def _check_digits(digits: str) -> None:
    if len(digits) < MIN_FILE_ID:
        raise RequestError(Code.BAD_FILE, f"A file is named by {MIN_FILE_ID} digits of its SHA-256 at least.")
    check_sha256(digits.ljust(64, "0"))


def usable(blobs: Blobs | None, posted: PostedFiles, asker: Asker, sha256: str) -> int | None:
    """Return the size of ``sha256`` if it is held and ``asker`` has brought it or can read it; else None.

    To everybody else, a content that is held looks like one that is not. Raises `RequestError` if the server
    takes no files.
    """
    if blobs is None:
        raise RequestError(Code.UNSUPPORTED, _UNSUPPORTED)
    size = blobs.size(sha256)
    if size is None or not (blobs.brought(asker.user.id, sha256) or posted.readable(asker, sha256)):
        return None
    return size


def check_posted(blobs: Blobs | None, posted: PostedFiles, asker: Asker, file: File) -> None:
    """Refuse to post ``file`` unless all of it is there. Raises `RequestError`."""
    size = usable(blobs, posted, asker, file.sha256)
    if size is None:
        raise RequestError(Code.NO_SUCH_FILE, "The bytes of that file are not here; upload them first.")
    if size != file.size:
        raise wrong_size(size)


def check_held(blobs: Blobs | None, file: File) -> None:
    """Refuse the download of a content that is no longer held. Raises `RequestError`."""
    if blobs is None:
        raise RequestError(Code.UNSUPPORTED, _UNSUPPORTED)
    if blobs.size(file.sha256) is None:
        raise RequestError(Code.FILE_EXPIRED, "The server no longer keeps that file; ask its sender.")


def wrong_size(size: int) -> RequestError:
    """Return the refusal of a file with another size than its content has."""
    return RequestError(Code.BAD_FILE, f"The content with that SHA-256 has {size} bytes.")


def row(room: Room, seq: int, file: File) -> PutFile:
    """Return the stored form of a posted file."""
    return PutFile(room.log.id, seq, file.sha256, file.name, file.size, file.media)
