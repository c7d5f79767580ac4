"""chatc from its start to its end: the CPU time of one message, and of its help.

    python -m bench.chatc BEFORE [--rounds N]

compares the build of the checkout BEFORE with this one, in turn.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from bench.common import BenchError, Scale
from bench.pair import quartiles
from bench.results import Result, Row
from bench.server import LOOPBACK, ROOT, Daemon

COMMANDS: Final = {
    "`chatc send '#room' text`": ("send", "#room", "text"),
    "`chatc --help`": ("--help",),
}

_CHATC: Final = "import sys; from chatd.client.cli import main; sys.exit(main())"


def cost(root: Path, words: Sequence[str], state: Path, port: int) -> float:
    """Return the seconds of CPU that chatc of the checkout ``root`` takes; its profile is in ``state``."""
    own = root / ".venv" / "bin" / "python"
    command = [str(own) if own.exists() else sys.executable, "-P", "-c", _CHATC, *words]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(root), "XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": str(state)}
    environment |= {"CHATD_SERVER": f"{LOOPBACK}:{port}", "LOGNAME": state.name}
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    _, status, usage = os.wait4(os.posix_spawn(command[0], command, environment, file_actions=silent), 0)
    if status:
        raise BenchError(f"chatc {' '.join(words)} has failed")
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _served(scale: Scale) -> Iterator[tuple[Daemon, Path]]:
    """Give a daemon and a folder for profiles."""
    daemon, folder = Daemon(scale.folder), Path(tempfile.mkdtemp(prefix="chatd-bench-", dir=scale.folder))
    try:
        yield daemon, folder
    finally:
        daemon.stop()
        shutil.rmtree(folder)


def compare(roots: Sequence[Path], rounds: int, scale: Scale) -> dict[str, list[list[float]]]:
    """Return of each command what each round cost, for each of the checkouts ``roots``, which take turns."""
    with _served(scale) as (daemon, folder):
        return {
            name: [
                [cost(root, words, folder / f"user{place}", daemon.port) for place, root in enumerate(roots)]
                for _ in range(rounds + 1)  # in the first one modules are compiled, and the profile is made
            ][1:]
            for name, words in COMMANDS.items()
        }


def run(scale: Scale) -> Result:
    """Measure this build by itself."""
    found = compare([ROOT], scale.rounds, scale)
    rows = [
        Row(f"{name}, from start to end", "chatc", "ms CPU", tuple(1e3 * one for (one,) in rounds))
        for name, rounds in found.items()
    ]
    return Result("chatc", rows)


def main() -> None:
    """Compare two checkouts as the command line says, and print a row of a table for each command."""
    parser = argparse.ArgumentParser(prog="python -m bench.chatc", description=__doc__.split("\n")[0])
    parser.add_argument("before", type=Path, help="a checkout")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    print("| command | before | now | unit | ratio | its quartiles |\n|---|---|---|---|---|---|")
    found = compare([given.before.resolve(), ROOT], given.rounds, Scale(given.rounds, 0, 0))
    for name, rounds in found.items():
        before, now = zip(*rounds, strict=True)
        ratios = [after / first for first, after in rounds]
        low, high = quartiles(ratios)
        figures = f"{1e3 * median(before):.0f} | {1e3 * median(now):.0f} | ms CPU | {median(ratios):.3f}"
        print(f"| {name} | {figures} | {low:.3f} to {high:.3f} |")


if __name__ == "__main__":
    main()
