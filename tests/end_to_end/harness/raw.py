"""A raw client: a blocking socket and the wire, which says what it is told to."""

import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

from chatd.wire.frames import FrameDecoder, FrameType, frame
from chatd.wire.messages import (
    Error,
    Event,
    Hello,
    Join,
    Message,
    Ok,
    Rooms,
    Send,
    Welcome,
    decode_from_server,
    encode,
)
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline

M = TypeVar("M", bound=Message)


def dial(port: int, patience: float = PATIENCE, receive_buffer: int = 0) -> socket.socket:
    """Return a connection to ``port`` on this machine; a small ``receive_buffer`` makes a slow reader."""
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(patience)
    try:
        connection.connect((LOOPBACK, port))
    except OSError:
        connection.close()
        raise
    return connection


class Raw:
    """One connection; every wait ends after ``patience`` seconds. Pings are answered while it listens."""

    def __init__(self, connection: socket.socket, patience: float = PATIENCE) -> None:
        self.socket = connection
        self.patience = patience
        self.ended = False
        self.bytes_in = 0
        self.pongs: deque[bytes] = deque()
        self._decoder = FrameDecoder(limit=1 << 20)
        self._heard: deque[Message] = deque()
        self._ids = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    # ---- saying -------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.settimeout(self.patience)
        self.socket.sendall(data)

    def say(self, *messages: Message) -> None:
        """Send messages, in one write."""
        self.write(b"".join(map(encode, messages)))

    def next_id(self) -> int:
        """Return an id that no request of this connection has had."""
        self._ids += 1
        return self._ids

    # ---- hearing ------------------------------------------------------------------------------------

    def hear(self, patience: float | None = None) -> Message | None:
        """Return the next message, None when the connection has ended. Raises TimeoutError."""
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
        self.bytes_in += len(data)
        self._decoder.feed(data)
        while (taken := self._decoder.take()) is not None:
            self._TAKE[taken[0]](self, taken[1])

    def _message(self, payload: bytes) -> None:
        message = decode_from_server(payload)
        if message is not None:
            self._heard.append(message)

    def _ping(self, payload: bytes) -> None:
        try:
            self.socket.sendall(frame(FrameType.PONG, payload))
        except OSError:
            self.ended = True

    def _pong(self, payload: bytes) -> None:
        self.pongs.append(payload)

    _TAKE: dict[FrameType, Callable[["Raw", bytes], None]] = {  # noqa: RUF012 - a table, the same for all
        FrameType.MESSAGE: _message,
        FrameType.PING: _ping,
        FrameType.PONG: _pong,
    }

    def await_(self, kind: type[M], where: Callable[[M], bool] = lambda _: True) -> M:
        """Return the next message of ``kind`` for which ``where`` holds, and drop what comes before it."""
        while (message := self.hear()) is not None:
            if isinstance(message, kind) and where(message):
                return message
        raise AssertionError(f"the connection ended before a {kind.__name__}")

    def rest(self) -> list[Message]:
        """Return everything that comes until the connection ends."""
        return list(iter(self.hear, None))

    def events(self, room: str, count: int) -> list[Event]:
        """Return the next ``count`` events of ``room``."""
        return [self.await_(Event, lambda event: event.room == room) for _ in range(count)]

    def ping(self) -> None:
        """Send a ping and wait for its echo; messages that come before are kept."""
        payload = self.next_id().to_bytes(8, "big")
        self.write(frame(FrameType.PING, payload))
        deadline = Deadline(self.patience)
        while payload not in self.pongs:
            assert not self.ended, "the connection ended before the pong"
            self._listen(deadline)
        self.pongs.clear()

    # ---- the usual things ---------------------------------------------------------------------------

    def enter(self, nick: str = "", **fields: Any) -> Welcome:
        """Say hello and return the welcome."""
        self.say(Hello(nick=nick, **fields))
        return self.welcomed()

    def welcomed(self) -> Welcome:
        """Return the welcome that comes next; fail with the refusal otherwise."""
        message = self.hear()
        assert isinstance(message, Welcome), f"not welcome: {message}"
        return message

    def ask(self, request: Callable[..., Message], **fields: Any) -> Ok | Error:
        """Send a request and return its answer; what comes before the answer is dropped."""
        request_id = self.next_id()
        self.say(request(id=request_id, **fields))
        while (message := self.hear()) is not None:
            if isinstance(message, Ok | Error) and message.id in {request_id, None}:
                return message
        raise AssertionError("the connection ended before the answer")

    def join(self, room: str, after: int | None = None) -> int:
        """Join ``room`` and return the cursor behind which it is followed."""
        self.say(Join(id=self.next_id(), room=room, after=after))
        return self.await_(Rooms).rooms[0].cursor

    def send(self, room: str, text: str, n: int) -> Ok | Error:
        """Send a message and return its answer; what comes before the answer is dropped."""
        return self.ask(Send, room=room, text=text, n=n)


def sends(room: str, texts: list[str], n: int = 1) -> Iterator[Send]:
    """Yield sends of ``texts`` with ids like their numbers, from ``n`` on."""
    for number, text in enumerate(texts, n):
        yield Send(id=1_000_000 + number, n=number, room=room, text=text)
