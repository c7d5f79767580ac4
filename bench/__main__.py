"""The command ``python -m bench NAME… [--smoke]``."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import (
    ack,
    catchup,
    chatc,
    connections,
    document,
    durable,
    facts,
    fanout,
    files,
    grown,
    growth,
    history,
    idle,
    paced,
    plots,
    restart,
    resume,
    rooms,
    search,
    slow,
    small,
    tls,
    turns,
)
from bench.common import BenchError, Scale
from bench.process import cores
from bench.results import Result, markdown

BENCHMARKS: dict[str, Callable[[Scale], Result]] = {
    "durable": durable.run,
    "fanout": fanout.run,
    "small": small.run,
    "paced": paced.run,
    "rooms": rooms.run,
    "ack": ack.run,
    "catchup": catchup.run,
    "tls": tls.run,
    "resume": resume.run,
    "restart": restart.run,
    "idle": idle.run,
    "chatc": chatc.run,
    "connections": connections.run,
    "growth": growth.run,
    "grown": grown.run,
    "slow": slow.run,
    "files": files.run,
    "turns": turns.run,
    "history": history.run,
    "search": search.run,
}

_SMOKE = Scale(rounds=1, seconds=0.3, long=1.0, smoke=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure chatd; docs/PERFORMANCE.md tells how."
    )
    parser.add_argument("names", nargs="+", choices=[*BENCHMARKS, "all"], metavar="NAME")
    parser.add_argument("--smoke", action="store_true", help="small and short; checks that all arrives")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved runs of each figure")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run of constant load")
    parser.add_argument("--long", type=float, default=60.0, help="length of the run with a slow reader")
    parser.add_argument("--folder", type=Path, help="where servers keep their data while they run")
    parser.add_argument("--count", type=int, default=0, help="connections that `connections` makes")
    return parser.parse_args()


def _scale(arguments: argparse.Namespace) -> Scale:
    if arguments.smoke:
        return _SMOKE
    return Scale(
        arguments.rounds,
        arguments.seconds,
        arguments.long,
        count=arguments.count,
        folder=arguments.folder,
    )


def _report(results: list[Result], scale: Scale) -> str:
    if scale.smoke:
        table = markdown(results, judge=False)
        return f"Everything arrived once, in order. The figures mean nothing.\n\n{table}"
    head = [f"Measured {time.strftime('%Y-%m-%d')}, medians of {scale.rounds} interleaved runs.", ""]
    head += [f"- {fact}" for fact in facts.machine(scale.folder)]
    return "\n".join([*head, "", markdown(results)])


def _run(names: list[str], scale: Scale) -> tuple[list[Result], int]:
    """Return the results of the benchmarks ``names``, and how many had none."""
    results = []
    for name in names:
        print(f"{name} …", file=sys.stderr)
        try:
            results.append(BENCHMARKS[name](scale))
        except (BenchError, OSError) as error:
            print(f"bench: {name}: {error}", file=sys.stderr)
    return results, len(names) - len(results)


def main() -> int:
    """Run the benchmarks that the command line names, print their table, and keep it after ``all``."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that whoever is started is ended
    scale = _scale(arguments)
    keep = "all" in arguments.names and not scale.smoke
    os.sched_setaffinity(0, {cores().generator})
    results, failed = _run(list(BENCHMARKS) if "all" in arguments.names else arguments.names, scale)
    for result in results:
        if keep and result.curves.cost:
            result.notes += plots.draw(result.curves, document.PAGE.parent)
    report = _report(results, scale)
    print(report)
    if keep:
        document.update(report)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
