"""The console scripts, by interpreters of their own; what is forked instead is like them."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.harness.forkserver import CLONE
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, environment, script
from tests.end_to_end.harness.program import Program, finished

FORKS = pytest.mark.skipif(CLONE is None, reason="programs are forked on Linux alone")


@pytest.fixture
def alone(monkeypatch):
    """Have every program started by an interpreter of its own."""
    monkeypatch.setenv("CHATD_EXEC", "1")


def command_line(process):
    """Return the words of the command that ``process`` has run."""
    return Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")


@pytest.mark.parametrize("name", ["twistd", "chatd"])
def test_the_daemon_and_the_client(alone, make_daemon, tmp_path, name):
    """From the start over what most people use to the end."""
    daemon = make_daemon()
    if name == "chatd":
        options = daemon.command[daemon.command.index("chatd") + 1 :]
        with daemon.log_file.open("ab") as log:
            how = {"env": environment(), "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            daemon.process = Program([*script("chatd"), *options], cwd=daemon.folder, **how)
        daemon.await_ready()
    else:
        daemon.start()
    server = ("--server", f"{LOOPBACK}:{daemon.port}", "--state", "state")

    def chatc(*arguments, given=""):
        done = finished(
            [*script("chatc"), *server, *arguments],
            cwd=tmp_path,
            env=environment(),
            given=given,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "file").write_bytes(b"content")
    chatc("send", "#a", "hello")
    assert "hello" in chatc("history", "#a")
    assert command_line(daemon)[1:2] == script(name)
    if name == "chatd":
        assert daemon.terminate() == 0
        return
    chatc("send", "#a", given="one\ntwo\n")
    posted = json.loads(chatc("put", "#a", "file", "--json").splitlines()[-1])
    chatc("get", "#a", str(posted["seq"]), "-o", "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"
    said = [
        json.loads(line)
        for line in chatc("tail", "#a", "--json", "--since", "0", "--count", "3").splitlines()
    ]
    assert [one["text"] for one in said if one["kind"] == "message"] == ["hello", "one", "two"]
    assert "#a" in chatc("rooms")
    assert "talked" in chatc("talk", "#a", given="talked\n")
    assert "typed" in chatc(given="/join #a\ntyped\n")
    assert daemon.terminate() == 0


COMMANDS = [
    ("chatc", "--help"),
    ("chatc", "--ephemeral", "--profile", "x", "rooms"),
    ("chatctl", "--help"),
    ("chatd", "--listen", "nonsense", "--data", "data"),
    ("twistd", "-n", "--pidfile=", "chatd", "--no-such-option"),
]


@FORKS
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_forked_says_and_returns_what_the_script_does(tmp_path, monkeypatch, command):
    def outcome():
        words = [*script(command[0]), *command[1:]]
        done = finished(words, cwd=tmp_path, env=environment(), capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    forked = outcome()
    monkeypatch.setenv("CHATD_EXEC", "1")
    assert outcome() == forked


TELL = """
import os, sys
sys.stdin.read()
print(__name__, sys.argv, sys.orig_argv, sys.path[:2], os.getcwd(), sorted(os.sched_getaffinity(0)))
sys.exit(3)
"""


@FORKS
@pytest.mark.parametrize("manner", ["-c", "-m"])
def test_a_forked_interpreter_is_like_a_new_one(tmp_path, monkeypatch, manner):
    (tmp_path / "told.py").write_text(TELL)

    def outcome():
        words = [sys.executable, manner, {"-c": TELL, "-m": "told"}[manner], "one", "-m", "two"]
        done = finished(words, cwd=tmp_path, env=environment(), given="", capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    forked = outcome()
    monkeypatch.setenv("CHATD_EXEC", "1")
    assert outcome() == forked
    assert forked[0] == 3


@FORKS
def test_what_is_forked_is_a_process_of_its_own(daemon, tmp_path):
    """It has its own number, session, limits, folder and descriptors, and obeys signals."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = (limits[0] // 2, limits[1])
    kept, passed = os.pipe()
    resource.setrlimit(resource.RLIMIT_NOFILE, low)
    try:
        process = Program(
            [*script("chatc"), "--ephemeral", "--server", f"{LOOPBACK}:{daemon.port}", "tail", "#a"],
            cwd=tmp_path,
            env=environment(ODD="odd"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=[passed],
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    with process:
        assert process.stderr.readline()  # nothing is kept
        assert "forkserver" in " ".join(command_line(process))
        assert os.getsid(process.pid) == process.pid != os.getpid()
        assert Path(f"/proc/{process.pid}/cwd").readlink() == tmp_path
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == low
        assert (
            Path(f"/proc/{process.pid}/fd/{passed}").readlink() == Path(f"/proc/self/fd/{passed}").readlink()
        )
        assert kept not in map(int, os.listdir(f"/proc/{process.pid}/fd"))  # noqa: PTH208 - numbers
        process.terminate()
        assert process.wait(PATIENCE) in {-signal.SIGTERM, 130}  # before chatc listens to it, and after
    os.close(kept)
    os.close(passed)
