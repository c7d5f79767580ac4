"""Signals that come while the daemon starts: none of them ends it without a word."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, ROOT, environment, script

(ENTRY,) = re.findall(r"(?m)^ +chatd = (\S+)$", (ROOT / "setup.cfg").read_text())
MODULE, MAIN = ENTRY.split(":")
CHATD = [
    *(sys.executable, "-c"),
    f"import sys; from {MODULE} import {MAIN}; print('twisted' in sys.modules, flush=True); {MAIN}()",
]
"""The console script, which says whether its module has imported twisted."""

TWISTD = [*script("twistd"), "-n", "--pidfile=", "chatd"]

DELAYS = (0.0, 0.1, 0.3, 0.6, 1.0)
"""Seconds after the signals are held, all of them within the start on some machine."""


def start(folder, command):
    options = ["--data", str(folder / "data"), "--listen", f"tcp:0:interface={LOOPBACK}"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if command is CHATD:
        assert process.stdout.readline() == "False\n"
        await_held(process, signal.SIGUSR2)
    return process


def await_held(process, number):
    """Wait until ``number`` is blocked or caught in ``process``."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        masks = [int(line.split()[1], 16) for line in status if line.startswith(("SigBlk", "SigCgt"))]
        if any(mask >> (number - 1) & 1 for mask in masks):
            return
        time.sleep(0.01)
    raise AssertionError("it does not hold the signal")


def finish(process):
    process.terminate()
    said, _ = process.communicate(timeout=PATIENCE)
    return said


@pytest.mark.parametrize("delay", DELAYS)
def test_what_reopens_the_log_ends_no_start(tmp_path, delay):
    """One of them comes after the other, as they do where several programs mean to be helpful."""
    process = start(tmp_path, CHATD)
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        time.sleep(delay / 3)
        process.send_signal(number)
    said = next((line for line in process.stdout if " start " in line), "")
    assert " start " in said
    finish(process)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_twistd_holds_them_as_soon_as_it_knows_what_it_runs(tmp_path, number):
    process = start(tmp_path, TWISTD)
    await_held(process, signal.SIGHUP)
    process.send_signal(number)
    said = [next(line for line in process.stdout if " start " in line), finish(process)]
    assert process.returncode == 0, said


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_ends_the_daemon_ends_its_start_with_a_word(tmp_path, number, delay):
    process = start(tmp_path, CHATD)
    time.sleep(delay)
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert number.name in said
    assert "Traceback" not in said


def test_to_list_plugins_changes_no_signal(tmp_path):
    program = (
        "import signal; from twisted.plugin import getPlugins;"
        "from twisted.application.service import IServiceMaker;"
        "assert 'chatd' in [one.tapname for one in getPlugins(IServiceMaker)];"
        "assert not signal.pthread_sigmask(signal.SIG_BLOCK, ());"
        "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment(), check=True, timeout=60)
