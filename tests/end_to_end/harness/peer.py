"""A peer of a server: a blocking socket, and the patience to wait for what it brings."""

import socket
from abc import ABC, abstractmethod
from collections import deque
from typing import Generic, Self, TypeVar

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline

Heard = TypeVar("Heard")


def dial(port: int, patience: float = PATIENCE, receive_buffer: int = 0) -> socket.socket:
    """Return a connection to ``port`` on this machine; a small ``receive_buffer`` makes a slow reader.

    What is written goes out at once: else the second of two small writes waits 40 ms for the first one's ACK.
    """
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(patience)
    try:
        connection.connect((LOOPBACK, port))
    except OSError:
        connection.close()
        raise
    return connection


class Peer(ABC, Generic[Heard]):
    """One connection; every wait ends after ``patience`` seconds."""

    def __init__(self, connection: socket.socket, patience: float) -> None:
        self.socket = connection
        self.patience = patience
        self.ended = False
        self._heard: deque[Heard] = deque()
        self._ids = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def write(self, data: bytes) -> None:
        """Send bytes. Raises OSError where the other side has gone."""
        self.socket.settimeout(self.patience)
        self.socket.sendall(data)

    def next_id(self) -> int:
        """Return an id that no request of this connection has had."""
        self._ids += 1
        return self._ids

    def hear(self, patience: float | None = None) -> Heard | None:
        """Return what was heard next, None when the connection has ended. Raises TimeoutError."""
        deadline = Deadline(self.patience if patience is None else patience)
        while not self._heard and not self.ended:
            self._listen(deadline)
        return self._heard.popleft() if self._heard else None

    def _listen(self, deadline: Deadline) -> None:
        if not deadline.left:
            raise TimeoutError("nothing was heard in time")
        self.socket.settimeout(deadline.left)
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            self.ended = True
        self._take_in(data)

    @abstractmethod
    def _take_in(self, data: bytes) -> None:
        """Make what came into what is heard."""
