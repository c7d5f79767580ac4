"""Catch-up: how fast one reader that comes back is given what it missed, from memory and from disk."""

import signal
import time
from collections.abc import Iterator

from bench.clients import CALM, Client, connect, enter, is_ok, listen
from bench.common import BenchError, Scale
from bench.load import Tally
from bench.peers.chatd import chatd_message
from bench.process import cpu_seconds
from bench.results import Result, Row, Target
from bench.server import Daemon
from chatd.wire.frames import FrameDecoder
from chatd.wire.limits import MAX_UNANSWERED
from chatd.wire.messages import Event, Hello, Join
from chatd.wire.native import decode_from_server

PER_ROOM = 600
"""Messages per room that stay in memory whole (`chatd.chat.log.TAIL_BYTES`)."""

FROM_MEMORY = Target(500_000)
FROM_DISK = Target(200_000)
_PATIENCE = 15.0


def run(scale: Scale) -> Result:
    """Measure one reader of many short logs, then of one long log after a restart."""
    rooms, long = scale.size(150, 3), scale.size(200_000, 300)
    return Result(
        "catchup",
        [
            *_rows(
                f"catch-up of {rooms * PER_ROOM} messages in {rooms} rooms, from memory",
                FROM_MEMORY,
                _from_memory(scale, rooms),
            ),
            *_rows(
                f"catch-up of {long} messages in one room after a restart, from disk",
                FROM_DISK,
                _from_disk(scale, long),
            ),
        ],
    )


def _rows(what: str, target: Target, figures: Iterator[tuple[float, float]]) -> list[Row]:
    rates, costs = zip(*figures, strict=True)
    return [
        Row(what, "chatd", "messages/s", rates, target),
        Row(what, "chatd", "µs CPU/message", costs),
    ]


def _from_memory(scale: Scale, rooms: int) -> Iterator[tuple[float, float]]:
    daemon = Daemon(scale.folder)
    try:
        names = [f"#bench{number}" for number in range(rooms)]
        (client,) = enter(daemon, names[:1])
        for number, name in enumerate(names[1:], start=2):
            client.say(Join(id=number, room=name))
            listen([client], is_ok)
        fill(client, names, PER_ROOM)
        for _ in range(scale.rounds):
            yield _catch_up(daemon, client, dict.fromkeys(names, 1), rooms * PER_ROOM, keep=scale.smoke)
    finally:
        daemon.stop()


def _from_disk(scale: Scale, count: int) -> Iterator[tuple[float, float]]:
    daemon = Daemon(scale.folder)
    try:
        (client,) = enter(daemon, ["#bench"])
        fill(client, ["#bench"], count)
        for _ in range(scale.rounds):
            client.link.close()
            daemon.end(signal.SIGTERM)
            daemon.start()
            yield _catch_up(daemon, client, {"#bench": 1}, count, keep=scale.smoke)
    finally:
        daemon.stop()


def fill(client: Client, rooms: list[str], count: int) -> None:
    """Send ``count`` messages to each of ``rooms``."""
    acks = Tally(b'{"t":"ok"')
    names = [room for room in rooms for _ in range(count)]
    sent = 0
    while acks.count < len(names):
        wave = names[sent : acks.count + MAX_UNANSWERED]
        client.link.sendall(b"".join(chatd_message(sent + n, room) for n, room in enumerate(wave, start=1)))
        sent += len(wave)
        acks.take(client.link.recv(1 << 20))


def _catch_up(
    daemon: Daemon, client: Client, cursors: dict[str, int], count: int, *, keep: bool
) -> tuple[float, float]:
    """Return messages per second and microseconds of CPU per message until ``client`` has all ``count``."""
    client.link.close()
    client.link = connect(daemon.port, client.number)
    client.link.settimeout(_PATIENCE)
    tally, kept = Tally(b'{"t":"event"'), bytearray()
    cpu, begin = cpu_seconds(daemon.pid), time.monotonic()
    client.say(Hello(software="bench", token=client.token, heartbeat=CALM, cursors=cursors))
    while tally.count < count:
        data = client.link.recv(1 << 20)
        if not data:
            raise BenchError(f"the server closed the connection after {tally.count} of {count} events")
        tally.take(data)
        if keep:
            kept += data
    taken = time.monotonic() - begin
    if keep:
        _check(bytes(kept), cursors, count)
    return count / taken, (cpu_seconds(daemon.pid) - cpu) / count * 1e6


def _check(data: bytes, cursors: dict[str, int], count: int) -> None:
    """Raise `BenchError` unless ``data`` holds every event behind ``cursors`` once and in order."""
    decoder = FrameDecoder()
    decoder.feed(data)
    last = dict(cursors)
    while (taken := decoder.take()) is not None:
        event = decode_from_server(taken[1])
        if isinstance(event, Event):
            if event.seq != last[event.room] + 1:
                raise BenchError(f"event {event.seq} of {event.room} came behind {last[event.room]}")
            last[event.room] = event.seq
    if sum(last.values()) - sum(cursors.values()) != count:
        raise BenchError(f"the reader caught up to {last}, which is not all")
