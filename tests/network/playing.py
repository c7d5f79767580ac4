"""Playing many scenes at once: they mostly wait."""

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tests.network.at_once import all_of
from tests.network.cases import CASES, Case, Phase
from tests.network.judging import harm, slowness
from tests.network.lab.machine import why_no_namespaces
from tests.network.measured import Measured
from tests.network.scene import play

OUTAGE: Final = 15.0
"""Seconds from the cut to the heal."""

AT_ONCE: Final = 20
"""Scenes that play at the same time."""

AT_LEISURE: Final = 4
"""Scenes that play at the same time when times are measured again."""

STARTING: Final = max(2, os.cpu_count() or 1)
"""Scenes that are set up at the same time: the start of a Python is what costs most here."""

_NAP: Final = 0.1

Job = tuple[Case, Phase]
Results = dict[str, Measured | BaseException]


def jobs(keys: Iterable[str] | None = None) -> list[Job]:
    """Return the cases with their phases, or those of ``keys`` (CASE or CASE-PHASE); long ones come first."""
    every = [(case, phase) for case in CASES for phase in case.phases]
    if keys is not None:
        wanted = set(keys)
        every = [job for job in every if {job[0].name, key_of(job)} & wanted]
    return sorted(every, key=lambda job: -(job[0].outage or OUTAGE))


def key_of(job: Job) -> str:
    """Return the name of a case in a phase, and in which run if it is not the first."""
    case, phase = job
    return f"{case.name}-{phase.value}" + (f"-{case.run}" if case.run else "")


def missing(case: Case) -> str:
    """Return why ``case`` cannot be played here, "" if it can."""
    return why_no_namespaces() or next((why for need in case.needs if (why := need())), "")


def in_runs(wanted: Iterable[Job], runs: int) -> list[Job]:
    """Return the jobs of ``wanted`` so many times, with other packets lost each time."""
    return [(replace(case, run=run), phase) for case, phase in wanted for run in range(runs)]


async def play_all(wanted: Iterable[Job], outage: float = OUTAGE, *, once: bool = False) -> Results:
    """Play the scenes of ``wanted``; return by key what was measured, or what went wrong.

    Where nothing is wrong but times, the scene is played once more with little beside it: the machine may
    have been busy with others. What is late twice is late. With ``once`` all scenes are played with little
    beside them, and none again.
    """
    every = list(wanted)
    if once:
        return await _play(every, outage, AT_LEISURE)
    results = await _play(every, outage, AT_ONCE)
    late = {key_of(job): sentences for job in every if (sentences := _lateness(job, results[key_of(job)]))}
    again = await _play([job for job in every if key_of(job) in late], outage, AT_LEISURE)
    for key, found in again.items():
        if isinstance(found, Measured):
            found.first = late[key]
    return results | again


def _lateness(job: Job, found: Measured | BaseException) -> list[str]:
    case, phase = job
    if isinstance(found, BaseException) or harm(case, found):
        return []
    return slowness(case, phase, found)


async def _play(every: list[Job], outage: float, at_once: int) -> Results:
    starting = asyncio.Semaphore(STARTING)

    async def one(number: int, case: Case, phase: Phase) -> Measured:
        watch = asyncio.create_task(_watch_stalls(stalls := [0.0]))
        try:
            found = await play(case, phase, case.outage or outage, str(number), starting)
        finally:
            watch.cancel()
        found.stall = round(max(stalls), 2)
        return found

    results = await all_of((one(number, *job) for number, job in enumerate(every)), at_once)
    return dict(zip(map(key_of, every), results, strict=True))


async def _watch_stalls(stalls: list[float]) -> None:
    """Note by how much the loop came late."""
    while True:
        asleep = time.monotonic()
        await asyncio.sleep(_NAP)
        stalls[0] = max(stalls[0], time.monotonic() - asleep - _NAP)
