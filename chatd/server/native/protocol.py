"""The native kind of connection: frames come in, and each type has its handling."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from chatd.chat.arrival import CONFIRMATION
from chatd.chat.codec import Codec
from chatd.server import chunks, dialogue, login
from chatd.server.account_dialogue import ACCOUNTS
from chatd.server.handlers import COMMON
from chatd.server.listener_rules import Listening
from chatd.server.protocol import ChatProtocol
from chatd.server.server import Server
from chatd.server.states import State
from chatd.wire import native
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.frames import FrameDecoder, FrameType, chunk, frame
from chatd.wire.limits import MAX_PING

_CONFIRMED: Final = CONFIRMATION.encode()

_PING: Final = frame(FrameType.PING, b"")
_PONG: Final = frame(FrameType.PONG, b"")

_BEATS: Final = frozenset({FrameType.PING.value, FrameType.PONG.value})


class NativeProtocol(ChatProtocol):
    """A connection that speaks frames, and takes and gives out files."""

    __slots__ = ()

    decoder: FrameDecoder

    speaks = "native"
    codec: ClassVar[Codec] = native
    takes_files = True
    chunk = staticmethod(chunk)
    MESSAGES = COMMON | ACCOUNTS
    decode_all = staticmethod(native.decode_all_to_server)

    def __init__(self, server: Server, listener: Listening) -> None:
        super().__init__(server, listener, FrameDecoder())

    def dataReceived(self, data: bytes) -> None:
        """Take in bytes. A ping that comes alone is all that most ever send, and is answered right here."""
        connection = self.connection
        if data != _PING or connection.state is not State.LIVE or self.decoder:
            super().dataReceived(data)
            return
        gate, server = connection.input.gate, connection.server
        if not gate.may_take():
            super().dataReceived(data)
            return
        connection.bytes_in += len(data)
        server.counters.bytes_in += len(data)
        connection.liveness.heartbeat.heard(server.clock.seconds())
        gate.volume.left -= len(data)
        gate.charge(1)
        connection.output.write(_PONG)

    def take(self, most: int) -> int:
        """Take the next frame, and the messages behind it if it is one of several that stand there."""
        connection, decoder = self.connection, self.decoder
        if connection.state is State.LIVE and (heard := dialogue.hear_run(connection, decoder, most)):
            return heard
        taken = decoder.take()
        if taken is None:
            return 0
        self._FRAMES[taken[0]](self, taken[1])
        return 1

    def is_beat(self) -> bool:
        """Return whether the next frame is a ping or a pong."""
        return self.decoder.kind in _BEATS

    def _message(self, payload: bytes) -> None:
        dialogue.hear(self.connection, [payload])

    def _chunk(self, payload: bytes) -> None:
        chunks.take(self.connection, payload)

    def _ping(self, payload: bytes) -> None:
        if len(payload) > MAX_PING:
            raise ProtocolError(Code.BAD_FRAME, f"A ping carries {MAX_PING} bytes at the most.")
        self.connection.input.gate.charge(1)
        self.connection.output.write(frame(FrameType.PONG, payload))

    def _pong(self, payload: bytes) -> None:
        self.connection.input.gate.charge(1)
        if payload == _CONFIRMED:
            login.confirm(self.connection)

    _FRAMES: ClassVar[dict[FrameType, Callable[[Any, bytes], None]]] = {
        FrameType.MESSAGE: _message,
        FrameType.CHUNK: _chunk,
        FrameType.PING: _ping,
        FrameType.PONG: _pong,
    }
