"""A raw client: a blocking socket and the wire, which says what it is told to."""

import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from chatd.wire.frames import FrameDecoder, FrameType, frame
from chatd.wire.messages import Error, Event, Hello, Join, Message, Ok, Rooms, Send, Welcome
from chatd.wire.native import decode_from_server, encode
from tests.end_to_end.harness.peer import Peer
from tests.end_to_end.harness.processes import PATIENCE, Deadline

M = TypeVar("M", bound=Message)


class Raw(Peer[Message]):
    """One connection. Pings are answered while it listens."""

    def __init__(self, connection: socket.socket, patience: float = PATIENCE) -> None:
        super().__init__(connection, patience)
        self.bytes_in = 0
        self.pongs: deque[bytes] = deque()
        self._decoder = FrameDecoder(limit=1 << 20)

    # ---- saying -------------------------------------------------------------------------------------

    def say(self, *messages: Message) -> None:
        """Send messages, in one write."""
        self.write(b"".join(map(encode, messages)))

    # ---- hearing ------------------------------------------------------------------------------------

    def _take_in(self, data: bytes) -> None:
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
