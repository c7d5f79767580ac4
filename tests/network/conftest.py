"""What the chosen tests wait for is played at once, before the first of these tests."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.network import at_once, measured, playing
from tests.network.lab.chat import RATE
from tests.network.measured import Measured
from tests.network.playing import Job, Results

CALM = RATE / 2
"""Messages that each side says in a second here: twenty scenes at once, and others beside them, are one load.

Where a case names a rate, or is about what a link carries, that is kept.
"""


def _calm(job: Job) -> Job:
    case, phase = job
    return (case if case.alive or case.rate != RATE else replace(case, rate=CALM)), phase


def _chosen(session: pytest.Session) -> list[Job]:
    found = (getattr(item, "callspec", None) for item in session.items)
    asked = [spec.params["job"] for spec in found if spec is not None and "job" in spec.params]
    ordered = [job for job in playing.jobs() if job in asked]
    return [_calm(job) for job in ordered if not playing.missing(job[0])]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tell what came of a test that is a coroutine."""
    if not at_once.is_one(pyfuncitem):
        return None
    outcome = at_once.outcome_of(pyfuncitem)
    if outcome.told:
        print(*outcome.told, sep="; ")  # noqa: T201 - what was measured
    if outcome.error is not None:
        raise outcome.error
    return True


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> Results:
    """Return what each scene showed, by its key; ``$CHATD_NETWORK_KEEP`` names a file that is to keep it."""
    outage = float(os.environ.get("CHATD_NETWORK_OUTAGE", playing.OUTAGE))
    results = asyncio.run(playing.play_all(_chosen(request.session), outage))
    keep = os.environ.get("CHATD_NETWORK_KEEP")
    if keep:
        measured.write(Path(keep), [one for one in results.values() if isinstance(one, Measured)])
    return results


@pytest.fixture
def scene(job: Job, played: Results) -> Measured:
    """Return what the scene of this test showed."""
    result = played[playing.key_of(job)]
    if isinstance(result, BaseException):
        raise result
    return result
