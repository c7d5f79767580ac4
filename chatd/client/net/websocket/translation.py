"""The translation: native frames, which links speak, to WebSocket, which the server speaks, and back."""

from typing import Final

from websockets.frames import Frame, Opcode

from chatd.wire import websocket
from chatd.wire.frames import FrameDecoder, FrameType, frame
from chatd.wire.messages import Ping, Pong
from chatd.wire.objects import Alphabet, write
from chatd.wire.websocket import TEXT
from chatd.wire.websocket_decoder import PART, WebSocketDecoder

_beats: Final[Alphabet[Ping | Pong]] = Alphabet(Ping | Pong)
_BEATS: Final = (b'{"t":"ping"', b'{"t":"pong"')
_BEAT_TYPES: Final[dict[type, FrameType]] = {Ping: FrameType.PING, Pong: FrameType.PONG}
_DATA: Final = frozenset({websocket.TEXT, websocket.BINARY})


class Translation:
    """Translates one connection; it is ``over`` when the server has closed it."""

    def __init__(self) -> None:
        self._said = FrameDecoder()
        self._heard = WebSocketDecoder(masked=False)
        self.over = False

    def say(self, data: bytes) -> bytes:
        """Return the frames of WebSocket for what native ``data`` makes whole."""
        self._said.feed(data)
        said = bytearray()
        while (taken := self._said.take()) is not None:
            said += _framed(*taken)
        return bytes(said)

    def hear(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the native frames in what came, and what WebSocket itself answers.

        Raises `chatd.wire.errors.ProtocolError`.
        """
        self._heard.feed(data)
        heard, answers = bytearray(), bytearray()
        while not self.over and (taken := self._heard.take()) is not None:
            kind, payload = taken
            if kind in _DATA:
                heard += _native(kind, payload)
            elif kind != PART:
                answers += payload
                self.over = kind == websocket.CLOSE
        return bytes(heard), bytes(answers)

    def close(self) -> bytes:
        """Return the frame that ends what we say."""
        number = websocket.Closing.NORMAL
        return Frame(Opcode.CLOSE, number.to_bytes(2, "big")).serialize(mask=True)

    def let_go(self) -> None:
        """Hold nothing in a circle."""
        self._heard.let_go()


def _framed(kind: FrameType, payload: bytes) -> bytes:
    opcode = Opcode.TEXT
    if kind is FrameType.PING:
        payload = write(Ping(data=payload.decode()))
    elif kind is FrameType.PONG:
        payload = write(Pong(data=payload.decode()))
    elif kind is FrameType.CHUNK:
        opcode = Opcode.BINARY
    return Frame(opcode, payload).serialize(mask=True)


def _native(kind: int, payload: bytes) -> bytes:
    if kind != TEXT:
        return frame(FrameType.CHUNK, payload)
    if payload.startswith(_BEATS):
        beat = _beats.read(payload)
        return frame(_BEAT_TYPES[type(beat)], beat.data.encode())
    return frame(FrameType.MESSAGE, payload)
