"""Playing many scenes at once: they mostly wait."""

import asyncio
import os
from collections.abc import Iterable
from typing import Final

from tests.network.cases import CASES, Case, Phase
from tests.network.lab import namespaces
from tests.network.lab.machine import why_no_namespaces
from tests.network.measured import Measured
from tests.network.scene import play

OUTAGE: Final = 15.0
"""Seconds from the cut to the heal."""

AT_ONCE: Final = 20
"""Scenes that play at the same time."""

STARTING: Final = max(2, os.cpu_count() or 1)
"""Scenes that are set up at the same time: the start of a Python is what costs most here."""

Job = tuple[Case, Phase]


def jobs(keys: Iterable[str] | None = None) -> list[Job]:
    """Return the cases with their phases, or those of ``keys`` (CASE or CASE-PHASE); long ones come first."""
    every = [(case, phase) for case in CASES for phase in case.phases]
    if keys is not None:
        wanted = set(keys)
        every = [job for job in every if {job[0].name, key_of(job)} & wanted]
    return sorted(every, key=lambda job: -(job[0].outage or OUTAGE))


def key_of(job: Job) -> str:
    """Return the name of a case in a phase."""
    return f"{job[0].name}-{job[1].value}"


def missing(case: Case) -> str:
    """Return why ``case`` cannot be played here, "" if it can."""
    return why_no_namespaces() or next((why for need in case.needs if (why := need())), "")


async def play_all(wanted: Iterable[Job], outage: float = OUTAGE) -> dict[str, Measured | BaseException]:
    """Play the scenes of ``wanted``; return by key what was measured, or what went wrong."""
    namespaces.sweep()
    places, starting = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(STARTING)

    async def one(number: int, case: Case, phase: Phase) -> Measured:
        async with places:
            return await play(case, phase, case.outage or outage, str(number), starting)

    every = list(wanted)
    played = [one(number, *job) for number, job in enumerate(every)]
    try:
        results = await asyncio.gather(*played, return_exceptions=True)
    finally:
        namespaces.sweep()
    return dict(zip(map(key_of, every), results, strict=True))
