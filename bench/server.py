"""Servers as processes: each pinned to the server's core, on a free port, with a folder of its own."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from bench.common import BenchError
from bench.process import cores, pinned
from bench.tls_files import make

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
CONFIGS = ROOT / "bench" / "peers"
_DIE_WITH_US = (
    "ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: who is killed leaves no server"
)
STALL = "stall"
"""The file in a watched daemon's folder that tells its reactor's longest stall."""

_TWISTD = f"""
import ctypes, signal, sys
{_DIE_WITH_US}
from twisted.scripts.twistd import run
sys.argv[0] = "twistd"
sys.exit(run())
"""
_WATCHED = f"""
from bench.stall import watch
watch("{STALL}")
{_TWISTD}
"""
_EXEC = f"""
import ctypes, os, signal, sys
{_DIE_WITH_US}
os.execv(sys.argv[1], sys.argv[1:])
"""
_START = 15.0
_PORTS = range(12_000, 20_000)

UNLIMITED = "[limits]\nrequests_per_second = 0\nnew_rooms_per_hour = 0\n"
"""What lets a few clients of a benchmark stand for many."""


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

    @property
    def log_end(self) -> str:
        """Return the last lines of its log."""

    def stop(self) -> None:
        """End it and remove what it has written."""


class Daemon:
    """A real ``twistd -n chatd`` with a data folder below ``folder`` (None: a temporary one).

    ``newcomers`` numbers its clients. With ``tls`` it speaks TLS with a certificate of its own. ``watched``
    ones note how long their reactor was away (`bench.stall`); ``config`` is the text of a configuration file.
    ``root`` is the checkout whose daemon it is, ``python`` the words that run Python, ``patience`` how many
    seconds it may take to start.
    """

    name = "chatd"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        tls: bool = False,
        watched: bool = False,
        config: str = "",
        root: Path = ROOT,
        python: Sequence[str] = (sys.executable,),
        patience: float = _START,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chatd-bench-", dir=folder))
        self.port = free_port()
        self.newcomers = itertools.count()
        self.tls = make(self.folder) if tls else None
        self._program = _WATCHED if watched else _TWISTD
        self._config = config
        self._root = root
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self.start(patience)

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def ports(self) -> Sequence[int]:
        """Return the ports that it listens on."""
        return (self.port,)

    def start(self, patience: float = _START) -> float:
        """Start it; return the monotonic time at which it was first seen to listen."""
        log = (self.folder / "log").open("ab")
        options = ["-n", "--pidfile=", "chatd", "--data", str(self.folder / "data"), *self._listen()]
        with log, pinned(cores().server):
            self._process = subprocess.Popen(
                [*self._python, "-c", self._program, *options],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(self._root)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self._await_listening(self._process, time.monotonic() + patience)

    def _listen(self) -> list[str]:
        endpoint = f"tcp:{self.port}:interface={LOOPBACK}"
        config = self.folder / "chatd.toml"
        listener = f'[[listen]]\nendpoint = "{endpoint}"\n'
        if self.tls is not None:
            listener += f'certificate = "{self.tls.certificate}"\nkey = "{self.tls.key}"\n'
        config.write_text(f"{listener}{UNLIMITED}{self._config}")
        return ["--config", str(config)]

    def _await_listening(self, process: subprocess.Popen[bytes], deadline: float) -> float:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                for port in self.ports:
                    socket.create_connection((LOOPBACK, port), timeout=1).close()
            except OSError:
                time.sleep(0.005)
            else:
                return time.monotonic()
        self.stop()
        raise BenchError(f"chatd did not start:\n{self.log_end}")

    @property
    def log_end(self) -> str:
        """Return the last lines of its log."""
        return _end_of(self.folder / "log")

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


class ProtocolDaemon(Daemon):
    """A daemon with one more port, ``other``, where it speaks ``protocol``."""

    protocol: str
    settings = ""
    """What its configuration says besides."""

    def __init__(self, folder: Path | None = None) -> None:
        self.other = free_port()
        listener = (
            f'[[listen]]\nendpoint = "tcp:{self.other}:interface={LOOPBACK}"\nprotocol = "{self.protocol}"\n'
        )
        super().__init__(folder, config=f"{listener}{self.settings}")

    @property
    def ports(self) -> Sequence[int]:
        """Return the ports that it listens on."""
        return (self.port, self.other)


class CLoop:
    """The bare epoll loop of fanout.c."""

    name = "C loop"
    log_end = ""

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


class Program:
    """Another server: ``path`` with ``arguments``, and NAME.conf of bench/peers/ as its configuration.

    ``@CONFIG@``, ``@PORT@`` and ``@FOLDER@`` are replaced by what they name.
    """

    def __init__(self, name: str, path: str, arguments: Sequence[str], folder: Path | None = None) -> None:
        self.name = name
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{name}-bench-", dir=folder))
        self._folder.chmod(0o755)
        config = self._folder / f"{name}.conf"
        config.write_text(self._fill((CONFIGS / config.name).read_text()))
        (self._folder / "motd").write_text("bench\n")
        command = [argument.replace("@CONFIG@", str(config)) for argument in arguments]
        with (self._folder / "log").open("wb") as log, pinned(cores().server):
            self._process = subprocess.Popen(
                [sys.executable, "-c", _EXEC, path, *command],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._await_listening(time.monotonic() + _START)

    def _fill(self, template: str) -> str:
        return template.replace("@PORT@", str(self.port)).replace("@FOLDER@", str(self._folder))

    def _await_listening(self, deadline: float) -> None:
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection((LOOPBACK, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        words = self.log_end
        self.stop()
        raise BenchError(f"{self.name} did not start:\n{words}")

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        return self._process.pid

    @property
    def log_end(self) -> str:
        """Return the last lines of its log."""
        return _end_of(self._folder / "log")

    def stop(self) -> None:
        """End it and remove its folder."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _end_of(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-2000:]
    except OSError:
        return ""


def find_program(name: str) -> str | None:
    """Return the path of program ``name``, also where it is one for administrators; None without it."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def compile_c_loop() -> Path | None:
    """Return the compiled fanout.c, or None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source = ROOT / "bench" / "fanout.c"
    binary = ROOT / "bench" / "build" / "fanout"
    binary.parent.mkdir(exist_ok=True)
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        made = binary.with_name(f"fanout.{os.getpid()}")  # nobody runs it before it is whole
        done = subprocess.run(
            [compiler, "-O2", "-o", made, source], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"{source} could not be compiled:\n{done.stderr}")
        made.replace(binary)
    return binary


def free_port() -> int:
    """Return a TCP port that nobody has on 127.0.0.1, and that no outgoing connection gets by chance."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
