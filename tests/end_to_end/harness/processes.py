"""Processes: free ports, ends that are waited for, and what /proc tells of them."""

import os
import random
import select
import socket
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOOPBACK = "127.0.0.1"

PATIENCE = 45.0
"""Seconds that a test waits for what should happen at once: only what is broken or starved needs them."""

_BELOW_EPHEMERAL = range(20_000, 32_000)
"""Ports that no outgoing connection is given: a client that knocks while the daemon is away meets nobody,
not even itself."""


_RESERVED: list[socket.socket] = []
"""What keeps the ports that this process was given; it is let go of when the process ends."""


def free_port() -> int:
    """Return a TCP port that nobody listens on, and that nobody gets by chance: no other test either."""
    while True:
        port = random.choice(_BELOW_EPHEMERAL)
        if not _reserve(port):
            continue
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


def _reserve(port: int) -> bool:
    """Keep ``port`` for this process until it ends: tests run in several at once.

    A name without a file stands for it (unix(7), abstract sockets): it belongs to the network, as the port
    does, whoever runs the tests and wherever they have their temporary files.
    """
    if sys.platform != "linux":
        return True
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0chatd-test-port-{port}")
    except OSError:
        name.close()
        return False
    _RESERVED.append(name)
    return True


def script(name: str) -> list[str]:
    """Return the command that runs the console script ``name`` of this environment."""
    return [str(Path(sysconfig.get_path("scripts")) / name)]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a program under test: the checkout first, UTF-8, no proxy, no buffering."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    ours = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
    ours["XDG_CONFIG_HOME"] = "/nonexistent"  # what whoever runs the tests has chosen for themselves
    return {**kept, **ours, **more}


def wait_gone(pid: int, patience: float = PATIENCE) -> None:
    """Wait until process ``pid``, which need not be our child, has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([handle], [], [], patience)
    finally:
        os.close(handle)
    assert ready, f"process {pid} is still there after {patience} s"


class Deadline:
    """A time by which something must have happened."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._end = time.monotonic() + patience

    @property
    def left(self) -> float:
        """Return the seconds that are left, 0 at the least."""
        return max(0.0, self._end - time.monotonic())

    def check(self, what: str) -> None:
        """Fail the test if the time is over."""
        assert self.left, f"waited in vain for {what}"


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise AssertionError(f"/proc/{pid}/status has no {field}")


def resident(pid: int) -> int:
    """Return the bytes of memory that process ``pid`` has now."""
    return _status(pid, "VmRSS")


def anonymous(pid: int) -> int:
    """Return the bytes of memory that a process holds and that are no pages of files."""
    return _status(pid, "RssAnon")


def peak(pid: int) -> int:
    """Return the most bytes of memory that process ``pid`` had since `forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Begin to watch the peak of process ``pid`` anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


PYTHON = sys.executable
