"""Faults of the machine lose nothing that was acknowledged, are told in three places, and heal by themselves.

The places are the log, the figures and ``chatctl status``. More of single faults is in test_full_disk.py and
test_hanging_disk.py; clocks are in tests/server/test_clock.py, a log that cannot be written in tests/ops.
"""

import resource
import signal
import socket
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from chatd.control.cli.asking import Answer
from chatd.control.messages import AskStatus
from chatd.control.rows import StatusReport
from chatd.wire.errors import Code
from chatd.wire.messages import Error, Event, Ok
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.disk import COMPILER, Disk
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, Deadline, free_port
from tests.end_to_end.harness.raw import Raw, sends

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")


class House:
    """A daemon with a disk that may fail, and ann and ben in a room of it."""

    def __init__(self, folder):
        self.disk = Disk(folder)
        self._figures = f"http://{LOOPBACK}:{(port := free_port())}"
        self.daemon = Daemon(folder / "daemon", f'[metrics]\nendpoint = "tcp:{port}:interface={LOOPBACK}"\n')
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(folder / "notify"))
        self.daemon.environment.update(
            self.disk.environment, NOTIFY_SOCKET=str(folder / "notify"), WATCHDOG_USEC="2000000"
        )
        self.daemon.start()
        self.ann, self.ben = Raw(dial(self.daemon.port)), Raw(dial(self.daemon.port))
        self.ann.enter("ann")
        self.ben.enter("ben")
        self.ann.join("#a")
        self.ben.join("#a")
        self.said = 0

    def close(self):
        self.ann.close()
        self.ben.close()
        assert self.daemon.terminate() == 0
        self._manager.close()
        assert not self.daemon.faults()

    def meals(self):
        """Return how often the watchdog has been fed since this was asked."""
        count = 0
        with suppress(BlockingIOError):
            while True:
                count += self._manager.recv(4096, socket.MSG_DONTWAIT) == b"WATCHDOG=1"
        return count

    def await_meal(self):
        """Wait until the watchdog is fed."""
        deadline = Deadline(60)
        while not self.meals():
            deadline.check("the watchdog's meal")
            time.sleep(0.05)

    def status(self):
        (row,) = Answer(self.daemon.data, AskStatus())
        return msgspec.json.decode(bytes(row), type=StatusReport)

    def page(self, name):
        try:
            with urllib.request.urlopen(f"{self._figures}/{name}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def figure(self, name):
        for line in self.page("metrics")[1].splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise AssertionError(name)

    def send(self):
        """Say the next text; return the answer."""
        answer = self.ann.send("#a", str(self.said), self.said + 1)
        self.said += isinstance(answer, Ok)
        return answer

    def heals(self):
        """Wait until texts are taken again."""
        deadline = Deadline(60)
        while not isinstance(self.send(), Ok):
            deadline.check("a text to be taken")
            time.sleep(0.05)
        while self.page("readyz")[0] != 200:
            deadline.check("readyz")
        assert not self.status().limited


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    heard = [made.ben.await_(Event, lambda event: event.kind == "message").text for _ in range(made.said)]
    assert heard == [str(number) for number in range(made.said)]
    made.close()


def full(house):
    hard = resource.prlimit(house.daemon.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(house.daemon.pid, resource.RLIMIT_FSIZE, (4096, hard))


def room_again(house):
    hard = resource.prlimit(house.daemon.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(house.daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))


REFUSING = {
    "a full disk": (full, room_again, "raise the limit"),
    "flushes that fail": (
        lambda house: house.disk.fail(),
        lambda house: house.disk.mend(),
        "Input/output error",
    ),
    "a read-only folder": (
        lambda house: house.disk.read_only.touch(),
        lambda house: house.disk.read_only.unlink(),
        "Read-only file system",
    ),
}


@pytest.mark.parametrize("fault", REFUSING)
def test_a_disk_that_takes_nothing(house, fault):
    begin, end, why = REFUSING[fault]
    broken, failed = len(house.daemon.said("store-broken")), house.figure("chatd_commits_failed_total")
    assert isinstance(house.send(), Ok)
    begin(house)
    try:
        answer = house.send()
        assert isinstance(answer, Error)
        assert answer.code == Code.STORAGE_UNAVAILABLE
        assert house.figure("chatd_commits_failed_total") > failed
        assert house.figure("chatd_ready") == 0
        assert house.page("readyz")[0] == 503
        assert any("nothing can be written" in line for line in house.status().limited)
    finally:
        end(house)
    house.heals()
    assert why in house.daemon.await_said("store-broken", broken + 1)[broken]  # the log could not grow either
    assert len(house.daemon.await_said("store-mended", broken + 1)) == broken + 1


def test_a_disk_that_hangs(house):
    assert isinstance(house.send(), Ok)
    house.disk.hang()
    try:
        house.ann.say(*sends("#a", [str(house.said)], house.said + 1))
        house.said += 1
        house.daemon.await_said("store-waits")
        assert house.figure("chatd_commit_waiting_seconds") >= 5
        assert house.figure("chatd_ready") == 0
        assert any("has not answered for" in line for line in house.status().limited)
        assert not house.daemon.said("store-slow")
        house.meals()
        time.sleep(1.5)
        assert house.meals() == 0, "the writing thread does not move"
    finally:
        house.disk.go_on()
    house.await_meal()
    assert house.ann.await_(Ok, lambda ok: ok.seq is not None)
    house.heals()
    assert len(house.daemon.await_said("store-slow")) == 1
    assert len(house.daemon.said("store-waits")) == 1


def test_a_process_that_stood(house):
    stalled = len(house.daemon.said("stalled"))
    house.daemon.signal(signal.SIGSTOP)
    time.sleep(0.5)
    house.meals()
    time.sleep(1.5)
    assert not house.meals()
    house.daemon.signal(signal.SIGCONT)
    house.daemon.await_said("stalled", stalled + 1)
    house.await_meal()
    deadline = Deadline()  # the stall that the log told of may be one before
    while house.figure("chatd_stall_seconds_max") < 1:
        deadline.check("the stall in the figures")
    assert house.status().longest_stall >= 1
    house.heals()


@contextmanager
def few_descriptors(house):
    soft, hard = resource.prlimit(house.daemon.pid, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{house.daemon.pid}/fd").iterdir()))
    resource.prlimit(house.daemon.pid, resource.RLIMIT_NOFILE, (used + 10, hard))
    held = [socket.create_connection((LOOPBACK, house.daemon.port)) for _ in range(40)]
    try:
        yield
    finally:
        for one in held:
            one.close()
        resource.prlimit(house.daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))


def test_no_descriptor_is_left(house):
    with few_descriptors(house):
        house.daemon.await_said("accept-failed")
        assert isinstance(house.send(), Ok), "who is in goes on"
    house.heals()
    assert house.figure("chatd_accepts_failed_total") > 0
    assert house.status().failed_accepts > 0
