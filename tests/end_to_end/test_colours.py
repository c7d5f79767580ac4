"""What the daemon and chatctl write has colours where a terminal shows it: real ones, on pseudo-terminals."""

import os
import select
import subprocess

import pytest

from tests.end_to_end.harness.processes import Deadline, environment, script
from tests.end_to_end.harness.program import Program


@pytest.fixture
def shown():
    """Return a function that starts a command on a terminal; it returns what that shows, and the process."""
    held = []

    def show(command, until, *, cwd, **variables):
        near, far = os.openpty()
        held.append(near)
        process = Program(
            command, cwd=cwd, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=far, stderr=far
        )
        os.close(far)
        deadline, text = Deadline(60), b""
        while until not in text:
            deadline.check(until)
            if select.select([near], [], [], 1)[0]:
                text += os.read(near, 4096)
        return text.decode(), process

    yield show
    for near in held:
        os.close(near)


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"TERM": "xterm-256color"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_a_terminal_is_shown_colours_unless_somebody_wants_none(make_daemon, shown, variables, coloured):
    daemon = make_daemon()
    text, daemon.process = shown(daemon.command, b"server=", cwd=daemon.folder, **variables)
    assert ("\x1b[1mstart\x1b[0m" in text) is coloured
    assert ("\x1b" in text) is coloured
    tail = [*script("chatctl"), "tail", "--once", "--data", str(daemon.data)]
    text, process = shown(tail, b"server=", cwd=daemon.folder, **variables)
    assert process.wait(20) == 0
    assert ("\x1b[1mstart\x1b[0m" in text) is coloured
    assert ("\x1b" in text) is coloured
    assert daemon.terminate() == 0
