"""The decoder of IRC: cuts what was received into lines, however it came."""

import re
from typing import Final, NamedTuple

from chatd.wire.errors import Code, ProtocolError
from chatd.wire.foreign import HEAD, foreign
from chatd.wire.irc import MAX_BODY

MOST: Final = 8192 + MAX_BODY
"""Bytes of one line with its end: what may be sent with tags, of which a client's are only a part."""

ENDLESS: Final = 16_384
"""Bytes without the end of a line that end the connection; up to there a line is only too long."""

TOO_LONG: Final = b"\0"
"""What stands for a line that is too long: no line can be this."""


_PLAIN: Final = re.compile(rb"PRIVMSG (#[^ ,:\x00-\x1f]+) :([^\x00-\x1f\x7f]{1,480})\r?\n")
"""A message to a channel, without tags and without anything that is no text, as most are."""


class Plain(NamedTuple):
    """Plain messages to one ``target``, as they stand one behind the other; ``ends`` are where they end."""

    target: str
    texts: list[str]
    ends: list[int]


class IrcDecoder:
    """Cuts received bytes into lines, holding no more than was fed and not yet taken.

    Feed it whatever arrived, then call `take` until it returns None. Work is linear in the bytes fed.
    """

    __slots__ = ("_begun", "_buffer", "_offset", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self._searched = 0
        self._begun = False

    def __len__(self) -> int:
        """Return how many fed bytes were not taken yet."""
        return len(self._buffer) - self._offset

    def feed(self, data: bytes) -> None:
        """Append received ``data``."""
        self._drop_taken()
        self._buffer += data

    def take(self) -> bytes | None:
        """Return the next line without LF, `TOO_LONG` in place of one that is, or None until more is fed.

        Raises `ProtocolError`: ``frame-too-large`` for a line without end, ``bad-message`` where the peer
        begins to speak another protocol, such as that of a browser that a page has sent here.
        """
        offset = self._offset
        end = self._buffer.find(b"\n", max(self._searched, offset))
        if not self._begun and (len(self) >= HEAD or end >= 0):
            self._begun = True
            strange = foreign(bytes(self._buffer[offset : offset + HEAD]))
            if strange is not None:
                raise ProtocolError(Code.BAD_MESSAGE, strange)
        if (len(self) if end < 0 else end - offset) >= ENDLESS:
            raise ProtocolError(Code.FRAME_TOO_LARGE, f"A line is longer than {ENDLESS} bytes.")
        if end < 0:
            self._searched = len(self._buffer)
            self._drop_taken()
            return None
        line = bytes(self._buffer[offset:end])
        self._offset = end + 1
        if self._offset == len(self._buffer):
            self._drop_taken()
        return line if len(line) < MOST else TOO_LONG

    def plain(self, most: int) -> Plain | None:
        """Return the plain messages that stand first, at most ``most``; `skip` takes them."""
        buffer, position = self._buffer, self._offset
        target, texts, ends = b"", list[str](), list[int]()
        while len(texts) < most and (found := _PLAIN.match(buffer, position)):
            if texts and found[1] != target:
                break
            target = found[1]
            try:
                texts.append(found[2].decode())
            except UnicodeDecodeError:
                break
            position = found.end()
            ends.append(position)
        try:
            return Plain(target.decode(), texts, ends) if texts else None
        except UnicodeDecodeError:
            return None

    def skip(self, end: int) -> None:
        """Take all up to where a plain message ends."""
        self._offset = end
        if end == len(self._buffer):
            self._drop_taken()

    def put_back(self, line: bytes) -> None:
        """Have the ``line`` that was taken last taken again."""
        self._buffer[: self._offset] = line + b"\n"
        self._offset = self._searched = 0

    def _drop_taken(self) -> None:
        if self._offset:
            del self._buffer[: self._offset]
            self._searched = max(0, self._searched - self._offset)
            self._offset = 0
