"""Very many connections: what one costs in memory and while it is quiet, and how soon all are back."""

import signal
import time

from bench.common import Scale
from bench.multitude import PULSE, Multitude
from bench.paced import quantile
from bench.process import cpu_seconds, raise_file_limit, resident_bytes
from bench.results import Result, Row, Target
from bench.server import Daemon

COUNT = 10_000
PER_ROOM = 100
SPOKEN = 100
"""Rooms in which a message is said every second."""

SPARE = 1000
"""Open files beside the connections."""

SETTLING = 3.0
"""Seconds after which the rooms have heard who has come."""

ENTERING = 600.0
BACK_PATIENCE = 300.0

MEMORY = Target(6.0, least=False)
IDLE = Target(10.0, least=False)
P99 = Target(50.0, least=False)
BACK = Target(60.0, least=False)

_LIMITS = """max_connections = 1000000
max_users = 1000000
max_rooms = 1000000
"""


def run(scale: Scale) -> Result:
    """Measure one daemon with as many connections as are asked for, once."""
    count = scale.count or COUNT
    if scale.smoke:
        count = min(count, raise_file_limit() - SPARE)
    raise_file_limit(count + SPARE)
    result = Result("connections")
    daemon = Daemon(scale.folder, config=_LIMITS)
    crowd = Multitude(count, PER_ROOM, check=scale.smoke)
    try:
        _measure(result, scale, daemon, crowd)
    finally:
        daemon.stop()
        crowd.close()
    return result


def _measure(result: Result, scale: Scale, daemon: Daemon, crowd: Multitude) -> None:
    count = len(crowd.guests)
    what = f"{count} connections, each with a session and in a room of {min(count, PER_ROOM)}"
    seconds = scale.seconds if scale.smoke else max(scale.seconds, PULSE.interval)

    size, cpu = resident_bytes(daemon.pid), cpu_seconds(daemon.pid)
    crowd.come(daemon.port, ENTERING)
    entering = cpu_seconds(daemon.pid) - cpu
    crowd.rest(SETTLING)
    result.rows.append(Row(what, "chatd", "s CPU to let them all in", (entering,)))

    cpu = cpu_seconds(daemon.pid)
    crowd.rest(seconds)
    idle = (cpu_seconds(daemon.pid) - cpu) / seconds * 100
    resident = (resident_bytes(daemon.pid) - size) / count / 1024
    result.rows.append(Row(what, "chatd", "KiB resident/connection", (resident,), MEMORY))
    result.rows.append(Row(what, "chatd", f"% CPU while idle, a ping in {PULSE.interval:g} s", (idle,), IDLE))

    rooms = min(SPOKEN, -(-count // PER_ROOM))
    crowd.converse(rooms, seconds)
    latencies = sorted(crowd.latencies)
    said = f"{what}, a message a second in {rooms} of the rooms"
    for share, target in ((0.5, None), (0.99, P99)):
        value = quantile(latencies, share) * 1e3
        result.rows.append(Row(said, "chatd", f"ms latency p{share * 100:g}", (value,), target))

    daemon.end(signal.SIGKILL)
    begin = time.monotonic()
    daemon.start()
    crowd.come(daemon.port, BACK_PATIENCE)
    taken = time.monotonic() - begin
    what = f"{count} clients back after SIGKILL"
    result.rows.append(Row(what, "chatd", "s, with the start", (taken,), BACK))
    result.rows.append(Row(what, "chatd", "s CPU, with the start", (cpu_seconds(daemon.pid),)))
    crowd.rest(min(seconds, 2.0))
