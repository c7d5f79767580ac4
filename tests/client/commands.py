"""chatc processes at a real daemon: fixtures for the conftest file of this folder."""

import os
import subprocess

import pytest

from tests.end_to_end.harness.processes import ROOT, script
from tests.end_to_end.harness.program import Program

PATIENCE = 30
"""Seconds that a test waits for chatc to end."""


@pytest.fixture
def chatc(daemon, tmp_path):
    """Return a function that starts chatc on the daemon; processes left over are killed."""
    started = []
    base = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "LOGNAME": "login", "TZ": "UTC"}
    base |= {"PYTHONPATH": str(ROOT)}
    base["CHATD_SERVER"] = f"127.0.0.1:{daemon.port}"

    def start(*arguments, env=(), prefix=(), **how):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        command = [*prefix, *script("chatc"), *arguments]
        started.append(Program(command, env={**base, **dict(env)}, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(chatc):
    """Return a function that runs chatc to its end; returns status, standard output and standard error."""

    def run(*arguments, given="", **how):
        process = chatc(*arguments, **how)
        given = given if isinstance(given, bytes) else given.encode()
        out, err = process.communicate(given, timeout=PATIENCE)
        return process.returncode, out.decode(), err.decode()

    return run
