"""The codec: messages to frames, and payloads to messages (docs/PROTOCOL.md, "Messages").

Unknown fields are ignored. Nothing is ever forwarded as received: it is encoded anew.
"""

import json
from typing import Any, Final

import msgspec
from msgspec import Struct

from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.frames import HEAD, FrameType, frame
from chatd.wire.limits import PROTOCOL_VERSION
from chatd.wire.messages import Count, FromServer, Hello, Message, Ping, Pong, ToServer


class _Kind(Struct):
    """What must be known of a message to say that its kind is not."""

    t: str


class _Envelope(_Kind):
    """What can be known of a client's message that is not understood."""

    id: Count | None = None
    version: Count = 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same name twice")
    return members


_MESSAGE: Final = int(FrameType.MESSAGE)
_BEATS: Final[dict[type, FrameType]] = {Ping: FrameType.PING, Pong: FrameType.PONG}
_encoder = msgspec.json.Encoder()
_to_server: Final[msgspec.json.Decoder[ToServer]] = msgspec.json.Decoder(ToServer)
_from_server: Final[msgspec.json.Decoder[FromServer]] = msgspec.json.Decoder(FromServer)
_kind: Final = msgspec.json.Decoder(_Kind)
_envelope: Final = msgspec.json.Decoder(_Envelope)
_scrutiny: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str)
_TO_SERVER_TAGS = frozenset(str(kind.__struct_config__.tag) for kind in ToServer.__args__)
_FROM_SERVER_TAGS = frozenset(str(kind.__struct_config__.tag) for kind in FromServer.__args__)


class UnknownRequestError(RequestError):
    """A request of a kind that this version does not know; ``id`` names it."""

    def __init__(self, request_id: int, kind: str) -> None:
        super().__init__(Code.UNSUPPORTED, f"The request {kind[:32]!r} is not known to this server.")
        self.id = request_id


def encode(message: Message) -> bytes:
    """Return the frame that carries ``message``; pings and pongs have frames of their own types."""
    if type(message) in _BEATS:
        return _encode_beat(message)
    payload = _encoder.encode(message)
    return HEAD.pack(len(payload) + 1, _MESSAGE) + payload


def _encode_beat(message: Any) -> bytes:
    return frame(_BEATS[type(message)], message.data.encode())


def render(events: list[bytes]) -> bytes:
    """Return the bytes that carry ``events``, which are stored as their frames (`chatd.wire.stored`)."""
    return events[0] if len(events) == 1 else b"".join(events)


def decode_to_server(payload: bytes) -> ToServer:
    """Return the client's message in ``payload``.

    Raises `UnknownRequestError` for a well-formed request of an unknown kind, `ProtocolError` for all else.
    """
    try:
        message = _to_server.decode(payload)
        if _encoder.encode(message) != payload:
            _scrutinise(payload)
    except (ValueError, RecursionError) as error:
        raise _refusal(payload, error) from None
    return message


def decode_from_server(payload: bytes) -> FromServer | None:
    """Return the server's message in ``payload``, or None for one of a kind unknown to this version.

    Raises `ProtocolError` for anything that is not a message.
    """
    try:
        return _from_server.decode(payload)
    except (ValueError, RecursionError) as error:
        if _names_unknown_kind(payload):
            return None
        raise _malformed(payload, error) from None


def _scrutinise(payload: bytes) -> None:
    """Refuse what the fast decoder skips in fields that it ignores: bad UTF-8, and names that come twice.

    What is byte for byte as `encode` writes it has neither, so that only foreign ways of writing pay for it.
    """
    _scrutiny.decode(payload.decode())


def _refusal(payload: bytes, error: Exception) -> ProtocolError | UnknownRequestError:
    """Return what is said of a client's message that cannot be taken because of ``error``."""
    try:
        _scrutinise(payload)
        envelope = _envelope.decode(payload)
    except (ValueError, RecursionError):
        return _malformed(payload, error)
    if envelope.t not in _TO_SERVER_TAGS and envelope.id is not None:
        return UnknownRequestError(envelope.id, envelope.t)
    if envelope.t == Hello.__struct_config__.tag and envelope.version != PROTOCOL_VERSION:
        return ProtocolError(
            Code.VERSION_UNSUPPORTED,
            f"This server speaks version {PROTOCOL_VERSION} of the protocol, not {envelope.version}; use a"
            " client that does.",
        )
    return _malformed(payload, error)


def _names_unknown_kind(payload: bytes) -> bool:
    try:
        return _kind.decode(payload).t not in _FROM_SERVER_TAGS
    except (ValueError, RecursionError):
        return False


def _malformed(payload: bytes, error: Exception) -> ProtocolError:
    what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error) or "not a JSON object"
    # The decoder quotes what was sent; it must not reach a log or a terminal as control characters.
    shown = what[:200].rstrip(".").encode("unicode_escape").decode()
    return ProtocolError(Code.BAD_MESSAGE, f"A message of {len(payload)} bytes is malformed: {shown}.")
