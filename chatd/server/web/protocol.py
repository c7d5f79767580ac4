"""The WebSocket kind of connection: what begins behind the handshake (`chatd.server.web.upgrade`)."""

from typing import ClassVar

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from chatd.chat.codec import Codec
from chatd.server import beats, chunks, dialogue, ending
from chatd.server.account_dialogue import ACCOUNTS
from chatd.server.handlers import COMMON
from chatd.server.listener_rules import Listening
from chatd.server.protocol import ChatProtocol
from chatd.server.server import Server
from chatd.server.states import State
from chatd.wire import websocket
from chatd.wire.errors import CloseReason
from chatd.wire.websocket import BINARY, CLOSE, TEXT
from chatd.wire.websocket_decoder import WebSocketDecoder


class WebSocketProtocol(ChatProtocol):
    """A connection that speaks WebSocket, and takes and gives out files."""

    __slots__ = ()

    decoder: WebSocketDecoder

    speaks = "web"
    codec: ClassVar[Codec] = websocket
    takes_files = True
    chunk = staticmethod(websocket.chunk)
    MESSAGES = COMMON | ACCOUNTS | beats.MESSAGES
    decode_all = staticmethod(websocket.decode_all_to_server)

    def __init__(self, server: Server, listener: Listening) -> None:
        super().__init__(server, listener, WebSocketDecoder())

    def take(self, most: int) -> int:
        """Take the texts that stand next, or else the next piece."""
        connection, decoder = self.connection, self.decoder
        if connection.state is State.LIVE and (heard := dialogue.hear_run(connection, decoder, most)):
            return heard
        taken = decoder.take()
        if taken is None:
            return 0
        kind, payload = taken
        if kind == TEXT:
            dialogue.hear(self.connection, [payload])
        elif kind == BINARY:
            chunks.take(self.connection, payload)
        else:
            self._other(kind, payload)
        return 1

    def is_beat(self) -> bool:
        """Return whether the next piece is a ping or a pong, of this protocol or of WebSocket's own."""
        return self.decoder.begins_with_beat()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of everything."""
        super().connectionLost(reason)
        self.decoder.let_go()

    def _other(self, kind: int, answer: bytes) -> None:
        """Handle a part of a message, a ping, a pong, or the other side's end, which has its ``answer``."""
        connection = self.connection
        connection.input.gate.charge(1)
        if answer:
            connection.output.write(answer)
        if kind == CLOSE:
            ending.leave(connection, CloseReason.GOODBYE)
            ending.attempt(connection, ending.hang_up, connection.transport, CloseReason.GOODBYE)
