"""A bare copy over a socket in Python, which the receiver hashes and writes: what files are held against.

    python -m bench.copying receive PORT PATH
    python -m bench.copying send PORT PATH

Each waits for one caller on 127.0.0.1. The receiver answers with the SHA-256 once all is on disk.
"""

import hashlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from bench.common import BenchError
from bench.process import cores, pinned
from bench.server import LOOPBACK, ROOT, free_port

_BLOCK = 1 << 18
_PATIENCE = 10.0


def send(link: socket.socket, path: Path) -> None:
    """Send the bytes of ``path``, and that no more will come."""
    block = memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            link.sendall(block[:size])
    link.shutdown(socket.SHUT_WR)


def receive(link: socket.socket, path: Path) -> str:
    """Write what comes to ``path``; return its SHA-256 once it is on disk and has its name."""
    block, digest = memoryview(bytearray(_BLOCK)), hashlib.sha256()
    part = path.with_name(f"{path.name}.part")
    with part.open("wb", buffering=0) as file:
        while size := link.recv_into(block):
            digest.update(block[:size])
            file.write(block[:size])
        os.fsync(file.fileno())
    part.rename(path)
    return digest.hexdigest()


def upload(path: Path, to: Path) -> tuple[float, str]:
    """Copy ``path`` to a receiver on the server's core; return the seconds it took and the SHA-256."""
    with _other("receive", to) as (link, begin):
        send(link, path)
        digest = b"".join(iter(lambda: link.recv(64), b"")).decode()
        return time.monotonic() - begin, digest


def download(path: Path, to: Path) -> tuple[float, str]:
    """Copy ``path`` from a sender on the server's core; return the seconds it took and the SHA-256."""
    with _other("send", path) as (link, begin):
        digest = receive(link, to)
        return time.monotonic() - begin, digest


class _other:  # noqa: N801 - used like a function
    """The other side, a process on the server's core; entering connects to it and begins to count time."""

    def __init__(self, manner: str, path: Path) -> None:
        port = free_port()
        command = [sys.executable, "-m", "bench.copying", manner, str(port), str(path)]
        with pinned(cores().server):
            self._process = subprocess.Popen(command, cwd=ROOT)
        self._port = port

    def __enter__(self) -> tuple[socket.socket, float]:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                self._link = socket.create_connection((LOOPBACK, self._port), timeout=60)
            except OSError:
                time.sleep(0.01)
            else:
                return self._link, time.monotonic()
        self._process.kill()
        raise BenchError("the bare copy did not start")

    def __exit__(self, *_: object) -> None:
        self._link.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main(manner: str, port: str, path: str) -> None:
    """Serve one caller."""
    with socket.create_server((LOOPBACK, int(port))) as listener:
        link, _ = listener.accept()
    with link:
        if manner == "send":
            send(link, Path(path))
        else:
            link.sendall(receive(link, Path(path)).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
