"""The decoder of WebSocket: frames to messages. What a frame may be, the library ``websockets`` knows.

It is given one frame at a time, once that is there as a whole. So nothing is parsed before its turn, however
much has come, and no more is held than was fed.
"""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final, cast

from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiler was there when it was installed
    from websockets.utils import apply_mask

from chatd.wire.errors import Code, ProtocolError
from chatd.wire.received import Received
from chatd.wire.websocket import FINAL, LIMIT, PING, PONG, TEXT

PART: Final = 0
"""The opcode of what is no message yet: a fragment behind which others come."""

_HEAD: Final = 2
_MASK: Final = 4
_SIZE: Final = 0x7F
_TWO_BYTES: Final = 126
_CONTROL: Final = frozenset({FINAL | PING, FINAL | PONG})

_BEATS: Final = tuple(int.from_bytes(begin, "big") for begin in (b'{"t":"ping"', b'{"t":"pong"'))
_BEAT_SIZE: Final = 11
_BEAT_LIMIT: Final = 100
"""Bytes of a ping or a pong in the shortest spelling at the most; so its frame has a short head."""

_OVER: Final = "Something came behind the frame that closes."

SILENT: Final = logging.getLogger("chatd.websocket")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False
SILENT.setLevel(logging.CRITICAL)
"""Takes what the library would log: chatd says by itself why a connection ends."""


class WebSocketDecoder(Received):
    """Cut received bytes into messages, holding no more than was fed and not yet taken.

    Feed it whatever arrived, then call `take` until it returns None. A message has `LIMIT` bytes at the most.
    ``masked`` says that it is a server's, since what clients send is masked.
    """

    __slots__ = ("_kind", "_masked", "_parts", "_protocol", "_ready", "_wanted")

    def __init__(self, *, masked: bool = True) -> None:
        super().__init__()
        side = Side.SERVER if masked else Side.CLIENT
        self._protocol: Protocol | None = Protocol(side, max_size=LIMIT, logger=SILENT)
        self._masked = masked
        self._wanted = _HEAD
        self._kind = PART
        self._parts = bytearray()
        self._ready: deque[bytes] = deque()

    def __len__(self) -> int:
        """Return how many fed bytes were not taken yet, those of an unfinished message included."""
        return super().__len__() + len(self._parts) + sum(map(len, self._ready))

    def begins_with_beat(self) -> bool:
        """Return whether next comes a frame that pings, or a message that does in the server's spelling."""
        buffer, offset = self._buffer, self._offset
        if self._ready or len(buffer) - offset < _HEAD:
            return False
        first, size = buffer[offset], buffer[offset + 1] & _SIZE
        if first != FINAL | TEXT:
            return first in _CONTROL
        begin = offset + _HEAD + (_MASK if self._masked else 0)
        if not _BEAT_SIZE < size <= _BEAT_LIMIT or len(buffer) < begin + _BEAT_SIZE:
            return False
        said = int.from_bytes(buffer[begin : begin + _BEAT_SIZE], "big")
        if self._masked:
            mask = buffer[begin - _MASK : begin] * 3
            said ^= int.from_bytes(mask[:_BEAT_SIZE], "big")
        return said in _BEATS

    def take(self) -> tuple[int, bytes] | None:
        """Return the next piece, or None until more bytes are fed.

        It is a message (`TEXT` or `BINARY`), a `PART` of one, or a `PING`, `PONG` or `CLOSE` with the frame
        that answers it, if any. Raises `ProtocolError` ``frame-too-large`` from the head of a frame alone,
        and ``bad-frame``; it goes on to do so.
        """
        if self._ready:
            return TEXT, self._ready.popleft()
        size = self._size()
        if not size:
            self._drop_taken()
            return None
        begin = self._offset
        frame, answer = self._read(self._buffer[begin : begin + size])
        self._take_away(begin + size)
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            if frame.fin:
                return int(opcode), bytes(frame.data)
            self._kind = int(opcode)
        elif opcode is not Opcode.CONT:
            return int(opcode), answer
        return self._add(frame)

    def take_messages(self, most: int) -> list[bytes]:
        """Return the texts that stand first, each whole and in a frame of its own, at most ``most`` of them.

        They end before anything else, which `take` is for. The library does not see them: of all that it
        knows, nothing concerns a frame that is whole, final, of the right side and within the limit.
        """
        if self._ready:
            return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]
        texts: list[bytes] = []
        buffer, at, come = self._buffer, self._offset, len(self._buffer)
        while len(texts) < most and self._kind == PART and come - at >= _HEAD and buffer[at] == FINAL | TEXT:
            begin, size = at + _HEAD, buffer[at + 1] ^ (FINAL if self._masked else 0)
            if size == _TWO_BYTES:
                size = int.from_bytes(buffer[begin : begin + 2], "big")
                begin += 2
            elif size > _TWO_BYTES:  # larger than any message, or of the wrong side
                break
            if self._masked:
                begin += _MASK
            if begin + size > come or size > LIMIT:
                break
            at = begin + size
            text = buffer[begin:at]
            texts.append(apply_mask(text, buffer[begin - _MASK : begin]) if self._masked else bytes(text))
        if texts:
            self._take_away(at)
        return texts

    def put_back(self, texts: Sequence[bytes]) -> None:
        """Let ``texts``, the last ones that were taken, be taken again."""
        self._ready.extendleft(reversed(texts))

    def let_go(self) -> None:
        """Hold nothing in a circle: the connection is gone."""
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.parser.close()
            del protocol.parser
            protocol.parser_exc = None

    def _size(self) -> int:
        """Return how many bytes the library is given now: 0 as long as the next frame has not come whole.

        Of a frame that it will refuse it gets the head alone.
        """
        buffer, offset = self._buffer, self._offset
        come = len(buffer) - offset
        if come < self._wanted:
            return 0
        masked, size = buffer[offset + 1] & FINAL, buffer[offset + 1] & _SIZE
        if bool(masked) is not self._masked:
            return _HEAD
        head = _HEAD
        if size >= _TWO_BYTES:
            head += 2 if size == _TWO_BYTES else 8
            if come < head:
                self._wanted = head
                return 0
            size = int.from_bytes(buffer[offset + _HEAD : offset + head], "big")
            if size + len(self._parts) > LIMIT:
                return head
        self._wanted = head + (_MASK if masked else 0) + size
        return self._wanted if come >= self._wanted else 0

    def _read(self, data: bytearray) -> tuple[Frame, bytes]:
        """Return the frame in ``data``, and what answers it. Raises `ProtocolError`."""
        protocol = self._protocol
        if protocol is None:
            raise ProtocolError(Code.BAD_FRAME, _OVER)
        protocol.receive_data(data)
        events = protocol.events_received()
        if not events:
            raise _refusal(protocol.parser_exc)
        return cast(Frame, events[0]), b"".join(protocol.data_to_send())

    def _add(self, frame: Frame) -> tuple[int, bytes]:
        """Return the message that ``frame`` ends, or say that it is a part of one."""
        self._parts += frame.data
        if not frame.fin:
            return PART, b""
        message, kind = bytes(self._parts), self._kind
        self._parts = bytearray()
        self._kind = PART
        return kind, message

    def _take_away(self, end: int) -> None:
        self._wanted = _HEAD
        super()._take_away(end)


def _refusal(cause: Exception | None) -> ProtocolError:
    """Return what is said about a frame that the library refused because of ``cause``."""
    if cause is None:
        return ProtocolError(Code.BAD_FRAME, _OVER)
    if isinstance(cause, PayloadTooBig):
        return ProtocolError(
            Code.FRAME_TOO_LARGE, f"A message is larger than {LIMIT} bytes, which are the limit."
        )
    return ProtocolError(Code.BAD_FRAME, f"A frame is wrong: {cause}.")
