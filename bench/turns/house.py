"""The fullest data folder that the default limits allow, as far as a request or a timer looks at it."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from chatd.chat.changes.rows import (
    OPERATOR,
    PutAccount,
    PutAct,
    PutFile,
    PutInvite,
    PutMember,
    PutNick,
    PutRoom,
    PutSession,
    PutTime,
    PutUpload,
    PutUser,
)
from chatd.chat.hub import digest
from chatd.chat.names import direct_name
from chatd.chat.storage import Changes
from chatd.server.space_log import SpaceLog
from chatd.store.sqlite import SqliteStore
from chatd.wire.limits import MAX_ACTS, MAX_ROOMS
from chatd.wire.messages import Event, File
from chatd.wire.stored import pack

NOW = 1_700_000_000_000
DAYS = 86_400_000
LIVED = 1000 * DAYS
BIG = 1
"""The id of the largest room, #big."""

TOGETHER = 20_000


@dataclass(frozen=True)
class Size:
    """How much there is of everything.

    ``users`` (the last ``guests`` of them have no account) are all in #big, user 1 talks with each of the
    accounts, ``online`` of them are connected; user 2 has ``devices`` and the others one each, which are to
    expire unless they are connected. ``rooms`` is the number of all, ``events`` those of #big, ``files``
    those of #files, of which the last ``held`` have bytes here; ``invites`` are codes to register.
    """

    users: int = 100_000
    guests: int = 20_000
    online: int = 20_000
    devices: int = 50
    rooms: int = 199_900
    events: int = 5_000
    files: int = 100_000
    held: int = 20_000
    acts: int = 99_900
    invites: int = 100_000

    @property
    def accounts(self) -> int:
        """Return how many users have an account."""
        return self.users - self.guests


def nick(user: int) -> str:
    """Return the nick of a user."""
    return f"u{user}"


def token(session: int) -> str:
    """Return the token of a session."""
    return f"token{session}"


def content(number: int) -> File:
    """Return one of the files that are posted."""
    return File(name=f"f{number}", size=5, sha256=sha256(b"%d" % number).hexdigest())


def held(size: Size) -> range:
    """Return the files whose bytes are here."""
    return range(size.files - size.held + 1, size.files + 1)


def bringer(number: int, size: Size) -> int:
    """Return the user who has brought a file."""
    return number % size.accounts + 1


def fill(folder: Path, size: Size) -> None:
    """Put all of it into ``folder``."""
    for number in held(size):
        name = content(number).sha256
        blob = folder / "blobs" / name[:2] / name
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(b"%5d" % (number % 99_999))
        note = folder / "uploaded" / f"{bringer(number, size)}-{name}"
        note.parent.mkdir(exist_ok=True)
        note.touch()
    store = SqliteStore(folder, lambda call, *args: call(*args), SpaceLog())
    rows = _rows(size)
    while some := list(islice(rows, TOGETHER)):
        _commit(store, Changes(others=some))
    text = "word " * 200
    for begin in range(1, size.events + 1, 1000):
        _commit(store, Changes([(BIG, begin, pack([_said("#big", begin + i, text) for i in range(1000)]))]))
    direct = _direct(size)
    while runs := list(
        islice(((room, 1, pack([_said(name, 1, "x")])) for room, name, _ in direct), TOGETHER)
    ):
        _commit(store, Changes(runs))
    for begin in range(1, size.files + 1, 10_000):
        posted = [_said("#files", begin + i, "", content(begin + i)) for i in range(10_000)]
        files = [PutFile(2, event.seq, event.file.sha256, "f", 5, "") for event in posted if event.file]
        _commit(store, Changes([(2, begin, pack(posted))], others=list(files)))
    store.close()


def _commit(store: SqliteStore, changes: Changes) -> None:
    done = threading.Event()
    failed: list[Any] = []

    def took(error: Exception | None) -> None:
        failed.append(error)
        done.set()

    store.append(changes, took)
    done.wait()
    if failed[0] is not None:
        raise failed[0]


def _said(room: str, seq: int, text: str, file: File | None = None) -> Event:
    kind = "message" if file is None else "file"
    return Event(room=room, seq=seq, ts=NOW + seq, kind=kind, by="u3", text=text, session=3, n=seq, file=file)


def _direct(size: Size) -> Iterator[tuple[int, str, int]]:
    """Yield the logs of direct messages of user 1: id, name, the other."""
    first = size.rooms - size.accounts + 2
    for other in range(2, size.accounts + 1):
        yield first + other - 2, direct_name(1, other), other


def _rows(size: Size) -> Iterator[Any]:
    yield PutTime(LIVED, NOW)
    yield from _people(size)
    yield from _rooms(size)
    for number in range(size.invites):
        yield PutInvite(digest(f"i{number}"), size.accounts - number // 20, 1, LIVED + DAYS)
    for number in held(size):
        yield PutUpload(bringer(number, size), content(number).sha256, 1)


def _people(size: Size) -> Iterator[Any]:
    yield from (PutUser(user, nick(user), nick(user)) for user in range(1, size.users + 1))
    for user in range(1, size.accounts + 1):
        yield PutAccount(user, "x", OPERATOR if user == 1 else 0, created=1)
        yield PutNick(nick(user), user)
    for user in range(1, size.users + 1):
        seen = LIVED if user <= size.online else 1
        yield PutSession(user, user, digest(token(user)), 0, seen, f"10.{user % 250}.0.1", "bench")
    for number in range(size.devices - 1):
        session = size.users + 1 + number
        yield PutSession(session, 2, digest(token(session)), 0, LIVED, "10.0.0.2", "bench")


def _rooms(size: Size) -> Iterator[Any]:
    yield PutRoom(BIG, "#big", "topic", 1)
    yield PutRoom(2, "#files", "topic", 1)
    first = size.rooms - size.accounts + 2
    yield from (PutRoom(room, f"#r{room}", "topic", 1) for room in range(3, first))
    for user in range(1, size.users + 1):
        yield PutMember(BIG, user, size.events, 5 if user == 1 else 3)
    for user in (1, 2):
        yield from (PutMember(room, user, 0) for room in range(2, MAX_ROOMS + 1))
    for room, name, other in _direct(size):
        yield PutRoom(room, name, "", 1, other)
        yield PutMember(room, 1, 0)
        yield PutMember(room, other, 0)
    yield from islice(_acts(size), size.acts)


def _acts(size: Size) -> Iterable[PutAct]:
    room = BIG
    while True:
        for number in range(MAX_ACTS - 10):
            user = 1000 + number
            yield PutAct(room, "ban", f"192.0.{number // 250}.{number % 250}/32", 0, 0, "u1", "r" * 50)
            yield PutAct(room, "mute", f"@{nick(user)}", user, LIVED + DAYS, "u1", "r" * 50)
            guest = size.users - number
            yield PutAct(room, "invite", f"@{nick(guest)}", guest, LIVED + DAYS, "u1", "r" * 50)
        room = 300 + room
