"""A real haproxy on loopback, in front of a daemon."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.end_to_end.harness.processes import LOOPBACK, Deadline, free_port

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

_DEFAULTS = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 2s
"""


class Haproxy:
    """One haproxy process; every `add` before `start` is a way through it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "haproxy.cfg"
        self._log = folder / "haproxy.log"
        self._text = _DEFAULTS
        self._ports: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, server: str, bind: str = "") -> int:
        """Relay to ``server``, an address with haproxy's options; return the port that leads there."""
        port = free_port()
        self._ports.append(port)
        self._text += f"listen way{port}\n    bind {LOOPBACK}:{port} {bind}\n    server one {server}\n"
        return port

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert HAPROXY is not None
        self._file.write_text(self._text)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [HAPROXY, "-db", "-f", str(self._file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = Deadline()
        while not all(map(_listens, self._ports)):
            assert self._process.poll() is None, self._log.read_text()
            deadline.check("haproxy")
            time.sleep(0.01)

    def kill(self) -> None:
        """Lose it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def await_log(self, words: str) -> None:
        """Wait until it has said ``words``."""
        deadline = Deadline()
        while words not in self._log.read_text():
            deadline.check(f"{words!r} of haproxy:\n{self._log.read_text()}")
            time.sleep(0.01)

    def said(self) -> str:
        """Return everything that it has said."""
        return self._log.read_text()


def _listens(port: int) -> bool:
    # /proc/net/tcp tells without a connection, which the relay would carry on to the daemon.
    wanted = f"{int.from_bytes(socket.inet_aton(LOOPBACK), 'little'):08X}:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1] == wanted and row[3] == "0A" for row in rows)
