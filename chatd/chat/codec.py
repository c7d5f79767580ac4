"""The codec: makes bytes of everything that leaves chat, for one kind of connection."""

from collections.abc import Sequence
from typing import Protocol

from chatd.wire.messages import Message


class Codec(Protocol):
    """Makes bytes of answers and notices, and of the growth of a log; the same bytes for all of a kind."""

    def encode(self, message: Message, /) -> bytes:
        """Return the bytes that carry ``message``."""

    def encode_all(self, messages: Sequence[Message], /) -> bytes:
        """Return the bytes that carry ``messages``, one behind the other."""

    def render(self, events: list[bytes], /) -> bytes:
        """Return the bytes that carry ``events``, given in their stored form (`chatd.wire.stored`)."""
