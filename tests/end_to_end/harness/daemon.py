"""A real daemon: ``twistd -n chatd`` on a folder and a port of its own."""

import signal
import socket
import subprocess
import time
from pathlib import Path

from chatd.wire.frames import FrameType, frame
from tests.end_to_end.harness.processes import (
    LOOPBACK,
    PATIENCE,
    Deadline,
    environment,
    free_port,
    script,
)
from tests.end_to_end.harness.program import Program

_PING = frame(FrameType.PING, b"there?")
_PONG = frame(FrameType.PONG, b"there?")
_KNOCK = 0.01
"""Seconds between two attempts to connect while the daemon starts."""

_STALE_PID_FILE = "Removing stale pidfile"
"""What twistd says, as an error, when it starts after a crash."""


class Daemon:
    """A daemon that keeps its folder and its port across crashes and restarts.

    ``config`` is the text of a configuration file, which takes guests unless it says so itself; ``listen``
    are endpoints that replace the port. What is in ``environment`` is given to it beside the usual.
    """

    def __init__(self, folder: Path, config: str = "", listen: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.data = folder / "data"
        self.log_file = folder / "chatd.log"
        self.listen = listen or (f"tcp:{self.port}:interface={LOOPBACK}",)
        self._config = folder / "chatd.toml"
        self._config.write_text(config if "guests" in config else f"guests = 'allowed'\n{config}")
        self.environment: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None

    # ---- starting -----------------------------------------------------------------------------------

    @property
    def command(self) -> list[str]:
        """Return the command that starts it in the foreground."""
        options = ["--config", str(self._config), "--data", str(self.data)]
        for endpoint in self.listen:
            options += ["--listen", endpoint]
        return [*script("twistd"), "-n", "--pidfile", str(self.folder / "chatd.pid"), "chatd", *options]

    def start(self, patience: float = PATIENCE) -> "Daemon":
        """Start it and wait until it answers."""
        self.launch()
        self.await_ready(patience)
        return self

    def launch(self) -> None:
        """Start it and wait for nothing."""
        assert self.process is None
        with self.log_file.open("ab") as log:
            self.process = Program(
                self.command,
                cwd=self.folder,
                env=environment(**self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def await_ready(self, patience: float = PATIENCE) -> None:
        """Wait until it answers a ping."""
        deadline = Deadline(patience)
        while not self._answers(deadline):
            assert self.running, f"the daemon has ended:\n{self.log}"
            deadline.check("the daemon's answer")
            time.sleep(_KNOCK)

    def _answers(self, deadline: Deadline) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), deadline.left + _KNOCK) as knock:
                knock.sendall(_PING)
                return knock.recv(len(_PONG), socket.MSG_WAITALL) == _PONG
        except OSError:
            return False

    @property
    def running(self) -> bool:
        """Return whether its process is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        assert self.process is not None
        return self.process.pid

    # ---- ending -------------------------------------------------------------------------------------

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait until it has ended and return its exit status."""
        assert self.process is not None
        status = self.process.wait(patience)
        self.process = None
        return status

    def kill(self) -> None:
        """Lose it, as by a power cut that spares the disk: SIGKILL."""
        self.signal(signal.SIGKILL)
        self.wait()

    def terminate(self, patience: float = PATIENCE) -> int:
        """Ask it to stop and return its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(patience)

    def end(self) -> None:
        """See to it that it is gone, whatever happened."""
        if self.running:
            self.signal(signal.SIGKILL)
        if self.process is not None:
            self.wait()

    # ---- its log ------------------------------------------------------------------------------------

    @property
    def log(self) -> str:
        """Return everything it has said."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def said(self, event: str) -> list[str]:
        """Return the log lines of one event."""
        return [line for line in self.log.splitlines() if line.split(" ")[2:3] == [event]]

    def await_said(self, event: str, count: int = 1, patience: float = PATIENCE) -> list[str]:
        """Wait until the log has so many lines of ``event`` and return them."""
        deadline = Deadline(patience)
        while len(lines := self.said(event)) < count:
            deadline.check(f"{event} in the log:\n{self.log[-4000:]}")
            time.sleep(_KNOCK)
        return lines

    def faults(self) -> list[str]:
        """Return what in the log tells of a fault of the daemon itself."""
        lines = [line for line in self.log.splitlines() if _STALE_PID_FILE not in line]
        return [line for line in lines if "Traceback" in line or " critical " in line[:60]]
