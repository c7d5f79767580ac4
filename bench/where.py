"""The command ``python -m bench.where CASE``: where the daemon's time goes, sampled by py-spy.

Waiting is left out. Per function of Python: the share of samples in which it ran itself (calls into the
kernel and into C count for who called them), and the share in which it was anywhere on the stack.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.common import Scale
from bench.load import Hall, drive
from bench.pace import pace
from bench.peers.chatd import ChatdPeer
from bench.process import cores
from bench.runs import PacedParty, Party
from bench.server import Daemon
from bench.tls import SealedParty, sealed_daemon

_LINES = 25
_SCALE = Scale()


def _windowed(readers: int, window: int, senders: int = 1) -> Callable[[Daemon], Callable[[float], object]]:
    def prepare(daemon: Daemon) -> Callable[[float], object]:
        hall: Hall = Party(ChatdPeer(daemon), readers, window, _SCALE, senders).hall
        return lambda seconds: drive(hall, window, seconds)

    return prepare


def _paced(daemon: Daemon) -> Callable[[float], object]:
    hall = PacedParty(ChatdPeer(daemon), 1000, _SCALE, timed=1).hall
    return lambda seconds: pace([hall], 100.0, seconds)


def _sealed(daemon: Daemon) -> Callable[[float], object]:
    hall = SealedParty(daemon, 100, 64, _SCALE).hall
    return lambda seconds: drive(hall, 64, seconds)


CASES: dict[str, Callable[[Daemon], Callable[[float], object]]] = {
    "durable": _windowed(1, 256),
    "fanout-100": _windowed(100, 64),
    "fanout-100-by-4": _windowed(100, 16, 4),
    "fanout-1000": _windowed(1000, 64),
    "paced-1000": _paced,
    "tls-100": _sealed,
}


def _sample(pid: int, seconds: float, load: Callable[[float], object]) -> list[str]:
    spy = shutil.which("py-spy") or str(Path(sys.executable).parent / "py-spy")
    with tempfile.NamedTemporaryFile("r", suffix=".txt") as file:
        options = ["--pid", str(pid), "--duration", str(round(seconds)), "--rate", "400", "--format", "raw"]
        command = [spy, "record", *options, "--nonblocking", "--function", "--output", file.name]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            load(seconds + 1.0)
            process.wait(30)
        return file.read().splitlines()


def _tell(stacks: list[str]) -> None:
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in stacks:
        stack, _, digits = line.rpartition(" ")
        count = int(digits)
        frames = [
            re.sub(r"^.*?/?(\S+) \((?:.*/)?([^/)]+)\)", r"\1 (\2)", frame) for frame in stack.split(";")
        ]
        own[frames[-1]] += count
        for frame in set(frames):
            within[frame] += count
    total = sum(own.values()) or 1
    print("| itself | with what it calls | function |\n|---|---|---|")
    for frame, samples in own.most_common(_LINES):
        print(f"| {samples / total:.1%} | {within[frame] / total:.1%} | {frame} |")


def main() -> None:
    """Put the load that the command line names on a daemon and print where its time goes."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.where", description="Where the daemon's time goes."
    )
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of the sampling")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {cores().generator})
    daemon = sealed_daemon(None) if arguments.case.startswith("tls") else Daemon()
    try:
        load = CASES[arguments.case](daemon)
        _tell(_sample(daemon.pid, arguments.seconds, load))
    finally:
        daemon.stop()


if __name__ == "__main__":
    main()
