"""Pairs: two checkouts under equal work in turn, for differences that are smaller than the noise of a run.

    python -m bench.pair BEFORE AFTER [--case NAME]… [--instructions]

Both daemons are up all the time. A burst is written while its daemon is stopped, so that both find the same
work whole, whoever else uses the machine, and make batches of the same size. What a chunk of bursts costs is
the daemon's CPU time per message; chunks alternate, and the ratio of two neighbours is hardly moved by what
lasts longer than they do. With ``--instructions`` daemons run under valgrind, which counts instructions in
user space: nobody else on the machine touches that measure, but it is of Python and SQLite alone.
"""

import argparse
import os
import re
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.common import BenchError
from bench.load import Tally
from bench.peers.chatd import ChatdPeer
from bench.process import cores, cpu_seconds, pinned, raise_file_limit
from bench.server import Daemon

PATIENCE: Final = 120.0
"""Seconds that a burst may take."""

START: Final = 600.0
"""Seconds that a daemon may take to start: under valgrind, on a crowded machine, it does."""

IDLE: Final = 10.0
"""Seconds for which an idle daemon's instructions are counted, which are taken off those of the others."""


@dataclass(frozen=True, slots=True)
class Case:
    """So many readers and senders; a burst is ``size`` messages of each sender."""

    readers: int
    senders: int
    size: int


CASES: Final = {
    "ack": Case(0, 1, 1),
    "durable": Case(1, 1, 256),
    "fan-out to 100": Case(100, 1, 64),
    "fan-out to 100, 4 senders": Case(100, 4, 16),
    "fan-out to 1000": Case(1000, 1, 64),
    "fan-out to 1000, 4 senders": Case(1000, 4, 16),
}


class Side:
    """One checkout's daemon with the members of a case in place."""

    def __init__(self, root: Path, python: Path, case: Case, log: Path | None, config: str = "") -> None:
        self.case = case
        tool = () if log is None else (*_VALGRIND, f"--log-file={log}", str(python))
        self.daemon = Daemon(root=root, python=tool or (str(python),), config=config, patience=START)
        try:
            peer = ChatdPeer(self.daemon)
            links = peer.gather(case.readers, case.senders)
        except BaseException:
            self.daemon.stop()
            raise
        self._message = peer.message
        self._readers = [(link, Tally(peer.mark)) for link in links.readers]
        self._senders = [(link, Tally(peer.ack)) for link in links.senders]
        self._sent = 0
        time.sleep(peer.quiet)  # presence is told
        for link, _ in self._readers + self._senders:
            link.setblocking(False)
            _discard(link)

    def burst(self) -> None:
        """Have the daemon take one burst; return when everybody has all of it."""
        together = self.case.size > 1
        if together:
            os.kill(self.daemon.pid, signal.SIGSTOP)
        numbers = range(self._sent + 1, self._sent + self.case.size + 1)
        self._sent += self.case.size
        data = b"".join(map(self._message, numbers))
        for link, _ in self._senders:
            link.setblocking(True)
            link.sendall(data)
            link.setblocking(False)
        if together:
            os.kill(self.daemon.pid, signal.SIGCONT)
        wanted = [(link, tally, self._sent) for link, tally in self._senders]
        wanted += [(link, tally, self._sent * self.case.senders) for link, tally in self._readers]
        _await(wanted)

    def cost(self, bursts: int) -> float:
        """Return the microseconds of CPU time per message that ``bursts`` cost."""
        before = cpu_seconds(self.daemon.pid)
        for _ in range(bursts):
            self.burst()
        return (cpu_seconds(self.daemon.pid) - before) * 1e6 / (bursts * self.case.size * self.case.senders)


_VALGRIND: Final = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")


def _discard(link: socket.socket) -> None:
    try:
        while link.recv(1 << 20):
            pass
    except BlockingIOError:
        return


def _await(wanted: list[tuple[socket.socket, Tally, int]]) -> None:
    """Read until each tally has counted what is wanted of it."""
    deadline = time.monotonic() + PATIENCE
    waiting = {link.fileno(): (link, tally, count) for link, tally, count in wanted}
    with select.epoll() as poller:
        for fd in waiting:
            poller.register(fd, select.EPOLLIN)
        while waiting:
            ready = poller.poll(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BenchError(f"{len(waiting)} did not get a whole burst in {PATIENCE:g} s")
            for fd, _ in ready:
                link, tally, count = waiting[fd]
                tally.take(link.recv(1 << 20))
                if tally.count >= count:
                    poller.unregister(fd)
                    del waiting[fd]


def compare(sides: list[Side], chunks: int, bursts: int) -> list[list[float]]:
    """Return what each chunk of ``bursts`` cost, for each of ``sides``, which take turns."""
    for side in sides:
        side.cost(bursts)
    costs: list[list[float]] = [[] for _ in sides]
    for _ in range(chunks):
        for side, found in zip(sides, costs, strict=True):
            found.append(side.cost(bursts))
    return costs


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the first and the third quartile of ``values``."""
    ordered = sorted(values)
    return ordered[len(ordered) // 4], ordered[len(ordered) * 3 // 4]


def _instructions(make: "Maker", bursts: int, idle: float, log: Path) -> tuple[float, float]:
    """Return how many instructions a daemon has made in all, and for how many seconds it served."""
    side = make(log)
    try:
        began = time.monotonic()
        for _ in range(bursts):
            side.burst()
        time.sleep(idle)
        served = time.monotonic() - began
        side.daemon.end(signal.SIGTERM)
        found = re.search(r"I +refs: +([0-9,]+)", log.read_text())
        if found is None:
            raise BenchError(f"valgrind has counted nothing:\n{log.read_text()[-500:]}")
        return float(found[1].replace(",", "")), served
    finally:
        side.daemon.stop()
        log.unlink(missing_ok=True)


class Maker:
    """Starts daemons of the checkout at ``root``, by the interpreter of its environment."""

    def __init__(self, root: Path, case: Case, config: str) -> None:
        self._root = root
        self._case = case
        self._config = config
        own = root / ".venv" / "bin" / "python"
        self._python = own if own.exists() else Path(sys.executable)

    def __call__(self, log: Path | None = None) -> Side:
        """Return a daemon, under valgrind if there is a ``log`` for that."""
        return Side(self._root, self._python, self._case, log, self._config)


def instructions(make: Maker, few: int, many: int, log: Path) -> float:
    """Return the instructions per burst: those of many bursts less those of a few and of the time between."""
    least, short = _instructions(make, few, 0.0, log)
    idle, longer = _instructions(make, few, IDLE, log)
    most, long = _instructions(make, many, 0.0, log)
    by_itself = (idle - least) / (longer - short) * (long - short)
    return (most - least - by_itself) / (many - few)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pair", description=__doc__.split("\n")[0])
    parser.add_argument("before", type=Path, help="a checkout")
    parser.add_argument("after", type=Path, help="another one, or the same with other settings")
    parser.add_argument("--case", action="append", choices=CASES, metavar="NAME", help=", ".join(CASES))
    parser.add_argument(
        "--before-config", type=Path, help="settings of the first daemon, beside its listener"
    )
    parser.add_argument("--after-config", type=Path, help="settings of the second one")
    parser.add_argument("--chunks", type=int, default=40, help="how often each has its turn")
    parser.add_argument("--bursts", type=int, default=20, help="bursts in one chunk")
    parser.add_argument("--instructions", action="store_true", help="count instructions, under valgrind")
    return parser.parse_args()


def main() -> int:
    """Compare two checkouts as the command line says, and print a row of a table for each case."""
    given = _arguments()
    raise_file_limit()
    os.sched_setaffinity(0, {cores().generator})
    configs = [path.read_text() if path else "" for path in (given.before_config, given.after_config)]
    print("| case | before | after | unit | ratio | its quartiles |\n|---|---|---|---|---|---|")
    for name in given.case or CASES:
        case = CASES[name]
        makers = [
            Maker(root.resolve(), case, config)
            for root, config in zip((given.before, given.after), configs, strict=True)
        ]
        if given.instructions:
            log = Path(f"/tmp/chatd-pair-{os.getpid()}")
            few = max(2, 64 // case.size)
            before, after = (instructions(make, few, 6 * few, log) for make in makers)
            print(f"| {name} | {before:.0f} | {after:.0f} | instructions/burst | {after / before:.3f} | |")
            continue
        print(
            _row(name, makers, given.chunks, given.bursts if case.size > 1 else given.bursts * 10), flush=True
        )
    return 0


def _row(name: str, makers: list[Maker], chunks: int, bursts: int) -> str:
    sides: list[Side] = []
    try:
        sides += [make() for make in makers]
        first, second = compare(sides, chunks, bursts)
    finally:
        for side in sides:
            side.daemon.stop()
    ratios = [after / before for before, after in zip(first, second, strict=True)]
    low, high = quartiles(ratios)
    return (
        f"| {name} | {median(first):.2f} | {median(second):.2f} | µs CPU/message |"
        f" {median(ratios):.3f} | {low:.3f} to {high:.3f} |"
    )


if __name__ == "__main__":
    with pinned(cores().generator):
        sys.exit(main())
