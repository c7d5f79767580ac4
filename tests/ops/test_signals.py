"""The signals that end the daemon, at every moment of its life."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys
from twisted.application.service import Service
from twisted.internet import reactor
from chatd.ops.signals import StopSignals

def kill():
    os.kill(os.getpid(), int(sys.argv[2]))

stop = StopSignals(reactor)
stop.startService()
reactor.addSystemEventTrigger("before", "shutdown", print, "drained", flush=True)
if sys.argv[1] == "before":
    kill()
if sys.argv[1] == "running":
    reactor.callLater(0.1, kill)
if sys.argv[1] == "twice":
    reactor.callLater(0.1, kill)
    reactor.addSystemEventTrigger("after", "shutdown", kill)
reactor.callLater(10, os._exit, 7)
reactor.run()
"""


def run(moment, number):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, moment, str(int(number))],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", ["before", "running"])
def test_a_signal_drains_and_ends_with_status_0(moment, number):
    done = run(moment, number)
    assert (done.returncode, done.stdout) == (0, "drained\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_one_ends_at_once(number):
    assert run("twice", number).returncode == -number
