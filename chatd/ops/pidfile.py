"""The pid file that a crash left behind: twistd refuses to start while its number is anybody's.

In a container every start has the same number, so that twistd would find itself; after a reboot the number
may be that of another program. The lock of the data folder guards against two daemons on the same data.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_OURS: Final = (b"twistd", b"chatd")
"""What the command line of a daemon that runs has in it."""


def forget_stale(path: Path) -> None:
    """Remove the pid file at ``path`` if its number is this process's own, or that of some other program."""
    with suppress(OSError, ValueError):
        number = int(path.read_text())
        if number == os.getpid() or not _may_be_daemon(number):
            path.unlink()


def _may_be_daemon(number: int) -> bool:
    """Return whether ``number`` is a process that may be a daemon; without /proc, each may."""
    if not Path("/proc/self").exists():
        return True
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    return any(name in command for name in _OURS)
