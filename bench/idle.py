"""Idle connections: what one costs in resident memory that has a session, is in a room and says nothing."""

import time

from bench.clients import SETTLED, enter
from bench.common import Scale
from bench.load import Crowd
from bench.process import cpu_seconds, raise_file_limit, resident_bytes
from bench.results import Result, Row, Target
from bench.server import Daemon

PER_ROOM = 100
MEMORY = Target(8.0, least=False)


def run(scale: Scale) -> Result:
    """Measure resident bytes with 10,000 connections less those with none, per connection."""
    raise_file_limit()
    count = scale.size(10_000, 50)
    sizes, entering, idling = [], [], []
    for _ in range(scale.rounds):
        size, enter_cpu, idle_cpu = _once(scale, count)
        sizes.append(size / 1024)
        entering.append(enter_cpu)
        idling.append(idle_cpu * 100)
    what = f"{count} idle connections, each with a session and in a room"
    return Result(
        "idle",
        [
            Row(what, "chatd", "KiB resident/connection", tuple(sizes), MEMORY),
            Row(what, "chatd", "s CPU to let them all in", tuple(entering)),
            Row(what, "chatd", "% CPU while idle", tuple(idling)),
        ],
    )


def _once(scale: Scale, count: int) -> tuple[float, float, float]:
    daemon = Daemon(scale.folder)
    try:
        size, cpu = resident_bytes(daemon.pid), cpu_seconds(daemon.pid)
        clients = enter(daemon, [f"#bench{number // PER_ROOM}" for number in range(count)])
        Crowd([client.link for client in clients], b"\0").hush(SETTLED)
        entering = cpu_seconds(daemon.pid) - cpu
        idle = _idle_share(daemon.pid, scale.seconds)
        return (resident_bytes(daemon.pid) - size) / count, entering, idle
    finally:
        daemon.stop()


def _idle_share(pid: int, seconds: float) -> float:
    begin = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - begin) / seconds
