"""Removes the pid file of a crash: twistd refuses to start while any process has its number.

In a container every start has the same number, so that twistd would find itself; after a reboot the number
may be that of another program. The lock of the data folder guards against two daemons on the same data.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_OURS: Final = (b"twistd", b"chatd")
"""The command line of a running daemon contains one of these."""


def forget_stale(path: Path) -> None:
    """Remove the pid file at ``path`` if its number is this process's own, or that of some other program."""
    with suppress(OSError, ValueError):
        number = int(path.read_text())
        if number == os.getpid() or not _may_be_daemon(number):
            path.unlink()


def _may_be_daemon(number: int) -> bool:
    """Return whether process ``number`` may be a daemon; without /proc, every process may."""
    if not Path("/proc/self").exists():
        return True
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    return any(name in command for name in _OURS)
