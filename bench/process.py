"""Processes and cores: who runs where, and what /proc says of it."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.common import BenchError

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_FULL = 0.95
_MUCH = 0.10
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


@cache
def cores() -> Cores:
    """Return the first and the last of the cores that we might use when this was first asked."""
    numbers = sorted(os.sched_getaffinity(0))
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


def raise_file_limit(least: int = 0) -> int:
    """Raise the limit of open files as far as it goes, for us and for what we start; return it.

    Whoever may raise the hard limit gets at least ``least``. Raises `BenchError` if it stays below that.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < least:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (least, least))
        except (OSError, ValueError):
            raise BenchError(
                f"{least} open files are needed and {hard} are allowed; raise `ulimit -Hn` as root first."
            ) from None
        return least
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cpu_seconds(pid: int) -> float:
    """Return the seconds of CPU time, user and system, that process ``pid`` has used.

    The scheduler's own count of each thread is exact to the nanosecond; where it is not kept, ticks must do.
    """
    try:
        threads = Path(f"/proc/{pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
    except (OSError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[14 - _FIRST_FIELD]) + int(fields[15 - _FIRST_FIELD])) / _TICK


def resident_bytes(pid: int) -> int:
    """Return the resident memory of process ``pid``."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def private_bytes(pid: int) -> int:
    """Return the resident memory of process ``pid`` that no file stands behind."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return resident_bytes(pid)


def peak_bytes(pid: int) -> int:
    """Return the most resident memory that process ``pid`` had since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resident_bytes(pid)


def forget_peak(pid: int) -> None:
    """Begin to watch the peak of process ``pid`` anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def busy_seconds(core: int) -> float:
    """Return for how long ``core`` has been busy with anything since the machine started."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _wait, hard, soft = map(int, fields[:7])
            return (user + nice + system + hard + soft) / _TICK
    return 0.0


class Gauge:
    """Measures, from its making to `read`, a server process, ourselves, and who else is on our cores."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._begin = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        pair = cores()
        busy = busy_seconds(pair.server) + (0.0 if pair.shared else busy_seconds(pair.generator))
        return time.monotonic(), cpu_seconds(self._pid), time.process_time(), busy

    def read(self) -> "Usage":
        """Return what was used since the gauge was made."""
        wall, server, generator, busy = (
            now - then for now, then in zip(self._now(), self._begin, strict=True)
        )
        return Usage(wall=wall, server=server, generator=generator, others=busy - server - generator)


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds: of the clock, and of the CPU for the server, the generator, and others on their cores."""

    wall: float
    server: float
    generator: float
    others: float

    def doubts(self) -> list[str]:
        """Return what makes figures of this time doubtful."""
        found = []
        if self.generator >= _FULL * self.wall and self.server < _FULL * self.wall:
            found.append("the generator was the bottleneck")
        if self.others >= _MUCH * self.wall:
            found.append("others used more than 10 % of a core that server or generator run on")
        return found
