"""The codec: what chat asks of a kind of connection to make bytes of what leaves it."""

from typing import Protocol

from chatd.wire.messages import Message


class Codec(Protocol):
    """Makes bytes of answers and notices, and of the growth of a log; the same bytes for all who speak it."""

    def encode(self, message: Message, /) -> bytes:
        """Return the bytes that carry ``message``."""

    def render(self, events: list[bytes], /) -> bytes:
        """Return the bytes that carry ``events``, which come as they are stored (`chatd.wire.stored`)."""
