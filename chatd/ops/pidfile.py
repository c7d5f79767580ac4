"""Removes the pid file of a crash: twistd refuses to start while any process has its number.

In a container every start has the same number, so that twistd would find itself; after a reboot the number
may be that of another program. After a power cut the file is often empty or full of zeros, which twistd
refuses as well. The lock of the data folder guards against two daemons on the same data.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_OURS: Final = (b"twistd", b"chatd")
"""The command line of a running daemon contains one of these."""

_SHORT: Final = 20
"""Bytes that a damaged pid file has at most, zeros and blanks left aside: as many as the longest number."""

_LONGEST: Final = 4096
"""Bytes that are looked at, one block of a file system: what is longer is no pid file."""


def forget_stale(path: Path) -> None:
    """Remove the pid file at ``path`` if its number is this process's own, or that of some other program.

    One that holds no number is removed too, unless it is locked, or so long that it is another kind of file.
    """
    with suppress(OSError):
        if not path.is_file():
            return
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
            try:
                number = int(content)
            except ValueError:
                stale = len(content) <= _LONGEST and len(content.strip(b"\0 \r\n")) <= _SHORT
                if stale:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                stale = number == os.getpid() or not _may_be_daemon(number)
            if stale:
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
