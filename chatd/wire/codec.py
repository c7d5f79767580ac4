"""The native codec: messages to frames, and payloads to messages (docs/PROTOCOL.md, "Frames")."""

from typing import Final

from chatd.wire.frames import HEAD, FrameType, frame
from chatd.wire.messages import FromServer, Message, Ping, Pong, ToServer
from chatd.wire.objects import Alphabet, write

_MESSAGE: Final = int(FrameType.MESSAGE)
_BEATS: Final[dict[type, FrameType]] = {Ping: FrameType.PING, Pong: FrameType.PONG}
_to_server: Final[Alphabet[ToServer]] = Alphabet(ToServer)
_from_server: Final[Alphabet[FromServer]] = Alphabet(FromServer)

decode_to_server: Final = _to_server.read
decode_from_server: Final = _from_server.read_known


def encode(message: Message) -> bytes:
    """Return the frame that carries ``message``; pings and pongs have frames of their own types."""
    kind = _BEATS.get(type(message))
    if kind is not None:
        return frame(kind, message.data.encode())  # type: ignore[attr-defined]
    payload = write(message)
    return HEAD.pack(len(payload) + 1, _MESSAGE) + payload


def render(events: list[bytes]) -> bytes:
    """Return the bytes that carry ``events``, which are stored as their frames (`chatd.wire.stored`)."""
    return events[0] if len(events) == 1 else b"".join(events)
