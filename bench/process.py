"""Processes and cores: who runs where, and what /proc says of it."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_FIRST_FIELD = 3  # the first field behind the name in /proc/PID/stat, counted as proc(5) does


@dataclass(frozen=True, slots=True)
class Cores:
    """The core that servers are pinned to and the one that the generator has; one core is shared."""

    server: int
    generator: int

    @property
    def shared(self) -> bool:
        """Return whether the machine has too few cores to keep the two apart."""
        return self.server == self.generator


def cores() -> Cores:
    """Return the first and the last core of the machine."""
    numbers = range(os.cpu_count() or 1)
    return Cores(numbers[0], numbers[-1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run on ``core``; a process started meanwhile inherits it, with all the threads it will have."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit() -> int:
    """Raise the limit of open files as far as it goes, for us and for what we start; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cpu_seconds(pid: int) -> float:
    """Return the seconds of CPU time, user and system, that process ``pid`` has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[14 - _FIRST_FIELD]) + int(fields[15 - _FIRST_FIELD])) / _TICK


def resident_bytes(pid: int) -> int:
    """Return the resident memory of process ``pid``."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def busy_seconds(core: int) -> float:
    """Return for how long ``core`` has been busy with anything since the machine started."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _wait, hard, soft = map(int, fields[:7])
            return (user + nice + system + hard + soft) / _TICK
    return 0.0


class Gauge:
    """Measures, from its making to `read`, a server process, its core and ourselves."""

    def __init__(self, pid: int, core: int) -> None:
        self._pid = pid
        self._core = core
        self._begin = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        return time.monotonic(), cpu_seconds(self._pid), time.process_time(), busy_seconds(self._core)

    def read(self) -> "Usage":
        """Return what was used since the gauge was made."""
        wall, server, generator, busy = (
            now - then for now, then in zip(self._now(), self._begin, strict=True)
        )
        return Usage(wall=wall, server=server, generator=generator, others=max(0.0, busy - server))


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds: of the clock, of the server's and the generator's CPU, and of others on the server's core."""

    wall: float
    server: float
    generator: float
    others: float

    def remarks(self) -> list[str]:
        """Return what makes figures of this time doubtful."""
        found = []
        if self.generator >= 0.95 * self.wall and self.server < 0.95 * self.wall:
            found.append(f"generator was the bottleneck ({self.generator / self.wall:.0%} of its core)")
        if self.others >= 0.05 * self.wall:
            found.append(f"others used {self.others / self.wall:.0%} of the server's core")
        return found
