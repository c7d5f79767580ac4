"""A world that has grown: how long the daemon takes to start with it, and how much memory."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from signal import SIGTERM
from typing import Any, Final, NamedTuple

import apsw

from bench.clients import Client, connect
from bench.common import BenchError, Scale
from bench.process import resident_bytes
from bench.results import Result, Row
from bench.server import Daemon
from chatd.store.folder import FILE_NAME
from chatd.store.schema import key
from chatd.wire.messages import Event, Hello, Welcome
from chatd.wire.stored import pack

PATIENCE: Final = 120.0
"""Seconds that the daemon may take to start."""

STEP: Final = 2003
"""How far apart the numbers of a room's members are: a prime, so that none comes twice."""

THEN: Final = 1_700_000_000_000
"""When all of it was, in milliseconds since 1970."""


class World(NamedTuple):
    """How many users there are, each with a session, and rooms; each room has so many members and events."""

    users: int
    rooms: int
    members: int
    events: int

    def members_of(self, room: int) -> Iterator[int]:
        """Yield the ids of the users who are in ``room``."""
        for number in range(self.members):
            yield 1 + (room * self.members + number * STEP) % self.users


def token_of(user: int) -> str:
    """Return the token of the session of ``user``."""
    return f"{user:032x}"


def run(scale: Scale) -> Result:
    """Start a daemon with a large folder, again and again."""
    size = scale.size
    world = World(size(100_000, 300), size(20_000, 30), members=size(50, 20), events=size(150, 10))
    starts, sizes, welcomes = [], [], []
    daemon = Daemon(scale.folder)
    try:
        await_starts(daemon, 1)
        fill(daemon, world)
        for _ in range(scale.rounds):
            begin = start(daemon)
            starts.append(begin.seconds)
            sizes.append(begin.resident / 2**20)
            welcomes.append(1e3 * welcome(daemon, world, 1 + len(starts)))
    finally:
        daemon.stop()
    what = f"{world.users} users, {world.rooms} rooms of {world.members}, each with {world.events} events"
    return Result(
        "grown",
        [
            Row(what, "chatd", "s from start to `start`", tuple(starts)),
            Row(what, "chatd", "MiB resident then", tuple(sizes)),
            Row(what, "chatd", "ms until one who comes back is welcome", tuple(welcomes)),
        ],
    )


class Begun(NamedTuple):
    """How a daemon has begun: seconds until it had loaded everything, and bytes that it holds then."""

    seconds: float
    resident: int


def start(daemon: Daemon) -> Begun:
    """Start ``daemon``, which was ended, and wait until it has loaded everything."""
    before, begin = _starts(daemon), time.monotonic()
    daemon.start(PATIENCE)
    await_starts(daemon, before + 1)
    seconds = time.monotonic() - begin
    size = resident_bytes(daemon.pid)
    return Begun(seconds, size)


def await_starts(daemon: Daemon, count: int) -> None:
    """Wait until ``daemon`` has loaded everything for the time ``count``: it listens sooner."""
    begin = time.monotonic()
    while _starts(daemon) < count:
        if time.monotonic() - begin > PATIENCE:
            raise BenchError(f"chatd did not start:\n{daemon.log_end}")
        time.sleep(0.005)


def _starts(daemon: Daemon) -> int:
    log = daemon.folder / "log"
    return log.read_bytes().count(b" start ") if log.exists() else 0


def welcome(daemon: Daemon, world: World, user: int) -> float:
    """Let ``user`` come back, then end ``daemon``; return the seconds until the welcome, with all rooms."""
    rooms = sum(user in set(world.members_of(room)) for room in range(1, world.rooms + 1))
    begin = time.monotonic()
    client = Client(0, "", connect(daemon.port, 0))
    client.say(Hello(software="bench", token=token_of(user)))
    told: Welcome | None = None
    while told is None:
        told = next((message for message in client.hear() if isinstance(message, Welcome)), None)
    seconds = time.monotonic() - begin
    client.link.close()
    daemon.end(SIGTERM)
    if len(told.rooms) != rooms:
        raise BenchError(f"user {user} is in {rooms} rooms, and was told of {len(told.rooms)}")
    return seconds


def fill(daemon: Daemon, world: World) -> None:
    """End ``daemon``, and let it have ``world``; what an earlier build has no column for is left out."""
    daemon.end(SIGTERM)
    with closing(apsw.Connection(str(daemon.folder / "data" / FILE_NAME))) as database:
        database.pragma("synchronous", 0)
        known = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table, rows in TABLES.items():
            if table in known:
                _insert(database, table, rows(world))
        database.pragma("wal_checkpoint")


def _insert(database: apsw.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    first = next(rows)
    names = [name for name in first if name in columns]
    statement = f"INSERT INTO {table}({', '.join(names)}) VALUES({', '.join('?' * len(names))})"
    with database:
        database.execute(f"DELETE FROM {table}")
        database.executemany(statement, ([row[name] for name in names] for row in chain([first], rows)))


def _users(world: World) -> Iterator[dict[str, Any]]:
    for user in range(1, world.users + 1):
        yield {"id": user, "nick": f"user{user}", "key": f"user{user}"}


def _accounts(world: World) -> Iterator[dict[str, Any]]:
    for user in range(1, world.users + 1):
        yield {"user": user, "password": "", "flags": 0, "created": THEN, "invited_by": 0, "failed": 0}


def _nicks(world: World) -> Iterator[dict[str, Any]]:
    for user in range(1, world.users + 1):
        yield {"key": f"user{user}", "user": user, "shown": "", "since": THEN}


def _sessions(world: World) -> Iterator[dict[str, Any]]:
    for user in range(1, world.users + 1):
        digest = hashlib.sha256(token_of(user).encode()).digest()
        known = {"address": f"10.{user >> 16}.{user >> 8 & 255}.{user & 255}", "software": "chatc/0.1.0"}
        yield {"id": user, "user": user, "digest": digest, "last": 7, "seen": 1, **known}


def _rooms(world: World) -> Iterator[dict[str, Any]]:
    for room in range(1, world.rooms + 1):
        yield {"id": room, "name": f"#room{room}", "topic": f"What room {room} is about", "first": 1}


def _members(world: World) -> Iterator[dict[str, Any]]:
    for room in range(1, world.rooms + 1):
        for number, user in enumerate(world.members_of(room)):
            yield {"room": room, "user": user, "read": number % world.events, "role": 3, "since": 1}


def _stored(world: World, room: int) -> list[bytes]:
    return pack(
        [
            Event(
                room=f"#room{room}",
                seq=seq,
                ts=THEN + seq,
                kind="message",
                by=f"user{seq}",
                text="What somebody has said once upon a time.",
                session=seq,
                n=1,
            )
            for seq in range(1, world.events + 1)
        ]
    )


def _events(world: World) -> Iterator[dict[str, Any]]:
    for room in range(1, world.rooms + 1):
        for seq, frame in enumerate(_stored(world, room), 1):
            yield {"key": key(room, seq), "frame": frame}


def _tallies(world: World) -> Iterator[dict[str, Any]]:
    bits = (2 << world.events) - 2
    blob = bits.to_bytes(world.events // 8 + 1, "little")
    for room in range(1, world.rooms + 1):
        yield {"room": room, "seq": 0, "upto": world.events, "bits": blob}


def _sizes(world: World) -> Iterator[dict[str, Any]]:
    for room in range(1, world.rooms + 1):
        yield {"room": room, "seq": world.events, "bytes": sum(map(len, _stored(world, room)))}


def _indexed(world: World) -> Iterator[dict[str, Any]]:
    for room in range(1, world.rooms + 1):
        yield {"room": room, "low": 1, "high": world.events}


TABLES: Final[dict[str, Callable[[World], Iterator[dict[str, Any]]]]] = {
    "users": _users,
    "accounts": _accounts,
    "nicks": _nicks,
    "sessions": _sessions,
    "rooms": _rooms,
    "members": _members,
    "events": _events,
    "tallies": _tallies,
    "sizes": _sizes,
    "indexed": _indexed,
}
"""What is in each table. The index of words is empty, and said to be complete: nobody searches here."""
