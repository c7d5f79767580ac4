"""The native codec: messages to frames, and payloads to messages (docs/PROTOCOL.md, "Frames")."""

from collections.abc import Iterable, Sequence
from typing import Final

from chatd.wire.frames import HEAD, FrameType, frame
from chatd.wire.messages import FromServer, Message, Ping, Pong, ToServer
from chatd.wire.objects import Alphabet, write

_MESSAGE: Final = int(FrameType.MESSAGE)
_SHORT: Final = 1024
_HEADS: Final = [HEAD.pack(size + 1, _MESSAGE) for size in range(_SHORT)]
"""The beginnings of message frames with short payloads, which most have."""

_BEATS: Final[dict[type, FrameType]] = {Ping: FrameType.PING, Pong: FrameType.PONG}
_to_server: Final[Alphabet[ToServer]] = Alphabet(ToServer)
_from_server: Final[Alphabet[FromServer]] = Alphabet(FromServer)

decode_to_server: Final = _to_server.read
decode_all_to_server: Final = _to_server.read_all
decode_from_server: Final = _from_server.read_known


def encode(message: Message) -> bytes:
    """Return the frame that carries ``message``; pings and pongs have frames of their own types."""
    kind = _BEATS.get(type(message))
    if kind is not None:
        return frame(kind, message.data.encode())  # type: ignore[attr-defined]
    payload = write(message)
    return HEAD.pack(len(payload) + 1, _MESSAGE) + payload


def encode_all(messages: Sequence[Message]) -> bytes:
    """Return the frames that carry ``messages``, one behind the other."""
    if len(messages) == 1:
        return encode(messages[0])
    if _BEATS.keys().isdisjoint(map(type, messages)):
        return b"".join(message_frames(messages))
    return b"".join(map(encode, messages))


def message_frames(messages: Sequence[Message]) -> list[bytes]:
    """Return the frame of each of ``messages``, none of which is a ping or a pong."""
    return frames_of(map(write, messages))


def frames_of(payloads: Iterable[bytes]) -> list[bytes]:
    """Return the message frame of each of ``payloads``."""
    heads, pack = _HEADS, HEAD.pack
    return [
        (heads[len(payload)] if len(payload) < _SHORT else pack(len(payload) + 1, _MESSAGE)) + payload
        for payload in payloads
    ]


def render(events: list[bytes]) -> bytes:
    """Return the bytes that carry ``events``, which are stored as their frames (`chatd.wire.stored`)."""
    return events[0] if len(events) == 1 else b"".join(events)
