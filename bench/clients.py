"""Clients of chatd in bulk: handshakes and requests, parsed in full. What is measured by count is in load."""

import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.common import BenchError
from bench.server import LOOPBACK, Daemon
from chatd.wire.frames import FrameDecoder, FrameType, frame
from chatd.wire.messages import (
    Error,
    Event,
    FromServer,
    Goodbye,
    Hello,
    Join,
    Message,
    Ok,
    Pulse,
    Rooms,
    Welcome,
)
from chatd.wire.native import decode_from_server, encode

WAVE = 400
"""Clients that connect at once: fewer than the daemon's backlog holds."""

PER_ADDRESS = 15_000
"""Clients per source address: the kernel has some 28,000 ports for each."""

SETTLED = 1.3
"""Seconds of quiet after which nobody is told any more who has come: the daemon tells it once a second."""

CALM = Pulse(interval=60.0, misses=10)
"""The slowest heartbeat the daemon grants, so that no ping falls into a measurement."""


@dataclass(slots=True)
class Client:
    """One client; `link` is connected and blocking until somebody counts on it."""

    number: int
    room: str
    link: socket.socket
    token: str = ""
    cursor: int = 0
    _decoder: FrameDecoder = field(default_factory=FrameDecoder)

    def say(self, message: Message) -> None:
        """Send ``message``."""
        self.link.sendall(encode(message))

    def hear(self) -> Iterable[FromServer]:
        """Read once and yield the messages that are complete."""
        data = self.link.recv(65_536)
        if not data:
            raise BenchError(f"the server closed the connection of client {self.number}")
        self._decoder.feed(data)
        while (taken := self._decoder.take()) is not None:
            if taken[0] is FrameType.PING:
                self.link.sendall(frame(FrameType.PONG, taken[1]))
            message = decode_from_server(taken[1]) if taken[0] is FrameType.MESSAGE else None
            if isinstance(message, Error | Goodbye):
                raise BenchError(f"client {self.number} was refused: {message.text}")
            if message is not None:
                self._note(message)
                yield message

    def _note(self, message: FromServer) -> None:
        if isinstance(message, Welcome):
            self.token = message.token or self.token
        elif isinstance(message, Event) and message.room == self.room:
            if message.seq != self.cursor + 1:
                raise BenchError(f"client {self.number} saw event {message.seq} behind {self.cursor}")
            self.cursor = message.seq
        if isinstance(message, Rooms | Welcome):
            for state in message.rooms:
                self.cursor = state.cursor

    def reconnect(self, port: int) -> None:
        """Connect anew."""
        self.link.close()
        self.link = connect(port, self.number)
        self._decoder = FrameDecoder()


def connect(port: int, number: int, receive_buffer: int = 0) -> socket.socket:
    """Return a connection to ``port``, from as many source addresses as ``number`` clients need.

    ``receive_buffer`` bounds the bytes that the kernel holds for us; 0 leaves that to the kernel.
    """
    link = socket.socket()
    if receive_buffer:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if number >= PER_ADDRESS:
        link.bind((f"127.0.0.{1 + number // PER_ADDRESS}", 0))
    link.connect((LOOPBACK, port))
    return link


def listen(
    clients: Sequence[Client], done: Callable[[Client, FromServer], bool], patience: float = 60.0
) -> None:
    """Read until ``done`` has said once of each client that a message was the awaited one."""
    deadline = time.monotonic() + patience
    waiting = {client.link.fileno(): client for client in clients}
    with select.epoll() as poller:
        for fd in waiting:
            poller.register(fd, select.EPOLLIN)
        while waiting:
            ready = poller.poll(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BenchError(f"{len(waiting)} of {len(clients)} clients got no answer in {patience:g} s")
            for fd, _ in ready:
                client = waiting[fd]
                if sum(done(client, message) for message in client.hear()):
                    poller.unregister(fd)
                    del waiting[fd]


def is_welcome(_client: Client, message: FromServer) -> bool:
    """Return whether ``message`` is a welcome."""
    return isinstance(message, Welcome)


def is_ok(_client: Client, message: FromServer) -> bool:
    """Return whether ``message`` says that a request was done."""
    return isinstance(message, Ok)


def enter(daemon: Daemon, rooms: Sequence[str], receive_buffer: int = 0) -> list[Client]:
    """Return one new client for each of ``rooms``, with a session of its own and a member of that room.

    ``receive_buffer``: see `connect`.
    """
    clients: list[Client] = []
    for begin in range(0, len(rooms), WAVE):
        clients += _enter_wave(daemon, rooms[begin : begin + WAVE], receive_buffer)
    return clients


def _enter_wave(daemon: Daemon, wave: Sequence[str], receive_buffer: int) -> list[Client]:
    clients = [_new_client(daemon, room, receive_buffer) for room in wave]
    for client in clients:
        client.say(Hello(software="bench", nick=f"bench{client.number}", heartbeat=CALM))
    listen(clients, is_welcome)
    for client in clients:
        client.say(Join(id=1, room=client.room))
    listen(clients, is_ok)
    return clients


def _new_client(daemon: Daemon, room: str, receive_buffer: int) -> Client:
    number = next(daemon.newcomers)
    link = connect(daemon.port, number, receive_buffer)
    return Client(number, room, link if daemon.tls is None else daemon.tls.wrap(link))
