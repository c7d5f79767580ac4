"""IRC over WebSocket: one line in each message, without its end (ircv3.net, "WebSocket support").

What makes a handshake and frames is that of all WebSocket here; above that it is the connection as over TCP.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from chatd.server import ending
from chatd.server.irc.protocol import IrcProtocol
from chatd.server.listener_rules import Listening
from chatd.server.server import Server
from chatd.wire.errors import CloseReason
from chatd.wire.irc_decoder import MOST, TOO_LONG
from chatd.wire.websocket import BINARY, CLOSE, TEXT, close, server_frame
from chatd.wire.websocket_decoder import PART, WebSocketDecoder

SUBPROTOCOLS: Final = {"text.ircv3.net": TEXT, "binary.ircv3.net": BINARY}
"""The kinds of messages by what is agreed on. Who agrees on nothing gets texts: all of it is UTF-8."""


@lru_cache(maxsize=8)
def frames(data: bytes, kind: int) -> bytes:
    """Return the lines in ``data``, each in a message. What many are told is made once."""
    return b"".join(server_frame(kind, line) for line in data.split(b"\r\n") if line)


class Frames:
    """The transport of a connection whose every line is a message of that ``kind``, over ``transport``."""

    def __init__(self, transport: Any, kind: int) -> None:
        self.transport = transport
        self._kind = kind
        self._closed = False
        directlyProvides(self, providedBy(transport))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.transport, name)
        return partial(self._close_by, found) if name == "loseWriteConnection" else found

    def write(self, data: bytes) -> None:
        """Write lines."""
        self.transport.write(frames(data, self._kind))

    def answer(self, frame: bytes) -> None:
        """Write a ``frame`` that carries no line."""
        self.transport.write(frame)

    def closed(self, frame: bytes) -> None:
        """Answer the other side's end with ``frame``, which is the last one."""
        self._closed = True
        self.transport.write(frame)

    def loseConnection(self) -> None:
        """Say that this is the end, and close."""
        self._close_by(self.transport.loseConnection)

    def _close_by(self, lose: Callable[[], object]) -> None:
        if not self._closed:
            self._closed = True
            self.transport.write(close(""))
        lose()


class LineMessages:
    """Cuts what was received into lines, as `chatd.wire.irc_decoder.IrcDecoder` does, by ``messages``.

    ``tell`` is told of what carries no line; an empty line stands for it.
    """

    def __init__(self, tell: Callable[[int, bytes], None]) -> None:
        self._messages = WebSocketDecoder()
        self._tell = tell

    def __len__(self) -> int:
        """Return how many fed bytes were not taken yet."""
        return len(self._messages)

    def feed(self, data: bytes) -> None:
        """Append received ``data``."""
        self._messages.feed(data)

    def take(self) -> bytes | None:
        """Return the next line, or None until more is fed. Raises `ProtocolError`."""
        taken = self._messages.take()
        if taken is None:
            return None
        kind, payload = taken
        if kind not in {TEXT, BINARY}:
            if kind != PART:
                self._tell(kind, payload)
            return b""
        line = payload.rstrip(b"\r\n")
        return line if len(line) < MOST else TOO_LONG

    def plain(self, most: int) -> None:
        """Return no plain messages that stand one behind the other: each is one of WebSocket's own."""

    def put_back(self, line: bytes) -> None:
        """Have the ``line`` that was taken last taken again."""
        self._messages.put_back([line])

    def let_go(self) -> None:
        """Hold nothing in a circle: the connection is gone."""
        self._messages.let_go()
        self._tell = _nothing


def _nothing(kind: int, payload: bytes) -> None:
    """Take no notice."""


class IrcWebSocketProtocol(IrcProtocol):
    """A connection that speaks IRC in messages of that ``kind``."""

    __slots__ = ("_kind",)

    decoder: LineMessages  # type: ignore[assignment]

    def __init__(self, kind: int, server: Server, listener: Listening) -> None:
        self._kind = kind
        super().__init__(server, listener, LineMessages(self._other))

    def makeConnection(self, transport: Any) -> None:
        """Write every line as a message."""
        super().makeConnection(Frames(transport, self._kind))  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of everything."""
        super().connectionLost(reason)
        self.decoder.let_go()

    def _other(self, kind: int, answer: bytes) -> None:
        """Handle a ping, a pong, or the other side's end, which has its ``answer``."""
        connection = self.connection
        if kind == CLOSE:
            self.transport.closed(answer)
            ending.leave(connection, CloseReason.GOODBYE)
            ending.attempt(connection, ending.hang_up, connection.transport, CloseReason.GOODBYE)
        elif answer:
            self.transport.answer(answer)


def by_subprotocol(agreed: str) -> Callable[[Server, Listening], IrcWebSocketProtocol]:
    """Return what makes connections by what was ``agreed`` on."""
    return partial(IrcWebSocketProtocol, SUBPROTOCOLS.get(agreed, TEXT))
