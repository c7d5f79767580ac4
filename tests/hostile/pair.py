"""An honest pair: one speaks and the other hears, while strangers do what they can.

It is a program of its own (`python -m tests.hostile.pair PORT PID`), so that it shares no interpreter with
them.
"""

import json
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from chatd.wire.messages import Event, Send
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import environment
from tests.end_to_end.harness.program import Program
from tests.end_to_end.harness.raw import Raw
from tests.faults.bystander import anonymous

ROOT = Path(__file__).parents[2]

PAUSE = 0.005
"""Seconds between two messages."""

WARM_UP = 30
"""Messages before those that count."""

ENOUGH = 15
"""Messages that are enough to judge by: a machine that runs the strangers too may be slow with them."""


class Pair:
    """While entered, the pair talks at ``daemon``, and the memory of that is watched.

    ``delays`` are the seconds from saying to hearing, without those in which the daemon or the pair had no
    processor because others of the machine had it; ``walls`` are the same by the clock. ``growth`` is the
    most bytes that the daemon grew by.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._command = [sys.executable, "-m", "tests.hostile.pair", str(daemon.port), str(daemon.pid)]
        self.delays: list[float] = []
        self.walls: list[float] = []
        self.growth = 0

    @property
    def has_enough(self) -> bool:
        """Tell whether the pair has said enough, or has ended: then it has more to tell than to be ready."""
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    @property
    def p99(self) -> float:
        """Return the 99th percentile of the delays in seconds."""
        return p99(self.delays)

    def __enter__(self) -> Self:
        self._process = Program(
            self._command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        out = self._process.communicate(timeout=30)[0]
        assert self._process.returncode == 0, "the pair was cut off"
        told = json.loads(out.splitlines()[-1])
        self.delays, self.walls, self.growth = told["delays"], told["walls"], told["growth"]

    def __str__(self) -> str:
        return (
            f"{len(self.delays)} messages, p99 {1000 * self.p99:.1f} ms without waits for a processor,"
            f" {1000 * p99(self.walls):.1f} ms by the clock; the daemon grew by {self.growth >> 10} KiB"
        )


def p99(delays: list[float]) -> float:
    """Return the delay that 99 of 100 do not exceed."""
    return sorted(delays)[-1 - len(delays) // 100] if delays else float("inf")


def waited(place: str) -> float:
    """Return for how many seconds a thread was ready and had no processor: others of this machine had it."""
    try:
        return int(Path(f"/proc/{place}/schedstat").read_text().split()[1]) / 1e9
    except FileNotFoundError:  # a kernel that does not tell
        return 0.0


def main(port: int, pid: int) -> None:
    """Talk until the standard input ends, and print what was measured."""
    ann, bob = Raw(dial(port)), Raw(dial(port))
    for raw, nick in ((ann, "honest.ann"), (bob, "honest.bob")):
        raw.enter(nick)
        raw.join("#honest")
    base = growth = 0
    delays, walls = [], []
    threads = [f"{pid}/task/{task.name}" for task in Path(f"/proc/{pid}/task").iterdir()]
    places = ("thread-self", *threads)
    for n in range(1, 1_000_000):
        began, idle = time.monotonic(), sum(map(waited, places))
        ann.say(Send(id=10_000 + n, n=n, room="#honest", text=f"text {n}"))
        for raw in (bob, ann):
            raw.await_(Event, lambda event, n=n: event.n == n)  # type: ignore[misc]
            if raw is bob:
                walls.append(time.monotonic() - began)
                delays.append(max(0.0, walls[-1] - (sum(map(waited, places)) - idle)))
        growth = max(growth, anonymous(pid) - base)
        if n == WARM_UP:
            base, growth = anonymous(pid), 0
            print("ready", flush=True)  # noqa: T201
        if n == WARM_UP + ENOUGH:
            print("enough", flush=True)  # noqa: T201
        if n > WARM_UP and select.select([sys.stdin], [], [], PAUSE)[0]:
            break
    told = {"delays": delays[WARM_UP:], "walls": walls[WARM_UP:], "growth": growth}
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
