"""Frames: four bytes of length, one byte of type, the payload (docs/PROTOCOL.md, "Frames" and "Chunks")."""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from chatd.wire.errors import Code, ProtocolError
from chatd.wire.foreign import foreign
from chatd.wire.limits import MAX_FRAME
from chatd.wire.received import Received

ALPN: Final = b"chatd/1"
"""What both sides call the protocol while TLS begins (RFC 7301); whoever names none is served as well."""

HEAD = struct.Struct(">IB")
"""The beginning of a frame: the number of bytes after the first four, and the type."""

HEAD_SIZE = HEAD.size
_CHUNK_HEAD = struct.Struct(">IBIQ")
_CHUNK = struct.Struct(">IQ")
MAX_TRANSFER = 2**32 - 1
"""The highest number that a chunk can name its transfer by."""


class FrameType(IntEnum):
    """The content of a frame."""

    MESSAGE = 1
    CHUNK = 2
    PING = 3
    PONG = 4


_MESSAGE = int(FrameType.MESSAGE)
_TYPES: dict[int, FrameType] = {int(kind): kind for kind in FrameType}


def frame(kind: FrameType, payload: bytes) -> bytes:
    """Return the frame of ``kind`` that carries ``payload``."""
    return HEAD.pack(len(payload) + 1, kind) + payload


def chunk(transfer: int, offset: int, data: bytes | memoryview) -> bytes:
    """Return the chunk frame that carries ``data`` of ``transfer`` from byte ``offset`` of the file on."""
    head = _CHUNK_HEAD.pack(len(data) + 1 + _CHUNK.size, FrameType.CHUNK, transfer, offset)
    return b"".join((head, data))


def split_chunk(payload: bytes) -> tuple[int, int, memoryview]:
    """Return the transfer, the offset and the bytes of a chunk's ``payload``.

    Raises `ProtocolError` ``bad-chunk`` if it carries no byte of a file.
    """
    if len(payload) <= _CHUNK.size:
        raise ProtocolError(Code.BAD_CHUNK, "A chunk is empty; it carries a transfer, an offset and bytes.")
    transfer, offset = _CHUNK.unpack_from(payload)
    return transfer, offset, memoryview(payload)[_CHUNK.size :]


class FrameDecoder(Received):
    """Cut received bytes into frames, holding no more than was fed and not yet taken.

    Feed it whatever arrived, then call `take` until it returns None.
    """

    __slots__ = ("_wanted", "limit")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        super().__init__()
        self._wanted = HEAD_SIZE
        self.limit = limit

    @property
    def kind(self) -> int:
        """Return the number of the next frame's type; 0 until it has come."""
        at = self._offset + HEAD_SIZE - 1
        return self._buffer[at] if at < len(self._buffer) else 0

    def take(self) -> tuple[FrameType, bytes] | None:
        """Return the next frame's type and payload, or None until more bytes are fed.

        Raises `ProtocolError` ``frame-too-large`` or ``bad-frame`` from the header alone, before the body.
        """
        offset = self._offset
        available = len(self._buffer) - offset
        if available < self._wanted:
            self._drop_taken()
            return None
        size, number = HEAD.unpack_from(self._buffer, offset)
        if size > self.limit:
            raise ProtocolError(
                Code.FRAME_TOO_LARGE,
                foreign(bytes(self._buffer[offset : offset + HEAD_SIZE]))
                or f"A frame of {size} bytes was announced; the limit is {self.limit} bytes.",
            )
        kind = _TYPES.get(number)
        if size == 0 or kind is None:
            raise ProtocolError(Code.BAD_FRAME, "A frame's header is wrong: its length or type is not known.")
        end = 4 + size
        if available < end:
            self._wanted = end
            self._drop_taken()
            return None
        payload = bytes(self._buffer[offset + HEAD_SIZE : offset + end])
        self._take_away(offset + end)
        return kind, payload

    def take_messages(self, most: int) -> list[bytes]:
        """Return the payloads of the message frames that stand first, at most ``most`` of them.

        They end before a frame that is wrong, of another type or not there as a whole: `take` is for that.
        """
        begin, come, limit = self._offset, len(self._buffer), self.limit
        if come - begin < self._wanted:
            return []
        payloads: list[bytes] = []
        with memoryview(self._buffer) as buffer:
            for _ in range(most):
                if begin + HEAD_SIZE > come:
                    break
                size, number = HEAD.unpack_from(buffer, begin)
                end = begin + 4 + size
                if number != _MESSAGE or end > come or not 0 < size <= limit:
                    break
                payloads.append(bytes(buffer[begin + HEAD_SIZE : end]))
                begin = end
        if payloads:
            self._take_away(begin)
        return payloads

    def put_back(self, payloads: Sequence[bytes]) -> None:
        """Let ``payloads``, the last ones that `take_messages` returned, be taken again."""
        self._buffer[: self._offset] = b"".join([frame(FrameType.MESSAGE, payload) for payload in payloads])
        self._offset = 0
        self._wanted = HEAD_SIZE

    def _take_away(self, end: int) -> None:
        self._wanted = HEAD_SIZE
        super()._take_away(end)
