"""Nobody reads the log: chat goes on, SIGTERM ends the daemon, and what could not be written is counted."""

import fcntl
import gzip
import os
import re
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import termios
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from chatd.wire.messages import Event, Hello, Ok, Welcome
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, environment, script, wait_gone
from tests.end_to_end.harness.program import Program, run

ROOT = Path(__file__).parents[2]

LOGINS = 60
"""Logins whose lines are more than a small pipe, a system log and a terminal hold."""


def launch(daemon, output, *twistd, **variables):
    """Start ``daemon`` with its output there, in the foreground and without a pid file."""
    command = daemon.command
    options = command[command.index("chatd") :]
    daemon.process = Program(
        [*script("twistd"), "-n", "--pidfile=", *twistd, *options],
        cwd=daemon.folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    daemon.await_ready()
    return daemon


def launch_with(observer, daemon, output):
    """Start ``daemon`` with one of the observers that lie in its folder."""
    path = f"{ROOT}:{daemon.folder}"
    return launch(daemon, output, "--logger", f"foreign_logger.{observer}", PYTHONPATH=path)


def log_in(connect, daemon, count=LOGINS):
    """Enter and leave ``count`` times."""
    for n in range(count):
        client = connect(daemon)
        client.enter(f"nick{n}")
        client.close()


def small_pipe():
    """Return the two ends of a pipe that holds a page."""
    ends = os.pipe()
    assert fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096) == 4096
    return ends


@pytest.fixture
def pipe():
    ends = small_pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_pipe_that_nobody_empties(make_daemon, connect, pipe):
    daemon = launch(make_daemon(), pipe[1])
    log_in(connect, daemon)
    began = time.monotonic()
    assert daemon.terminate() == 0
    assert time.monotonic() - began < 5


def test_a_pipe_whose_reader_comes_back(make_daemon, connect):
    reader, writer = small_pipe()
    daemon = launch(make_daemon(), writer)
    os.close(writer)
    log_in(connect, daemon)
    with os.fdopen(reader, "rb") as end, ThreadPoolExecutor() as pool:
        lines = pool.submit(end.read)
        assert daemon.terminate() == 0
        said = lines.result(20)
    assert said.count(b" info client-in ") == LOGINS
    assert b" info stop" in said


def test_a_pipe_whose_reader_is_gone(make_daemon, connect):
    reader, writer = os.pipe()
    daemon = launch(make_daemon(), writer)
    os.close(writer)
    os.close(reader)
    log_in(connect, daemon, 20)
    assert daemon.terminate() == 0


LOUD = """
import sys
from twisted.logger import textFileLogObserver
def loud():
    return textFileLogObserver(sys.stdout)
def old():
    return lambda event: print(event, file=sys.__stdout__, flush=True)
def broken():
    def observe(event):
        raise RuntimeError("broken")
    return observe
"""


@pytest.fixture
def foreign(make_daemon):
    """Return a daemon beside which lies a module with observers that are not ours."""
    daemon = make_daemon()
    (daemon.folder / "foreign_logger.py").write_text(LOUD)
    return daemon


@pytest.mark.parametrize("observer", ["loud", "old"])
def test_a_foreign_logger_whose_reader_does_not_read(foreign, connect, pipe, observer):
    daemon = launch_with(observer, foreign, pipe[1])
    log_in(connect, daemon)
    began = time.monotonic()
    assert daemon.terminate() == 0
    assert time.monotonic() - began < 5


def test_a_foreign_logger_gets_everything(foreign, connect, tmp_path):
    with (tmp_path / "out").open("wb") as out:
        daemon = launch_with("loud", foreign, out)
        log_in(connect, daemon, 20)
        assert daemon.terminate() == 0
    said = (tmp_path / "out").read_bytes()
    assert said.count(b"client-in") == 20
    assert b"#info] stop" in said


def test_a_foreign_logger_that_is_broken(foreign, connect):
    daemon = launch_with("broken", foreign, subprocess.DEVNULL)
    log_in(connect, daemon, 20)
    assert daemon.terminate() == 0


def test_a_terminal_after_ctrl_s(make_daemon, connect):
    master, terminal = os.openpty()
    daemon = launch(make_daemon(), terminal)
    termios.tcflow(terminal, termios.TCOOFF)
    log_in(connect, daemon, 50)
    assert daemon.terminate() == 0
    os.close(terminal)
    os.close(master)


def test_a_terminal_that_is_closed(make_daemon, connect):
    master, terminal = os.openpty()
    daemon = launch(make_daemon(), terminal)
    os.close(terminal)
    os.close(master)
    daemon.signal(signal.SIGHUP)
    log_in(connect, daemon, 20)
    assert daemon.terminate() == 0


def test_a_full_disk(make_daemon, connect):
    daemon = launch(make_daemon(), subprocess.DEVNULL, "--logfile", "/dev/full")
    log_in(connect, daemon, 20)
    assert daemon.terminate() == 0


HARMLESS = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGPIPE]
MODES = {
    "foreground": ("-n",),
    "foreground with a file": ("-n", "--logfile", "chatd.log"),
    "foreground with syslog": ("-n", "--syslog"),
    "foreground with a logger": ("-n", "--logger", "chatd.ops.json_lines"),
    "foreground with a logger of Twisted": ("-n", "--logger", "twisted.logger.LogPublisher"),
    "background": (),
    "background with a file": ("--logfile", "chatd.log"),
    "background with syslog": ("--syslog",),
    "background with a logger": ("--logger", "chatd.ops.json_lines"),
}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
def test_no_signal_does_harm(make_daemon, connect, mode):
    daemon = make_daemon()
    options = daemon.command[daemon.command.index("chatd") :]
    pid_file = daemon.folder / "chatd.pid"
    command = [*script("twistd"), *mode, "--pidfile", str(pid_file), *options]
    if "-n" in mode:
        with daemon.log_file.open("ab") as log:
            daemon.process = Program(
                command,
                cwd=daemon.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        daemon.await_ready()
    else:
        assert run(*command, cwd=daemon.folder).returncode == 0
    pid = int(pid_file.read_text())
    try:
        for number in HARMLESS:
            os.kill(pid, number)
            connect(daemon).enter(number.name.lower())
        log_file = daemon.folder / "twistd.log" if not set(mode) & {"-n", "--logfile"} else daemon.log_file
        if "--syslog" not in mode and "twisted.logger.LogPublisher" not in mode:
            deadline = Deadline(PATIENCE)
            while not {"SIGHUP", "SIGUSR1"} <= set(re.findall("SIG[A-Z0-9]+", log_file.read_text())):
                deadline.check(f"the signals in {log_file.read_text()}")
                time.sleep(0.01)
    finally:
        os.kill(pid, signal.SIGTERM)
        if daemon.process is not None:
            assert daemon.wait() == 0
        else:
            wait_gone(pid, 20)
    assert not pid_file.exists()


def test_a_signal_opens_the_log_anew_and_stands_in_the_new_one(make_daemon):
    daemon = launch(make_daemon(), subprocess.DEVNULL, "--logfile", "chatd.log")
    for number in (signal.SIGHUP, signal.SIGUSR1):
        daemon.await_said("start" if number == signal.SIGHUP else "signal")
        daemon.log_file.rename(daemon.folder / f"old.{number}")
        daemon.signal(number)
        assert number.name in daemon.await_said("signal")[0]
    assert daemon.terminate() == 0


def rotate(pid_file):
    """Do what etc/chatd.logrotate has logrotate do when it has moved the file away."""
    recipe = (ROOT / "etc" / "chatd.logrotate").read_text()
    commands = recipe.partition("postrotate")[2].partition("endscript")[0]
    assert "/run/chatd/twistd.pid" in commands
    commands = commands.replace("/run/chatd/twistd.pid", str(pid_file))
    assert subprocess.run(["sh", "-e", "-c", commands], check=False).returncode == 0


LOGROTATE = shutil.which("logrotate")


@pytest.mark.skipif(LOGROTATE is None or shutil.which("pkill") is None, reason="needs logrotate and pkill")
def test_logrotate_under_load_loses_no_line(make_daemon, connect, tmp_path):
    daemon = launch(make_daemon(), subprocess.DEVNULL, "--logfile", "chatd.log")
    pid_file = tmp_path / "daemon.pid"
    pid_file.write_text(f"{daemon.pid}\n")
    recipe = (ROOT / "etc" / "chatd.logrotate").read_text().replace("/run/chatd/twistd.pid", str(pid_file))
    recipe = recipe.replace("/var/log/chatd/chatd.log", str(daemon.log_file))
    conf = tmp_path / "logrotate.conf"
    conf.write_text(recipe)
    conf.chmod(0o644)
    daemon.folder.chmod(0o755)
    over, nicks = threading.Event(), []

    def come_and_go():
        while not over.is_set():
            nicks.append(f"nick{len(nicks)}")
            one = connect(daemon)
            one.enter(nicks[-1])
            one.close()

    load = threading.Thread(target=come_and_go)
    load.start()
    daemon.await_said("client-in")  # logrotate leaves a file alone that is still empty
    for turn in range(1, 4):
        done = subprocess.run(
            [LOGROTATE, "-f", "-s", str(tmp_path / "state"), str(conf)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        daemon.await_said("signal")
        assert (daemon.folder / f"chatd.log.{turn}{'.gz' if turn > 1 else ''}").exists()
    over.set()
    load.join(60)
    assert daemon.terminate() == 0
    files = sorted(daemon.folder.glob("chatd.log*"))
    texts = [gzip.decompress(f.read_bytes()).decode() if f.suffix == ".gz" else f.read_text() for f in files]
    logged = [nick for text in texts for nick in re.findall(r" client-in .* nick=(\S+)", text)]
    assert sorted(logged) == sorted(nicks)
    assert "log-dropped" not in "".join(texts)


@pytest.mark.skipif(shutil.which("pkill") is None, reason="needs pkill")
def test_log_rotation_reaches_the_daemon_and_nobody_else(make_daemon, tmp_path):
    pid_file = tmp_path / "daemon.pid"
    rotate(pid_file)
    stranger = subprocess.Popen(["sleep", "60"])
    pid_file.write_text(f"{stranger.pid}\n")
    rotate(pid_file)
    assert stranger.poll() is None
    daemon = launch(make_daemon(), subprocess.DEVNULL, "--logfile", "chatd.log")
    daemon.log_file.rename(tmp_path / "old")
    pid_file.write_text(f"{daemon.pid}\n")
    rotate(pid_file)
    assert "SIGUSR1" in daemon.await_said("signal")[0]
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert daemon.terminate() == 0


DEVICES = """
mount -t tmpfs none "$1"
for name in null zero full random urandom; do
    touch "$1/$name"
    mount --bind "/dev/$name" "$1/$name"
done
touch "$1/log"
mount --bind "$2" "$1/log"
mount --rbind "$1" /dev
"""
"""Gives a mount namespace a /dev of its own, with the system log of a socket elsewhere."""


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
def test_a_system_log_that_nobody_reads(make_daemon, connect, tmp_path):
    daemon = make_daemon()
    options = daemon.command[daemon.command.index("chatd") :]
    words = [*script("twistd"), "-n", "--pidfile=", "--syslog", *options]
    devices = tmp_path / "dev"
    devices.mkdir()
    program = f"{DEVICES}exec {shlex.join(words)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system_log:
        system_log.settimeout(10)
        system_log.bind(str(tmp_path / "log"))
        daemon.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-e", "-c", program, "sh", str(devices), str(tmp_path / "log")],
            cwd=daemon.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
        )
        daemon.await_ready()
        log_in(connect, daemon)
        assert b"info start " in system_log.recv(4096)
        began = time.monotonic()
        assert daemon.terminate() == 0
        assert time.monotonic() - began < 5


def lets_in(raw, nick):
    with suppress(OSError):
        raw.say(Hello(nick=nick))
        return isinstance(raw.hear(), Welcome)
    return False


def test_no_descriptors_is_one_line_and_who_is_in_goes_on(make_daemon, connect):
    daemon = launch(make_daemon(), subprocess.DEVNULL, "--logfile", "chatd.log")
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#a")
    _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (40, hard))
    held = [socket.create_connection((LOOPBACK, daemon.port)) for _ in range(300)]
    daemon.await_said("accept-failed")
    assert isinstance(ann.send("#a", "meanwhile", 1), Ok)
    for one in held:
        one.close()
    deadline = Deadline(20)
    while (ben := connect(daemon)) and not lets_in(ben, "ben"):
        deadline.check("a descriptor")  # those who wait in the queue before are turned away first
    ben.join("#a", after=0)
    assert ben.await_(Event, lambda event: event.kind == "message").text == "meanwhile"
    assert daemon.terminate() == 0
    assert len(daemon.said("accept-failed")) == 1
    assert daemon.log.count("\n") < 20, "ann and ben have two lines each, the 300 have one"
