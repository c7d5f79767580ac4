"""Real proxies from the system's packages, and a TLS front for one that has none; all on this machine."""

import asyncio
import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, free_port
from tests.end_to_end.harness.serving import Serving

USER, PASSWORD = "ann", "hush-hush"


class Program:
    """A proxy that keeps its port across crashes and restarts; with ``named`` it wants USER and PASSWORD."""

    name = ""
    schemes: tuple[str, ...] = ()

    def __init__(self, folder: Path, *, named: bool = False) -> None:
        found = shutil.which(self.name)
        if found is None:
            pytest.skip(f"{self.name} is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = found
        self.folder = folder
        self.named = named
        self.port = free_port()
        self.log_file = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        raise NotImplementedError

    def url(self, scheme: str, userinfo: str | None = None) -> str:
        """Return what is given to --proxy."""
        if userinfo is None:
            userinfo = f"{USER}:{PASSWORD}@" if self.named else ""
        return f"{scheme}://{userinfo}{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it listens."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = Deadline(PATIENCE)
        while not self._listens():
            assert self.process.poll() is None, self.log_file.read_text()
            deadline.check(f"{self.name} to listen")
            time.sleep(0.02)
        return self

    def _listens(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), 1.0).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None


class Tinyproxy(Program):
    """An HTTP proxy."""

    name = "tinyproxy"
    schemes = ("http",)

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        lines = [
            f"Port {self.port}",
            f"Listen {LOOPBACK}",
            "Timeout 600",
            f"Allow {LOOPBACK}",
            "LogLevel Connect",
        ]
        if self.named:
            lines.append(f"BasicAuth {USER} {PASSWORD}")
        config = self.folder / "tinyproxy.conf"
        config.write_text("\n".join([*lines, ""]))
        return [self.path, "-d", "-c", str(config)]


class Microsocks(Program):
    """A SOCKS5 proxy."""

    name = "microsocks"
    schemes = ("socks5", "socks5h")

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        name = ["-u", USER, "-P", PASSWORD] if self.named else []
        return [self.path, "-i", LOOPBACK, "-p", str(self.port), *name]


class TlsFront(Serving):
    """Takes TLS on a port of its own and hands what is in it to ``target``."""

    def __init__(self, certificate: Path, key: Path, target: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        super().__init__(context)
        self._target = target

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, self._target)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        for end in (writer, back):
            end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
