"""Sharing a link: a file fills it while chat goes on over the same connection, and how late chat comes."""

import asyncio
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.network.lab import namespaces
from tests.network.lab.chat import PORT, ROOM, Daemon
from tests.network.lab.namespaces import Host, Network
from tests.network.lab.programs import PATIENCE, Line, Program
from tests.network.lab.setup import MEMORY, Setup

_SETTLED: Final = 1.5
"""Seconds after which a file has found its pace, and which are not judged."""
_SLOWEST: Final = 8_000_000
"""Bytes per second that the machine itself carries at the least, however busy it is with others."""

Way = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Link:
    """A link and what is promised of it.

    ``rate`` is in bytes per second (0: loopback), ``queue`` the bytes that wait before it. The p99 of chat
    may be ``beyond`` seconds above that of the idle link, while the file has at least the share ``used`` of
    the rate. Each side says ``talk`` messages per second; the file has ``size`` bytes; ``idle`` and ``busy``
    seconds are measured.
    """

    name: str
    rate: int
    queue: int
    beyond: float
    talk: float
    size: int
    idle: float
    busy: float
    used: float = 0.0

    def keeps(self, found: "Shared") -> bool:
        """Return whether ``found`` is as promised."""
        return found.beyond() <= self.beyond and found.rate >= self.used * self.rate


LINKS: Final = (
    Link("loopback", 0, 0, 0.05, 50.0, 3 << 28, idle=2.0, busy=3.5),
    Link("1-MB/s", 1_000_000, 1_000_000, 0.05, 10.0, 40_000_000, idle=5.0, busy=12.0, used=0.7),
    Link("64-kbit/s", 8_000, 64_000, 0.4, 2.0, 4_000_000, idle=6.0, busy=16.0, used=0.4),
)


@dataclass(slots=True)
class Shared:
    """What one link showed: seconds that chat came late to each side, and the file's bytes per second."""

    idle: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, list[float]] = field(default_factory=dict)
    rate: float = 0.0

    def beyond(self) -> float:
        """Return by how many seconds the p99 rose, on the worse of both sides."""
        return max(tail(self.busy[side]) - tail(self.idle[side]) for side in self.idle)

    def __str__(self) -> str:
        sides = (
            f"{side}: idle p99 {tail(self.idle[side]) * 1e3:.1f} ms of {len(self.idle[side])}, "
            f"busy p99 {tail(self.busy[side]) * 1e3:.1f} ms of {len(self.busy[side])}"
            for side in self.idle
        )
        return f"{'; '.join(sides)}; the file had {self.rate / 1e3:.1f} kB/s"


def tail(latencies: list[float]) -> float:
    """Return the 99th percentile."""
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


class Share(Setup):
    """The hosts and programs of one link: ``far`` is behind it, ``near`` beside the daemon."""

    def __init__(self, link: Link, way: Way, tag: str) -> None:
        super().__init__(Network(tag), "share", MEMORY)
        self._link = link
        self._way = way

    # ---- setting up -----------------------------------------------------------------------------------

    async def _set_up(self) -> None:
        server = self.network.server
        self._file = self.folder / "large.bin"
        with self._file.open("wb") as file:
            file.truncate(self._link.size)
        self._daemon = Daemon(server, self.folder / "daemon")
        self._stack.push_async_callback(self._daemon.kill)
        await self._daemon.start()
        self._near = await self._carrier(server, f"127.0.0.1:{PORT}", "near")
        self._seq = await self._post() if self._way == "down" else 0
        self._far = await self._far_carrier()

    async def _far_carrier(self) -> Program:
        server, client = self.network.server, self.network.client
        if not self._link.rate:
            return await self._carrier(server, f"127.0.0.1:{PORT}", "far")
        for host, device in ((self.network.router, "client"), (client, "eth0")):
            rate, queue = f"{self._link.rate * 8}bit", str(self._link.queue)
            shape = ("root", "tbf", "rate", rate, "burst", "2000", "limit", queue)
            await host.exec("tc", "qdisc", "add", "dev", device, *shape)
        return await self._carrier(client, f"{server.address}:{PORT}", "far")

    async def _carrier(self, host: Host, server: str, nick: str) -> Program:
        module = (sys.executable, "-m", "tests.network.lab.carrier")
        program = Program(host, *module, server, nick, ROOM, str(self._link.talk))
        self._stack.push_async_callback(program.kill)
        await program.start()
        await program.await_said(program.out, "^ready")
        return program

    async def _post(self) -> int:
        self._near.write(f"put {self._file}")
        patience = PATIENCE + self._link.size / _SLOWEST
        said = await self._near.await_said(self._near.out, "^(posted|failed)", patience=patience)
        return int(said.text.removeprefix("posted "))

    # ---- measuring ------------------------------------------------------------------------------------

    async def measure(self) -> Shared:
        """Return how late chat is over the idle link, then while a file fills it."""
        shared = Shared()
        await asyncio.sleep(1.0)
        shared.idle = await self._listen(self._link.idle)
        self._far.write(f"put {self._file}" if self._way == "up" else f"get {self._seq} {self.folder}/came")
        await self._far.await_said(self._far.out, "^moved [1-9]")
        await asyncio.sleep(_SETTLED)
        begin = time.monotonic()
        shared.busy = await self._listen(self._link.busy)
        shared.rate = self._rate(begin)
        failed = [line.text for line in self._far.out if line.text.startswith("failed")]
        assert not failed, failed
        return shared

    async def _listen(self, seconds: float) -> dict[str, list[float]]:
        begin = time.monotonic()
        over = asyncio.create_task(self._far.await_said(self._far.out, "^(over|failed)"))
        await asyncio.wait([over], timeout=seconds)
        over.cancel()
        await asyncio.gather(over, return_exceptions=True)
        return {"up": _late(self._near.out, begin), "down": _late(self._far.out, begin)}

    def _rate(self, begin: float) -> float:
        """Return how many bytes per second the file moved since ``begin``."""
        seen = [(line.at, int(line.text[6:])) for line in self._far.out if line.text.startswith("moved")]
        seen = [(at, moved) for at, moved in seen if at >= begin and moved]
        (first, before), (last, after) = seen[0], seen[-1]
        return (after - before) / (last - first) if last > first else 0.0


def _late(lines: Iterable[Line], since: float) -> list[float]:
    late = (line for line in lines if line.at >= since and line.text.startswith("late "))
    return [float(line.text[5:]) for line in late]


async def share(link: Link, way: Way, tag: str) -> Shared:
    """Set up one link, measure it, and remove everything."""
    async with Share(link, way, tag) as one:
        return await one.measure()


async def share_all() -> dict[tuple[str, Way], Shared | BaseException]:
    """Measure all links in both directions: the slow ones together, the fast one by itself."""
    namespaces.sweep()
    jobs: list[tuple[Link, Way]] = [(link, way) for link in LINKS for way in ("up", "down")]
    slow = [(link, way) for link, way in jobs if link.rate]
    measured: dict[tuple[str, Way], Shared | BaseException] = {}
    try:
        found = await asyncio.gather(
            *(share(link, way, f"share{number}") for number, (link, way) in enumerate(slow)),
            return_exceptions=True,
        )
        measured.update({(link.name, way): one for (link, way), one in zip(slow, found, strict=True)})
        for link, way in jobs:
            if not link.rate:
                (one,) = await asyncio.gather(share(link, way, f"loop{way}"), return_exceptions=True)
                measured[link.name, way] = one
    finally:
        namespaces.sweep()
    return measured
