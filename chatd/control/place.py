"""Where the control socket lies, for the daemon that opens it and for chatctl that looks for it."""

import os
import socket
from pathlib import Path
from typing import Final

NAME: Final = "control"
"""The file's name in the data folder."""

MAX_PATH: Final = 100
"""Bytes of a path that surely fits into an address of a UNIX socket (108 on Linux, 104 elsewhere)."""


def reachable(folder: Path, handle: int) -> str:
    """Return a path of the socket in ``folder``, which ``handle`` has open, that is short enough."""
    path = str(folder / NAME)
    return path if len(os.fsencode(path)) <= MAX_PATH else f"/proc/self/fd/{handle}/{NAME}"


def connect(folder: Path, patience: float) -> socket.socket:
    """Return a connection to the daemon that uses ``folder``; it waits for ``patience`` seconds at a time.

    Raises `OSError`.
    """
    handle = os.open(folder, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(patience)
            connection.connect(reachable(folder, handle))
        except BaseException:
            connection.close()
            raise
    finally:
        os.close(handle)
    return connection
