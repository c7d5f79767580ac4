"""One slow reader: what it costs the daemon and the others that one member of a busy room reads 1 KiB/s."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.catchup import fill
from bench.clients import SETTLED, enter
from bench.common import BenchError, Scale
from bench.load import Crowd, Tally
from bench.paced import quantile
from bench.peers.chatd import ROOM, ChatdPeer, dense_events
from bench.process import private_bytes
from bench.results import Result, Row, Target
from bench.runs import PacedParty
from bench.server import Daemon
from chatd.wire.frames import FrameType, frame

RATE = 2000.0
SPEED = 1024
"""Bytes per second that the slow one reads."""

TIMED = 25
"""Others whose deliveries are timed: more would keep the generator from reading in time."""

GROWTH = Target(2.0, least=False)
TAIL = Target(1.1, least=False)
_PATIENCE = 30.0
_CACHE_FULL = 300_000
"""Messages of which the database's pages fill the daemon's cache (`chatd.store.opening.CACHE_KIB`)."""

_SIGN = 10.0
"""Seconds between two signs of life of the reader."""


@dataclass(frozen=True, slots=True)
class _Figures:
    growth: float
    median: float
    tail: float


def run(scale: Scale) -> Result:
    """Measure a room without a slow reader, then with one, and again without.

    The daemon keeps pages of its database in memory, up to a bound, whoever reads; so that bound is reached
    before anything is measured.
    """
    result = Result("slow")
    members, rate = scale.size(499, 10), scale.size(int(RATE), 100)
    daemon = Daemon(scale.folder)
    try:
        (writer,) = enter(daemon, ["#full"])
        fill(writer, ["#full"], scale.size(_CACHE_FULL, 10))
        reader = _Reader(daemon)
        party = PacedParty(ChatdPeer(daemon), members, scale, timed=min(TIMED, members))
        reader.hush()
        party.measure(rate, scale.long / 4, reader.read)
        before = _measure(party, rate, scale.long, reader.read)
        reader.finish(party.hall.sent)
        reader.slow_down()
        during = _measure(party, rate, scale.long, reader.read_slowly)
        taken, late = reader.finish(party.hall.sent)
        after = _measure(party, rate, scale.long, reader.read)
    finally:
        daemon.stop()
    what = f"one reader at 1 KiB/s among {members + 1}, {rate} messages/s for {scale.long:g} s"
    result.rows += [
        Row(what, "chatd", "MiB grown", (during.growth,), GROWTH),
        Row(what, "chatd without it", "MiB grown", (before.growth, after.growth)),
        Row(what, "the others", "ms latency p50", (during.median,)),
        Row(what, "the others", "ms latency p99", (during.tail,)),
        Row(what, "the others without it", "ms latency p99", (before.tail, after.tail)),
        Row(what, "the others", "ratio of p99", (during.tail * 2 / (before.tail + after.tail),), TAIL),
        Row(what, "the slow one", "messages it was behind, then given in full", (late,)),
        Row(what, "the slow one", "s to catch up when it reads again", (taken,)),
    ]
    return result


def _measure(party: PacedParty, rate: float, seconds: float, aside: Callable[[], None]) -> _Figures:
    size = private_bytes(party.peer.server.pid)
    paced, _ = party.measure(rate, seconds, aside)
    growth = (private_bytes(party.peer.server.pid) - size) / 2**20
    latencies = party.latencies(paced)
    return _Figures(growth, quantile(latencies, 0.5) * 1e3, quantile(latencies, 0.99) * 1e3)


class _Reader:
    """A further member, for whom the kernel buffers little, that reads at once or slowly."""

    def __init__(self, daemon: Daemon) -> None:
        (client,) = enter(daemon, [ROOM], receive_buffer=4096)
        self._daemon = daemon
        self._link = client.link
        self._received = bytearray()
        self._slow_from = 0
        self._begin = 0.0
        self._next_sign = time.monotonic() + _SIGN

    def hush(self) -> None:
        """Read and forget what came before the first message."""
        Crowd([self._link], b"\0").hush(SETTLED)

    def slow_down(self) -> None:
        """Read slowly from now on."""
        self._slow_from = len(self._received)
        self._begin = time.monotonic()

    def read(self) -> None:
        """Read all that is there."""
        self._take(1 << 20)

    def read_slowly(self) -> None:
        """Read what the time since `slow_down` allows."""
        allowed = int((time.monotonic() - self._begin) * SPEED) - (len(self._received) - self._slow_from)
        if allowed > 0:
            self._take(allowed)

    def _take(self, most: int) -> None:
        if time.monotonic() >= self._next_sign:
            self._next_sign = time.monotonic() + _SIGN
            self._link.send(frame(FrameType.PING, b""))
        try:
            self._received += self._link.recv(most)
        except BlockingIOError:
            return

    def _hear(self) -> bytes:
        try:
            data = self._link.recv(1 << 20)
        except OSError as error:
            raise BenchError(f"the slow reader was thrown out ({error}): {self._daemon.log_end}") from None
        if not data:
            raise BenchError(f"the slow reader was thrown out: {self._daemon.log_end}")
        return data

    def finish(self, sent: int) -> tuple[float, int]:
        """Read on at full speed to message ``sent``; return the seconds that took, and how many were missing.

        Raises `BenchError` unless all came once and in order.
        """
        missing = sent - self._received.count(ChatdPeer.mark)
        begin, last = time.monotonic(), Tally(b'"n":%d}' % sent)
        last.take(bytes(self._received))
        self._link.settimeout(_PATIENCE)
        while not last.count:
            data = self._hear()
            self._received += data
            last.take(data)
        taken = time.monotonic() - begin
        self._link.setblocking(False)
        numbers = [event.n for event in dense_events(bytes(self._received))]
        if numbers != list(range(1, sent + 1)):
            raise BenchError(f"the slow reader received {len(numbers)} messages, not {sent} in order")
        return taken, missing
