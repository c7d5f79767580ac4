"""Acknowledgement latency, one message at a time, beside a bare fsync of the same file system."""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.clients import Client, enter, is_ok, listen
from bench.common import Scale
from bench.peers.chatd import ROOM, chatd_message
from bench.process import cores, pinned
from bench.results import Result, Row, Target
from bench.server import Daemon

_BLOCK = b"\1" * 4096
BEYOND = Target(1.0, least=False)


def run(scale: Scale) -> Result:
    """Measure the median of many single sends per run, and of as many single fsyncs between the runs."""
    count = scale.size(500, 20)
    acks: list[float] = []
    syncs: list[float] = []
    daemon = Daemon(scale.folder)
    try:
        (client,) = enter(daemon, [ROOM])
        for round_ in range(scale.rounds):
            acks.append(median(_acks(client, round_ * count, count)))
            with pinned(cores().server):
                syncs.append(median(_syncs(daemon.folder, count)))
    finally:
        daemon.stop()
    beyond = tuple(ack - sync for ack, sync in zip(acks, syncs, strict=True))
    what = "ack of one message at a time, p50"
    return Result(
        "ack",
        [
            Row(what, "chatd", "ms", tuple(acks)),
            Row("write 4 KiB and fsync, p50", "the disk", "ms", tuple(syncs)),
            Row(what, "chatd beyond the disk", "ms", beyond, BEYOND),
        ],
    )


def _acks(client: Client, first: int, count: int) -> list[float]:
    taken = []
    for number in range(first + 1, first + count + 1):
        begin = time.perf_counter()
        client.link.sendall(chatd_message(number))
        listen([client], is_ok)
        taken.append((time.perf_counter() - begin) * 1e3)
    return taken


def _syncs(folder: Path, count: int) -> list[float]:
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(count):
            begin = time.perf_counter()
            os.write(file.fileno(), _BLOCK)
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - begin) * 1e3)
    return taken
