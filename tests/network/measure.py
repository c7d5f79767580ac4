# ruff: noqa: T201 - this is a command
"""Measure cases from the command line.

python -m tests.network.measure [--outage S] [--runs N] [--keep FILE] [CASE or CASE-PHASE ...]
"""

import argparse
import asyncio
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from tests.network import measured
from tests.network.lab.machine import why_no_namespaces
from tests.network.measured import Measured
from tests.network.playing import OUTAGE, in_runs, jobs, missing, play_all


def main() -> None:
    """Play, print, and keep the results if told to."""
    parser = argparse.ArgumentParser(description="Measure what chatd does when networks fail.")
    parser.add_argument("--outage", type=float, default=OUTAGE, help="seconds from the cut to the heal")
    parser.add_argument("--runs", type=int, default=1, help="play each scene so often; none is played again")
    parser.add_argument("--keep", type=Path, help="a JSON file that the results are added to")
    parser.add_argument("cases", nargs="*", help="CASE or CASE-PHASE; all by default")
    options = parser.parse_args()
    if why_no_namespaces():
        parser.error(why_no_namespaces())
    wanted = [job for job in jobs(options.cases or None) if not missing(job[0])]
    begin = time.monotonic()
    once = options.runs > 1
    results = asyncio.run(play_all(in_runs(wanted, options.runs), options.outage, once=once))
    for key, result in results.items():
        show(key, result)
    print(f"{len(results)} scenes in {time.monotonic() - begin:.0f} s")
    if options.keep is not None:
        measured.write(options.keep, [one for one in results.values() if isinstance(one, Measured)])


def show(key: str, result: Measured | BaseException) -> None:
    """Print one result."""
    if isinstance(result, BaseException):
        print(f"== {key}: FAILED")
        traceback.print_exception(result)
        return
    figures = {name: value for name, value in asdict(result).items() if name != "lines" and value}
    print(f"== {key}:", *(f"{name}={value}" for name, value in figures.items()))
    print(*(f"      {line}" for line in result.lines), sep="\n")


if __name__ == "__main__":
    main()
