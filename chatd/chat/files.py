"""Posted files: which event of which room refers to which content, and who may read it because of that.

Chat knows contents by their SHA-256 alone; `Blobs` tells whether the bytes are there.
"""

from itertools import chain, islice, takewhile
from typing import Protocol

from chatd.chat.changes.rows import PutFile
from chatd.chat.permissions import may_read
from chatd.chat.state import Asker, Peer, Room
from chatd.files.names import check_sha256
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MIN_FILE_ID
from chatd.wire.messages import File

ROOMS_LOOKED_AT = 1000
"""Rooms beside one's own that are looked at for an event that posts a content (P6)."""

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
        self._unordered: set[Room] = set()
        self._events: dict[str, dict[Room, set[int]]] = {}
        self._newest: dict[str, dict[Room, int]] = {}
        self._contents: dict[str, set[str]] = {}

    def __contains__(self, sha256: str) -> bool:
        """Return whether some event posts ``sha256``."""
        return sha256 in self._events

    def add(self, room: Room, seq: int, file: File) -> None:
        """Note that event ``seq`` of ``room`` posts ``file``."""
        sha256 = file.sha256
        files = self._rooms.setdefault(room, {})
        if files and seq < next(reversed(files)):
            self._unordered.add(room)
        files[seq] = file
        self._events.setdefault(sha256, {}).setdefault(room, set()).add(seq)
        newest = self._newest.setdefault(sha256, {})
        newest[room] = max(seq, newest.get(room, 0))
        self._contents.setdefault(sha256[:MIN_FILE_ID], set()).add(sha256)

    def drop(self, room: Room, seq: int) -> File:
        """Forget the file that event ``seq`` of ``room`` posts, and return it."""
        files = self._rooms[room]
        file = files.pop(seq)
        if not files:
            del self._rooms[room]
            self._unordered.discard(room)
        sha256 = file.sha256
        rooms = self._events[sha256]
        rooms[room].discard(seq)
        if self._newest[sha256][room] == seq:
            del self._newest[sha256][room]
            if rooms[room]:
                self._newest[sha256][room] = max(rooms[room])
        if not rooms[room]:
            del rooms[room]
        if not rooms:
            del self._events[sha256], self._newest[sha256]
            contents = self._contents[sha256[:MIN_FILE_ID]]
            contents.discard(sha256)
            if not contents:
                del self._contents[sha256[:MIN_FILE_ID]]
        return file

    def below(self, room: Room, first: int) -> list[int]:
        """Return the events of ``room`` below ``first`` that post files; no others are looked at (P6)."""
        files = self._rooms.get(room, {})
        if room in self._unordered:  # a removal was taken back
            self._unordered.discard(room)
            self._rooms[room] = files = dict(sorted(files.items()))
        return list(takewhile(lambda seq: seq < first, files))

    def readable(self, asker: Asker, sha256: str) -> bool:
        """Return whether ``asker`` can read the newest stored event of some room that posts ``sha256``.

        The rooms of the user are looked at, and some others: whoever finds none brings the bytes again.
        """
        newest = self._newest.get(sha256, {})
        looked_at = list(islice(newest, ROOMS_LOOKED_AT))
        if len(newest) > len(looked_at):
            user = asker.user
            own = chain(user.rooms, islice(reversed(user.direct), ROOMS_LOOKED_AT))
            looked_at += [room for room in own if room in newest]
        return any(self._reads(asker, room, sha256) for room in looked_at)

    def _reads(self, asker: Asker, room: Room, sha256: str) -> bool:
        seq = self._newest[sha256][room]
        if seq > room.log.head:  # not stored yet; what was posted before counts
            seq = max((one for one in self._events[sha256][room] if one <= room.log.head), default=0)
        return seq > 0 and may_read(asker, room, seq)

    def find(self, room: Room, seq: int | None, digits: str, first: int = 0) -> tuple[int, File]:
        """Return the stored event of ``room`` that posts a file: ``seq``, or the newest of ``digits``.

        Events below ``first`` do not count.

        Raises `RequestError` ``no-such-file`` or ``bad-file``.
        """
        files, asked = self._rooms.get(room, {}), seq
        if seq is None:
            _check_digits(digits)
            contents = self._contents.get(digits[:MIN_FILE_ID], ())
            seq = max(
                (self._newest[one].get(room, 0) for one in contents if one.startswith(digits)), default=0
            )
        file = files.get(seq)
        if file is None or not first <= seq <= room.log.head:
            raise RequestError(Code.NO_SUCH_FILE, _posts_none(room, asked))
        return seq, file

    def newest(self, sha256: str) -> list[tuple[Room, int]]:
        """Return the newest event of each room that posts ``sha256``."""
        return list(self._newest.get(sha256, {}).items())


def _posts_none(room: Room, asked: int | None) -> str:
    """Return the sentence about an event, or about all of ``room``, that posts no file that can be had."""
    here = "that conversation" if room.direct else room.name
    if asked is None:
        return f"No event of {here} posts that file, or none does any more."
    return f"Event {asked} of {here} posts no file, or does not any more."


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
