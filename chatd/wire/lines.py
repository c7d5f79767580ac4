"""JSON lines: one message per line (docs/PROTOCOL.md, "JSON lines"); codec and decoder."""

from typing import Final

from chatd.wire.errors import Code, ProtocolError
from chatd.wire.foreign import HEAD, foreign
from chatd.wire.limits import MAX_FRAME
from chatd.wire.messages import Message, Ping, Pong, ToServer
from chatd.wire.objects import Alphabet, write, write_lines
from chatd.wire.received import Received
from chatd.wire.stored import text_of

_to_server: Final[Alphabet[ToServer | Ping | Pong]] = Alphabet(ToServer | Ping | Pong)

decode_to_server: Final = _to_server.read
decode_all_to_server: Final = _to_server.read_all


def encode(message: Message) -> bytes:
    """Return the line that carries ``message``."""
    return write(message) + b"\n"


encode_all: Final = write_lines
"""Returns the lines that carry some messages."""


def render(events: list[bytes]) -> bytes:
    """Return the lines that carry ``events``, which come as they are stored."""
    return b"\n".join([*map(text_of, events), b""])


_BEGINS: Final = frozenset(b"{ \t\r\n")
"""A line may begin with these: an object, and white space before it."""

_BEATS: Final = (b'{"t":"ping"', b'{"t":"pong"')


_NO_OBJECT: Final = (
    "A line does not begin as a JSON object does; clients such as chatc need a listener with"
    ' protocol = "native".'
)


class LineDecoder(Received):
    """Cut received bytes into lines, holding no more than was fed and not yet taken.

    Feed it whatever arrived, then call `take` until it returns None. A line has ``limit`` bytes
    at the most, with its end.
    """

    __slots__ = ("_searched", "limit")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        super().__init__()
        self._searched = 0
        self.limit = limit

    def begins_with_beat(self) -> bool:
        """Return whether the next line is a ping or a pong in the server's own spelling."""
        return self._buffer.startswith(_BEATS, self._offset)

    def take(self) -> bytes | None:
        """Return the next line without its end, or None until more bytes are fed.

        Raises `ProtocolError`: ``frame-too-large`` as soon as the limit has come without an end of the line,
        ``bad-message`` as soon as the line shows that it holds no object.
        """
        offset = self._offset
        end = self._buffer.find(b"\n", max(self._searched, offset), offset + self.limit)
        self._check(offset, end)
        if end < 0:
            self._searched = len(self._buffer)
            self._drop_taken()
            return None
        line = bytes(self._buffer[offset:end])
        self._searched = 0
        self._take_away(end + 1)
        return line

    def _check(self, offset: int, end: int) -> None:
        """Refuse a line because of its beginning or its length, before it has come whole."""
        come = len(self._buffer) - offset
        if come and self._buffer[offset] not in _BEGINS and (come >= HEAD or end >= 0):
            raise ProtocolError(
                Code.BAD_MESSAGE,
                foreign(bytes(self._buffer[offset : offset + HEAD])) or _NO_OBJECT,
            )
        if end < 0 and come >= self.limit:
            raise ProtocolError(
                Code.FRAME_TOO_LARGE, f"A line is longer than {self.limit} bytes, which are the limit."
            )

    def _drop_taken(self) -> None:
        self._searched = max(0, self._searched - self._offset)
        super()._drop_taken()
