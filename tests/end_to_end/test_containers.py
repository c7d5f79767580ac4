"""The daemon comes back after a crash where every start has the same number: real PID namespaces."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.harness.processes import LOOPBACK, ROOT, environment, script

UNSHARE = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]


@pytest.fixture(scope="module", autouse=True)
def namespaces():
    """Skip where no PID namespace can be made."""
    if shutil.which("unshare") is None or subprocess.run([*UNSHARE, "true"], check=False).returncode:
        pytest.skip("PID namespaces need root and util-linux")


WAYS = {
    "chatd": ["chatd"],
    "twistd in the foreground": ["twistd", "-n", "chatd"],
    "twistd with a pid file": ["twistd", "-n", "--pidfile", "chatd.pid", "chatd"],
}


def launch(daemon, way):
    options = daemon.command[daemon.command.index("chatd") + 1 :]
    name, *rest = way
    with daemon.log_file.open("ab") as log:
        daemon.process = subprocess.Popen(
            [*UNSHARE, *script(name), *rest, *options],
            cwd=daemon.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    daemon.await_ready()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_it_comes_back_after_a_crash(make_daemon, connect, way):
    daemon = make_daemon()
    for nick in ("ann", "ben", "cleo"):
        launch(daemon, way)
        connect(daemon).enter(nick)
        daemon.kill()  # and with it everything in the namespace
    assert "Another twistd" not in daemon.log


READ_ONLY = """
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,ro,bind /
shift
! touch /written 2>/dev/null || exit 99
exec unshare --user --map-user=54321 "$@"
"""
"""Runs a command as a user without an entry, where nothing can be written but in one folder, its volume."""


def test_it_comes_back_as_another_user_on_a_read_only_root(make_daemon, connect):
    daemon = make_daemon()
    options = daemon.command[daemon.command.index("chatd") + 1 :]
    environs = {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    inside = [*UNSHARE, "--mount", "sh", "-euc", READ_ONLY, "sh"]
    for starts, nick in enumerate(("ann", "ben", "cleo"), 1):
        with daemon.log_file.open("ab") as log:
            daemon.process = subprocess.Popen(
                [*inside, str(daemon.folder), *script("chatd"), *options],
                cwd=daemon.folder,
                env=environment(**environs),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        daemon.await_ready()
        connect(daemon).enter(nick)
        daemon.await_said("start", starts)
        daemon.kill()
    first = daemon.log.splitlines()[0]
    assert " info start " in first, "the first line is not that of a healthy start"
    assert daemon.log.count(" info start ") == 3


@pytest.mark.parametrize("lock", [0, 1])
def test_a_unix_socket_that_a_crash_left(make_daemon, lock):
    daemon = make_daemon()
    path = daemon.folder / "chat.sock"
    daemon.listen = (*daemon.listen, f"unix:{path}:lockfile={lock}")
    for _ in range(2):
        launch(daemon, WAYS["chatd"])
        daemon.kill()


def test_a_number_that_another_program_has(make_daemon, connect):
    daemon = make_daemon()
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        (daemon.folder / "chatd.pid").write_text(str(sleeper.pid))
        daemon.start()
        sleeper.kill()
    assert connect(daemon).enter("ann").nick == "ann"


def test_a_daemon_that_runs_is_still_found(daemon):
    first = daemon.pid
    command = [*daemon.command[:-1], f"tcp:0:interface={LOOPBACK}"]
    done = subprocess.run(command, cwd=daemon.folder, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert f"Another twistd server is running, PID {first}" in done.stdout + done.stderr
    os.kill(first, signal.SIGCONT)


def test_the_health_check_of_the_image_tells_a_daemon_that_answers_from_none(make_daemon):
    """The engine takes 0 for healthy and 1 for not; it may not be left to wait for a daemon that hangs."""
    recipe = (ROOT / "etc" / "Containerfile").read_text().replace("\\\n", " ")
    (check,) = re.findall(r"(?m)^HEALTHCHECK .* CMD (.*)$", recipe)
    (limit,) = re.findall(r"(?m)^HEALTHCHECK .*--timeout=(\d+)s ", recipe)
    (given,) = re.findall(r"\btimeout (\d+) ", check)
    assert int(given) < int(limit)
    daemon = make_daemon()
    assert "/data/chatd" in check
    check = check.replace("/data/chatd", str(daemon.data))
    path = f"{Path(script('chatctl')[0]).parent}:{os.environ['PATH']}"

    def status(patience):
        words = ["sh", "-c", check.replace(f"timeout {given}", f"timeout {patience}")]
        return subprocess.run(words, env=environment(PATH=path), capture_output=True, check=False).returncode

    assert status(60) == 1
    daemon.start()
    assert status(60) == 0
    daemon.signal(signal.SIGSTOP)
    assert status(2) == 1
    daemon.signal(signal.SIGCONT)
