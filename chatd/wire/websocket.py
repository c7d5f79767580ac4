"""WebSocket: each message in a text frame, each chunk in a binary one (docs/PROTOCOL.md, "WebSocket").

What a server writes is not masked, so the same bytes serve everybody, and no library
handles them.
"""

import struct
from collections.abc import Sequence
from typing import Final

from chatd.wire.errors import CloseReason, Code
from chatd.wire.limits import MAX_FRAME
from chatd.wire.messages import Error, Goodbye, Message, Ping, Pong, ToServer
from chatd.wire.objects import Alphabet, write
from chatd.wire.stored import text_of

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

LIMIT: Final = MAX_FRAME - 1
"""Bytes in a message at the most, whole or in fragments: as many as a native frame holds behind its type."""

FINAL: Final = 0x80
"""The bit of a frame that ends a message."""

_SHORT: Final = 126
_CHUNK: Final = struct.Struct(">IQ")
_TEXT_HEADS: Final = [bytes((FINAL | TEXT, size)) for size in range(_SHORT)]
_LONG: Final = struct.Struct(">BBH").pack

_to_server: Final[Alphabet[ToServer | Ping | Pong]] = Alphabet(ToServer | Ping | Pong)

decode_to_server: Final = _to_server.read
decode_all_to_server: Final = _to_server.read_all


class Closing:
    """The numbers that a close frame gives as its reason (RFC 6455, section 7.4.1)."""

    NORMAL: Final = 1000
    PROTOCOL_ERROR: Final = 1002
    NO_MESSAGE: Final = 1007
    NOT_ALLOWED: Final = 1008
    TOO_LARGE: Final = 1009
    FAULT: Final = 1011
    RESTART: Final = 1012


_CLOSINGS: Final[dict[str, int]] = {
    Code.BAD_FRAME: Closing.PROTOCOL_ERROR,
    Code.BAD_MESSAGE: Closing.NO_MESSAGE,
    Code.FRAME_TOO_LARGE: Closing.TOO_LARGE,
    CloseReason.GOODBYE: Closing.NORMAL,
    CloseReason.ENDED: Closing.NORMAL,
    CloseReason.FAULT: Closing.FAULT,
    CloseReason.DRAIN: Closing.RESTART,
    "": Closing.NORMAL,
}


def server_frame(opcode: int, payload: bytes) -> bytes:
    """Return the frame of a server that carries ``payload``, which is within `LIMIT`."""
    size = len(payload)
    first = FINAL | opcode
    return (bytes((first, size)) if size < _SHORT else _LONG(first, _SHORT, size)) + payload


def encode(message: Message) -> bytes:
    """Return the frame that carries ``message``; behind the last words the frame that closes."""
    payload = write(message)
    size = len(payload)
    data = (_TEXT_HEADS[size] if size < _SHORT else _LONG(FINAL | TEXT, _SHORT, size)) + payload
    if isinstance(message, Goodbye):
        return data + close(message.reason)
    if isinstance(message, Error) and message.id is None:
        return data + close(message.code)
    return data


def encode_all(messages: Sequence[Message]) -> bytes:
    """Return the frames that carry ``messages``, one behind the other."""
    return b"".join(map(encode, messages))


def render(events: list[bytes]) -> bytes:
    """Return the frames that carry ``events``, which come as they are stored."""
    pieces: list[bytes | memoryview] = []
    for stored in events:
        text = text_of(stored)
        size = len(text)
        pieces.append(_TEXT_HEADS[size] if size < _SHORT else _LONG(FINAL | TEXT, _SHORT, size))
        pieces.append(text)
    return b"".join(pieces)


def chunk(transfer: int, offset: int, data: bytes | memoryview) -> bytes:
    """Return the frame that carries ``data`` of ``transfer`` from byte ``offset`` of the file on."""
    return server_frame(BINARY, b"".join((_CHUNK.pack(transfer, offset), data)))


def close(why: str) -> bytes:
    """Return the frame that closes, for the reason ``why`` of a goodbye or of an error."""
    number = _CLOSINGS.get(why, Closing.NOT_ALLOWED)
    return server_frame(CLOSE, number.to_bytes(2, "big") + why.encode())
