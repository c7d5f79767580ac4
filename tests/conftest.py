"""What every test gets: a failure that the code logged fails the test that caused it."""

import gc
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from _pytest import unittest
from hypothesis import HealthCheck, settings
from twisted.logger import LogEvent, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests import log_schema

HERE = Path(__file__).parent

# How long an example takes says how busy the machine is. In CI the examples are the same every time.
BUSY = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("here", max_examples=40, **BUSY)
settings.register_profile("ci", max_examples=25, derandomize=True, **BUSY)
settings.register_profile("thorough", max_examples=200, **BUSY)
settings.load_profile(os.environ.get("CHATD_EXAMPLES") or ("ci" if os.environ.get("CI") else "here"))

# What is imported and collected stays to the end: nobody looks through it meanwhile for what is garbage.
gc.disable()

# A run that a shell has put into the background ignores Ctrl-C, and so would each program that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Pytest 9.2 reads the metadata of Twisted for each test anew, which takes longer than most of ours.
if hasattr(unittest, "_get_twisted_version"):
    unittest._get_twisted_version = cache(unittest._get_twisted_version)

SLOW = (
    *("end_to_end/", "network/", "faults/", "hostile/", "test_bench_smoke.py", "test_packaging.py"),
    *(
        "cluster/test_engine.py",
        "cluster/test_cluster.py",
        "cluster/test_durability.py",
        "cluster/test_snapshots.py",
    ),
    *("irc/real/", "test_conftest.py", "ops/test_signals.py", "ops/test_tap.py", "ops/test_twistd.py"),
)
"""Folders and files whose tests start programs, or take their time."""

SHARING = ("page/", "browser/")
"""Folders whose tests share the programs that they start: they are slow, but are not given out one by one."""

SCENES = {
    "tests/network/test_black_hole.py": "at once",
    "tests/network/test_foreign_clients.py": "at once",
    "tests/network/test_nearby.py": "at once",
    "tests/network/test_settling.py": "at once",
    "tests/network/": "network",
    "tests/end_to_end/test_files.py::test_a_hundred_mebibytes": "network",
    "tests/browser/": "network",
    "tests/test_bench_smoke.py": "benchmarks",
}
"""What is measured by the clock, by how its names begin: one process plays a group, one after the other.

The benchmarks are a group because the first of their tests starts all of them, in each process that plays
any. Browsers would each be started once more in each process that looks through one, and take both cores: so
they do not run beside files and chat that share a link.
"""

MEASURED = (
    "tests/network/test_files.py",
    "tests/network/test_outages.py",
    "tests/end_to_end/test_files.py::test_a_hundred_mebibytes",
)
"""What measures delays, by how its names begin: few others run beside it, and it begins first."""

GIVES_WAY = {None: 10, "at once": 5, "benchmarks": 10}
"""By how much what runs beside the scenes of the network gives way to them (nice), by its group."""

NICE = os.getpriority(os.PRIO_PROCESS, 0)

PROGRAMS = {"make_daemon", "daemon", "start_chatc", "chatc"}
"""Fixtures that start programs."""


MACHINES = (
    *("namespace", "can be made", "iptables does not work", "mounted", "/dev/net/tun", "tbf", "IPv6"),
    *("start in a container", "overlayfs", "this system", "fortune packages that are installed"),
)
"""Words of the reasons to skip a test that lie with a kernel or a release: no package that is missing."""


def group_of(name: str) -> str | None:
    """Return the group of scenes that the test of that name belongs to."""
    return next((group for start, group in SCENES.items() if name.startswith(start)), None)


def measures(name: str) -> bool:
    """Return whether the test of that name measures delays, which those of a busy machine would spoil."""
    return name.startswith(MEASURED)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each group of scenes to one process, and any other test to whoever is free, in their order.

    ``--dist=loadgroup`` would be for that; pytest-xdist 3.8 does not find the groups with pytest 9.2.
    """
    from tests.scheduling import Scheduling  # noqa: PLC0415 - pytest-xdist need not be there

    def is_slow(name: str) -> bool:
        return name.removeprefix("tests/").startswith(SLOW)

    return Scheduling(config, log, group_of, is_slow, measures, (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts programs as slow; let the scenes begin first, the longest of them first, then that."""
    for item in items:
        place = item.path.relative_to(HERE).as_posix()
        if place.startswith((*SLOW, *SHARING)) or PROGRAMS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    length = Counter(group for item in items if (group := group_of(item.nodeid)))
    items.sort(
        key=lambda item: (
            -length[group_of(item.nodeid) or ""],
            not measures(item.nodeid),
            item.get_closest_marker("slow") is None,
        )
    )


def pytest_collection_finish() -> None:
    """Have the collector of garbage pass over the tests, which stay to the end."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    """Let what runs beside the scenes of the network give way to them; only root can take it back."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, NICE + GIVES_WAY.get(group_of(item.nodeid), 0))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[Any]:
    """Let nothing be skipped unnoticed where ``CHATD_SKIPS=fail`` says that all is there that tests want."""
    report = yield
    if report.skipped and os.environ.get("CHATD_SKIPS") == "fail":
        *_, reason = report.longrepr
        if not any(word in reason for word in MACHINES):
            report.outcome, report.longrepr = "failed", f"{reason}, though all that tests want should be here"
    return report


Flush = Callable[..., list[Failure]]


class _Logged:
    """The events of one test, and those of its failures that the test expected."""

    def __init__(self, events: Sequence[LogEvent]) -> None:
        self.events = events
        self._flushed: list[Failure] = []

    def failures(self) -> list[Failure]:
        found = [event["log_failure"] for event in self.events if "log_failure" in event]
        return [failure for failure in found if not any(failure is known for known in self._flushed)]

    def flush(self, *kinds: type[BaseException]) -> list[Failure]:
        # A Deferred reports its error when it is collected; errors sit in cycles with their tracebacks.
        gc.collect(1)
        found = [failure for failure in self.failures() if not kinds or failure.check(*kinds)]
        self._flushed += found
        return found


@pytest.fixture(autouse=True)
def _logged(request: pytest.FixtureRequest) -> Iterator[_Logged | None]:
    if isinstance(request.instance, SynchronousTestCase):
        yield None  # trial watches the log by itself
        return
    with capturedLogs() as events:
        logged = _Logged(events)
        yield logged
        left = logged.flush()
        wrong = log_schema.faults(events)
    if left:
        pytest.fail("the code logged a failure:\n" + "\n".join(failure.getTraceback() for failure in left))
    if wrong:
        pytest.fail(
            "etc/chatd.log.schema.json does not say what was logged; tools/log_schema.py writes it:\n"
            + "\n".join(wrong)
        )


@pytest.fixture
def flush_failures(_logged: _Logged) -> Flush:
    """Return a function that takes the failures logged so far, of the given kinds, and returns them."""
    return _logged.flush


@pytest.fixture
def logged_events(_logged: _Logged) -> Sequence[LogEvent]:
    """Return the list that every event logged during the test is added to."""
    return _logged.events
