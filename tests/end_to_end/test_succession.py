"""Restarts that nobody hears: each way with real processes under load, nothing lost, nothing doubled.

By hand, with other figures: CHATD_CROWD="READERS RATE RESTARTS".
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from chatd.wire.messages import Event, Ok
from tests.end_to_end.harness.crowd import Crowd
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.disk import COMPILER, Disk
from tests.end_to_end.harness.processes import (
    LOOPBACK,
    PATIENCE,
    environment,
    script,
    wait_gone,
)
from tests.end_to_end.harness.program import Program, finished
from tests.end_to_end.harness.raw import sends
from tests.end_to_end.test_handed_over import CHATD, IN_PLACE

READERS, RATE, RESTARTS = (int(word) for word in os.environ.get("CHATD_CROWD", "3 50 1").split())


RETURN = 60.0
"""Seconds within which everybody has heard everything; a test fails long before it hangs."""


class Standing(Daemon):
    """A daemon without a pid file, whose process may be another one after a while."""

    handed: socket.socket | None = None

    @property
    def command(self):
        options = ["--config", str(self._config), "--data", str(self.data)]
        if self.handed is None:
            return [*script("chatd"), *options]
        return [sys.executable, "-c", IN_PLACE, str(self.handed.fileno()), *CHATD, *options]

    def write(self, endpoint, more=""):
        text = f'guests = "allowed"\nallow_plaintext = true\n[[listen]]\nendpoint = "{endpoint}"\n{more}'
        self._config.write_text(text)

    def await_crowd(self, generation):
        """Wait until everybody is in whom so many daemons in a row have let in."""
        self.await_said("client-in", generation * (READERS + 1), RETURN)
        if RATE > 1000:
            time.sleep(2)

    def launch(self):
        """Start it as a shell does: its successor is started by the same command line."""
        handed = () if self.handed is None else (self.handed.fileno(),)
        with self.log_file.open("ab") as log:
            self.process = Program(
                self.command,
                cwd=self.folder,
                env=environment(**self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=handed,
            )

    def upgrade(self):
        """Have another process take its place; return what chatctl says, and its status."""
        done = finished(
            [*script("chatctl"), "upgrade", "--data", str(self.data)],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=RETURN,
        )
        return done.returncode, done.stdout + done.stderr

    def successors(self, count):
        """Return the processes that took its place so far, once its log tells of so many."""
        return [int(line.partition("process=")[2]) for line in self.await_said("upgrade", count, RETURN)]


@pytest.fixture
def standing(tmp_path):
    daemon = Standing(tmp_path / "daemon")
    daemon.write(f"tcp:{daemon.port}:interface={LOOPBACK}")
    yield daemon
    for line in daemon.said("upgrade"):
        with suppress(ProcessLookupError):
            os.kill(int(line.partition("process=")[2]), signal.SIGKILL)
    daemon.end()
    assert not daemon.faults(), daemon.log


@pytest.fixture
def crowded():
    made = []

    def make(daemon):
        made.append(Crowd(daemon.port, READERS, RATE))
        return made[-1]

    yield make
    for crowd in made:
        crowd.close()


def check(crowd, restarts, refused=None):
    """Let the crowd end and check that everybody has heard all texts once and in order."""
    outcome = crowd.end(RETURN)
    expected = [str(number) for number in range(outcome.acknowledged)]
    assert [texts == expected for texts in outcome.readers] == [True] * READERS
    assert outcome.lost == restarts * READERS, "each restart ends each link once"
    if refused is not None:
        assert outcome.refused == refused
    silences = sorted(silence for each in outcome.silences for silence in each)[-restarts * READERS :]
    sys.stdout.write(f"\nsilences of {READERS} readers in {restarts} restarts: {silences}\n")


@pytest.fixture
def manager(tmp_path):
    """Return where a service manager hears how the service is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def told_until(manager, word):
    """Return what the service manager has heard since, once ``word`` is among it."""
    words = []
    end = time.monotonic() + RETURN
    while word not in words:
        assert time.monotonic() < end, words
        time.sleep(0.02)
        words += told(manager)
    return words


def told(manager):
    """Return everything that the service manager has heard since."""
    words = []
    with suppress(BlockingIOError):
        while True:
            words += manager.recv(4096).decode().splitlines()
    return words


def test_a_successor_takes_over_and_nobody_is_refused(standing, crowded, manager):
    standing.environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "600000000"}
    standing.start(RETURN)
    first = standing.pid
    crowd = crowded(standing)
    restarts = RESTARTS + 1  # a successor has a successor, too
    for generation in range(1, restarts + 1):
        standing.await_crowd(generation)
        status, said = standing.upgrade()
        assert status == 0, said + standing.log
        standing.await_said("start", generation + 1, RETURN)
        words = told_until(manager, f"MAINPID={standing.successors(generation)[-1]}")
        assert words[0] == "READY=1" or generation > 1
        assert "WATCHDOG=1" in words
        assert "STOPPING=1" not in words
    assert standing.wait() == 0
    standing.await_crowd(restarts + 1)
    check(crowd, restarts, refused=0)
    successors = standing.successors(restarts)
    assert len({first, *successors}) == restarts + 1
    os.kill(successors[-1], signal.SIGTERM)
    wait_gone(successors[-1], PATIENCE)
    assert len(standing.await_said("stop", restarts + 1, RETURN)) == restarts + 1
    assert "STOPPING=1" in told(manager)


def test_one_that_does_not_become_ready_changes_nothing(standing, connect):
    standing.start(RETURN)
    ann = connect(standing)
    ann.enter("ann")
    standing.write(f"tcp:{standing.port}:interface={LOOPBACK}", "[limits]\nmax_users = 'many'\n")
    status, said = standing.upgrade()
    assert status != 0
    assert "has ended before it was ready: " in said
    assert "limits.max_users" in said
    assert "limits.max_users" in standing.await_said("upgrade-failed")[0]
    ann.ping()
    standing.write(f"tcp:{standing.port}:interface={LOOPBACK}")
    assert standing.terminate() == 0


def free(folder):
    """Return whether no process has the data."""
    with (folder / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
@pytest.mark.parametrize("moment", ["before the data are free", "before it serves", "the old one"])
def test_whoever_dies_in_a_hand_over_the_other_one_serves(standing, connect, tmp_path, moment):
    disk = Disk(tmp_path)
    standing.environment = disk.environment
    standing.start(RETURN)
    ann = connect(standing)
    token = ann.enter("ann").token
    ann.join("#a")
    assert isinstance(ann.send("#a", "acknowledged", 1), Ok)
    disk.hang()
    ann.say(*sends("#a", ["on its way"], 2))  # the drain waits for it
    ann.ping()
    status, said = standing.upgrade()
    assert status == 0, said + standing.log
    (successor,) = standing.successors(1)
    standing.await_said("drain", 1, RETURN)
    if moment == "the old one":
        standing.kill()
        disk.go_on()
    elif moment == "before it serves":
        os.kill(successor, signal.SIGSTOP)
        disk.go_on()
        end = time.monotonic() + RETURN
        while not free(standing.data):
            assert time.monotonic() < end, standing.log
            time.sleep(0.02)
        os.kill(successor, signal.SIGKILL)
    else:
        os.kill(successor, signal.SIGKILL)
        disk.go_on()
    standing.await_said("start", 2, RETURN)
    again = connect(standing)
    last = again.enter(token=token, cursors={"#a": 0}).last
    if moment != "the old one":
        assert last == 2, "it was committed in the drain"
        assert "has ended before it served" in standing.await_said("upgrade-failed")[0]
    again.send("#a", "on its way", 2)
    assert isinstance(again.send("#a", "after", 3), Ok)
    ben = connect(standing)
    ben.enter("ben")
    ben.join("#a", after=0)
    heard = [ben.await_(Event, lambda event: event.kind == "message").text for _ in range(3)]
    assert heard == ["acknowledged", "on its way", "after"]
    if moment == "before it serves":  # it can be tried again
        status, said = standing.upgrade()
        assert status == 0, said + standing.log
        assert standing.wait() == 0


def test_systemds_socket_outlives_the_daemon_and_newcomers_wait(standing, crowded):
    with socket.create_server((LOOPBACK, standing.port), backlog=4096) as handed:
        standing.handed = handed
        standing.write("systemd:domain=INET:index=0")
        standing.start(RETURN)
        crowd = crowded(standing)
        for generation in range(1, RESTARTS + 1):
            standing.await_crowd(generation)
            assert standing.terminate() == 0
            standing.start(RETURN)
        standing.await_crowd(RESTARTS + 1)
        check(crowd, RESTARTS, refused=0)
        assert standing.terminate() == 0


def test_a_plain_restart_loses_nothing(standing, crowded):
    standing.start(RETURN)
    crowd = crowded(standing)
    for generation in range(1, RESTARTS + 1):
        standing.await_crowd(generation)
        assert standing.terminate() == 0
        standing.start(RETURN)
    standing.await_crowd(RESTARTS + 1)
    check(crowd, RESTARTS)
    assert standing.terminate() == 0


def test_a_unix_socket_of_systemd_keeps_its_mode_and_its_file(standing, tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as handed:
        handed.bind(str(path))
        path.chmod(0o660)
        handed.listen()
        standing.handed = handed
        standing.write("systemd:domain=UNIX:index=0")
        standing.launch()
        standing.await_said("start")
        assert path.stat().st_mode & 0o777 == 0o660
        assert standing.terminate() == 0
    assert Path(path).is_socket()
