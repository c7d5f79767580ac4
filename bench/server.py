"""Servers as processes: each pinned to the server's core, on a free port, with a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

from bench.common import BenchError
from bench.process import cores, pinned

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
_TWISTD = """
import ctypes, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a benchmark that is killed leaves no daemon
from twisted.scripts.twistd import run
sys.argv[0] = "twistd"
sys.exit(run())
"""
_START = 15.0


class Server(Protocol):
    """A server under load."""

    @property
    def name(self) -> str:
        """Return what tables call it."""

    @property
    def port(self) -> int:
        """Return its TCP port on 127.0.0.1."""

    @property
    def pid(self) -> int:
        """Return the number of its process."""

    def stop(self) -> None:
        """End it and remove what it has written."""


class Daemon:
    """A real ``twistd -n chatd`` with a data folder below ``folder`` (None: a temporary one)."""

    name = "chatd"

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chatd-bench-", dir=folder))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        assert self._process is not None
        return self._process.pid

    def start(self, patience: float = _START) -> float:
        """Start it; return the monotonic time at which it was first seen to listen."""
        log = (self.folder / "log").open("ab")
        listen = f"tcp:{self.port}:interface={LOOPBACK}"
        options = ["-n", "--pidfile=", "chatd", "--data", str(self.folder / "data"), "--listen", listen]
        with log, pinned(cores().server):
            self._process = subprocess.Popen(
                [sys.executable, "-c", _TWISTD, *options],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self._await_listening(self._process, time.monotonic() + patience)

    def _await_listening(self, process: subprocess.Popen[bytes], deadline: float) -> float:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                socket.create_connection((LOOPBACK, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.005)
            else:
                return time.monotonic()
        self.stop()
        raise BenchError(f"chatd did not start:\n{self.log_end}")

    @property
    def log_end(self) -> str:
        """Return the last lines of its log."""
        try:
            return (self.folder / "log").read_text(errors="replace")[-2000:]
        except OSError:
            return ""

    def end(self, number: signal.Signals) -> None:
        """Send signal ``number`` and wait until the process is gone; its data stays."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it and remove its folder."""
        self.end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class CLoop:
    """The bare epoll loop of fanout.c."""

    name = "C loop"

    def __init__(self, binary: Path) -> None:
        with pinned(cores().server):
            self._process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline() or 0)

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def compile_c_loop() -> Path | None:
    """Return the compiled fanout.c, or None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source = ROOT / "bench" / "fanout.c"
    binary = ROOT / "bench" / "build" / "fanout"
    binary.parent.mkdir(exist_ok=True)
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        done = subprocess.run(
            [compiler, "-O2", "-o", binary, source], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"{source} could not be compiled:\n{done.stderr}")
    return binary


def free_port() -> int:
    """Return a TCP port that nobody has on 127.0.0.1 right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port
