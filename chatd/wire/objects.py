"""Objects: messages to JSON objects and back, whatever frames them (docs/PROTOCOL.md, "Messages").

Unknown fields are ignored. Nothing is ever forwarded as received: it is encoded anew.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar, get_args

import msgspec
from msgspec import Struct

from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.limits import PROTOCOL_VERSION
from chatd.wire.messages import Count, Hello, Message

M = TypeVar("M")


class _Kind(Struct):
    """The part of a message that tells whether its kind is known."""

    t: str


class _Envelope(_Kind):
    """The part of a client's message that can be known though the message is not understood."""

    id: Count | None = None
    version: Count = 1


class UnknownRequestError(RequestError):
    """A request of a kind that this version does not know; ``id`` names it."""

    def __init__(self, request_id: int, kind: str) -> None:
        super().__init__(Code.UNSUPPORTED, f"The request {kind[:32]!r} is not known to this server.")
        self.id = request_id


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same name twice")
    return members


_encoder = msgspec.json.Encoder()
_kind: Final = msgspec.json.Decoder(_Kind)
_envelope: Final = msgspec.json.Decoder(_Envelope)
_scrutiny: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str)


write: Final[Callable[[Message], bytes]] = _encoder.encode
"""Returns the JSON object that a message is, in UTF-8 and in one line."""

write_lines: Final[Callable[[Sequence[Message]], bytes]] = _encoder.encode_lines
"""Returns one line for each of some messages, its end included."""


class Alphabet(Generic[M]):
    """The messages that one side may say."""

    def __init__(self, messages: Any) -> None:
        self._decoder: msgspec.json.Decoder[M] = msgspec.json.Decoder(messages)
        self._tags = frozenset(str(kind.__struct_config__.tag) for kind in get_args(messages))

    def read(self, text: bytes) -> M:
        """Return the message in ``text``, as a server reads it.

        Raises `UnknownRequestError` for a well-formed request of an unknown kind, else `ProtocolError`.
        """
        try:
            message = self._decoder.decode(text)
            if _encoder.encode(message) != text:
                _scrutinise(text)
        except (ValueError, RecursionError) as error:
            raise self._refusal(text, error) from None
        return message

    def read_all(self, texts: list[bytes]) -> list[M] | Iterator[M | UnknownRequestError]:
        """Return or yield the messages in ``texts`` as `read` has them, and the errors of unknown requests.

        Where all are in the spelling of `write`, they are read at once, which costs less, and come as a list.
        """
        try:
            messages = list(map(self._decoder.decode, texts))
            if list(map(write, messages)) == texts:  # type: ignore[arg-type]
                return messages
        except (ValueError, RecursionError):
            pass
        return self._read_one_by_one(texts)

    def _read_one_by_one(self, texts: list[bytes]) -> Iterator[M | UnknownRequestError]:
        for text in texts:
            try:
                yield self.read(text)
            except UnknownRequestError as error:
                yield error

    def read_known(self, text: bytes) -> M | None:
        """Return the message in ``text``, as a client reads it; None if its kind is unknown.

        Raises `ProtocolError` for anything that is not a message.
        """
        try:
            return self._decoder.decode(text)
        except (ValueError, RecursionError) as error:
            if self._names_unknown_kind(text):
                return None
            raise _malformed(text, error) from None

    def _refusal(self, text: bytes, error: Exception) -> ProtocolError | UnknownRequestError:
        """Return the refusal of a client's message that cannot be read because of ``error``."""
        try:
            _scrutinise(text)
            envelope = _envelope.decode(text)
        except (ValueError, RecursionError):
            return _malformed(text, error)
        if envelope.t not in self._tags and envelope.id is not None:
            return UnknownRequestError(envelope.id, envelope.t)
        if envelope.t == Hello.__struct_config__.tag and envelope.version != PROTOCOL_VERSION:
            return ProtocolError(
                Code.VERSION_UNSUPPORTED,
                f"This server speaks version {PROTOCOL_VERSION} of the protocol, not {envelope.version};"
                " use a client that does.",
            )
        return _malformed(text, error)

    def _names_unknown_kind(self, text: bytes) -> bool:
        try:
            return _kind.decode(text).t not in self._tags
        except (ValueError, RecursionError):
            return False


def _scrutinise(text: bytes) -> None:
    """Refuse what the fast decoder skips in fields that it ignores: bad UTF-8, and names that come twice.

    A message in exactly the spelling of `write` has neither, so only other spellings pay for this check.
    """
    _scrutiny.decode(text.decode())


def _malformed(text: bytes, error: Exception) -> ProtocolError:
    what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error) or "not a JSON object"
    if _halves_a_character(text):
        what = "an escape is half of a surrogate pair, which is no character"
    # The decoder quotes what was sent; it must not reach a log or a terminal as control characters.
    shown = what[:200].rstrip(".").encode("unicode_escape").decode()
    return ProtocolError(Code.BAD_MESSAGE, f"A message of {len(text)} bytes is malformed: {shown}.")


def _halves_a_character(text: bytes) -> bool:
    """Return whether ``text`` has a lone surrogate, of which the decoder speaks in strange words."""
    try:
        plain = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return False
    return any("\ud800" <= character <= "\udfff" for character in plain)
