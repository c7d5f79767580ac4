"""Peers of a fan-out: each server behind the same few names, so that another one is one module more.

Beside the modules are the configurations that they start their servers with: all limits that a benchmark
would meet are lifted there.
"""

import re
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.clients import WAVE
from bench.common import BenchError
from bench.server import Server

TEXT_SIZE = 200
"""Bytes of text in one message."""


@dataclass(frozen=True, slots=True)
class Links:
    """Connections that are in one room."""

    senders: list[socket.socket]
    readers: list[socket.socket]


class Peer(Protocol):
    """A server in whose one room senders and readers meet."""

    @property
    def server(self) -> Server:
        """Return the server itself."""

    @property
    def mark(self) -> bytes:
        """Return what each delivery contains once."""

    @property
    def ack(self) -> bytes | None:
        """Return what each acknowledgement contains once; None where senders get none."""

    @property
    def quiet(self) -> float:
        """Return the seconds of silence after which nothing comes any more that nobody has sent."""

    def gather(self, readers: int, senders: int) -> Links:
        """Connect that many, all in the room."""

    def message(self, number: int) -> bytes:
        """Return the bytes that send message ``number``, from 1 on."""

    def numbers(self, data: bytes) -> list[int]:
        """Return the numbers of the messages that a reader received, in their order."""


def in_waves(readers: int, senders: int, enter: Callable[[int], list[socket.socket]]) -> Links:
    """Connect that many; ``enter`` returns the links of no more than `WAVE` at once, all in the room."""
    count = readers + senders
    links = [link for begin in range(0, count, WAVE) for link in enter(min(WAVE, count - begin))]
    return Links(links[readers:], links[:readers])


def text(number: int, size: int = TEXT_SIZE) -> str:
    """Return the text of message ``number``, ``size`` bytes long."""
    return f"{number} ".ljust(size, "x")


def numbers_behind(mark: bytes, data: bytes) -> list[int]:
    """Return the number behind each ``mark``."""
    return [int(found) for found in re.findall(re.escape(mark) + rb"(\d+) ", data)]


def await_bytes(links: Sequence[socket.socket], wanted: bytes, patience: float = 60.0) -> None:
    """Read from each of ``links`` until it has said ``wanted``."""
    deadline = time.monotonic() + patience
    waiting = {link.fileno(): (link, bytearray()) for link in links}
    with select.epoll() as poller:
        for fd in waiting:
            poller.register(fd, select.EPOLLIN)
        while waiting:
            ready = poller.poll(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BenchError(f"{len(waiting)} of {len(links)} clients never heard {wanted!r}")
            for fd, _ in ready:
                link, heard = waiting[fd]
                data = link.recv(65_536)
                if not data:
                    raise BenchError(f"a connection ended; its last words were {bytes(heard[-300:])!r}")
                heard += data
                if wanted in heard:
                    poller.unregister(fd)
                    del waiting[fd]
