"""A daemon that others take the place of, in the three ways in which an operator can do that."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bench.common import BenchError
from bench.process import cores, pinned
from bench.server import LOOPBACK, ROOT, UNLIMITED, free_port

_BACKLOG: Final = 4096
_HAND_OVER: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""Becomes the command behind its first argument, a socket, as systemd starts what listens on it."""

_DAEMON: Final = ("-c", "from chatd.daemon import main; main()", "--config", "chatd.toml", "--data", "data")
_UPGRADE: Final = ("-c", "from chatd.chatctl import main; main()", "upgrade", "--data", "data")


class House:
    """A daemon that is replaced from time to time; ``handed`` is its socket, if the house keeps that."""

    def __init__(self, folder: Path | None, handed: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chatd-bench-", dir=folder))
        self.port = free_port()
        self._socket = socket.create_server((LOOPBACK, self.port), backlog=_BACKLOG) if handed else None
        endpoint = "systemd:domain=INET:index=0" if handed else f"tcp:{self.port}:interface={LOOPBACK}"
        (self.folder / "chatd.toml").write_text(
            'guests = "allowed"\nallow_plaintext = true\n'
            f'[[listen]]\nendpoint = "{endpoint}"\n{UNLIMITED}[log]\nformat = "json"\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start a daemon."""
        command: list[str] = [*_DAEMON]
        inherited: list[int] = []
        if self._socket is not None:
            inherited = [self._socket.fileno()]
            command = ["-c", _HAND_OVER, str(self._socket.fileno()), *_DAEMON]
        with (self.folder / "log").open("ab") as log, pinned(cores().server):
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
            )

    def await_listening(self) -> None:
        """Wait until the daemon has said that it runs."""
        while not self.said("start"):
            if self.stopped():
                raise BenchError(f"chatd did not start:\n{self.end_of_log}")
            time.sleep(0.02)

    def phases(self, begin: float) -> dict[str, float]:
        """Return the seconds from ``begin``, on the wall's clock, until the log says what happened."""
        return {
            str(said["event"]): datetime.fromisoformat(said["time"]).timestamp() - begin
            for said in self.said("upgrade", "drain", "stop", "start")
            if datetime.fromisoformat(said["time"]).timestamp() > begin
        }

    def stopped(self) -> bool:
        """Return whether there is no daemon that was started by us any more."""
        if self._process is not None and self._process.poll() is not None:
            if self._process.returncode:
                raise BenchError(f"the daemon has failed:\n{self.end_of_log}")
            self._process = None
        return self._process is None

    def terminate(self) -> None:
        """Ask the daemon to end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def ask_upgrade(self) -> "subprocess.Popen[bytes]":
        """Ask the daemon to hand over; return the process that asks."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *_UPGRADE],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def said(self, *events: str) -> list[dict[str, Any]]:
        """Return what the log says of ``events``, in the order of the lines."""
        lines = []
        for line in (self.folder / "log").read_text().splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if said.get("event") in events:
                lines.append(said)
        return lines

    @property
    def end_of_log(self) -> str:
        """Return the last lines of the log."""
        return (self.folder / "log").read_text()[-2000:]

    def close(self) -> None:
        """End whatever runs, and remove all."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for line in self.said("upgrade"):
            try:
                os.kill(int(str(line["process"])), signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self._socket is not None:
            self._socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)
