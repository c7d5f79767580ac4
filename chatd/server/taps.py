"""Taps: let the log tell, at debug, of every message of some connections; all others cost nothing.

What reads and what writes the messages of a connection is wrapped while somebody looks. Events of rooms are
handed to all followers as the same bytes, and are not told of; nor is any text.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from chatd.chat.codec import Codec
from chatd.ops.log import Log
from chatd.wire.messages import Message, Ping, Pong

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection

log = Log(__name__)

_BEATS: Final = (Ping, Pong)


class _Reads(Protocol):
    """What makes messages of what a connection brings."""

    decode_all: Callable[[list[bytes]], Iterable[object]]


class _Tap:
    """What is wrapped of one connection, which may be over before nobody looks at it any more."""

    def __init__(self, connection: "ChatConnection") -> None:
        self.lookers = 0
        self._reads, self._output = cast("_Reads", connection.protocol), connection.output
        self._codec = self._output.codec
        decode_all = self._reads.decode_all

        def heard(texts: list[bytes]) -> Iterator[object]:
            for message in decode_all(texts):
                _heard(connection, message)
                yield message

        self._reads.decode_all = heard
        self._output.codec = _Telling(connection, self._codec)

    def end(self) -> None:
        """Let everything be as it was."""
        del self._reads.decode_all  # what its kind has is in the way no more
        self._output.codec = self._codec


class Taps:
    """The connections that are looked at, by so many ``watchers``."""

    def __init__(self) -> None:
        self.watchers = 0
        self._open: dict[ChatConnection, _Tap] = {}

    def __len__(self) -> int:
        """Return how many connections are looked at."""
        return len(self._open)

    def open(self, connection: "ChatConnection") -> None:
        """Look at ``connection``, which is up; `close` has to follow."""
        if connection not in self._open:
            self._open[connection] = _Tap(connection)
        self._open[connection].lookers += 1

    def close(self, connection: "ChatConnection") -> None:
        """Look at ``connection`` no longer."""
        tap = self._open[connection]
        tap.lookers -= 1
        if not tap.lookers:
            del self._open[connection]
            tap.end()


class _Telling:
    """A codec that tells the log of what it makes bytes of."""

    def __init__(self, connection: "ChatConnection", codec: Codec) -> None:
        self._connection = connection
        self._codec = codec
        self.render = codec.render

    def encode(self, message: Message) -> bytes:
        """Return the bytes of ``message``."""
        _told(self._connection, message)
        return self._codec.encode(message)

    def encode_all(self, messages: Any) -> bytes:
        """Return the bytes of ``messages``."""
        for message in messages:
            _told(self._connection, message)
        return self._codec.encode_all(messages)


def _heard(connection: "ChatConnection", message: Any) -> None:
    if not isinstance(message, _BEATS):
        log.debug(
            "heard",
            connection=connection.number,
            nick=_nick(connection),
            message=message.__struct_config__.tag,
            room=getattr(message, "room", None) or None,
        )


def _told(connection: "ChatConnection", message: Any) -> None:
    if not isinstance(message, _BEATS):
        log.debug(
            "told",
            connection=connection.number,
            nick=_nick(connection),
            message=message.__struct_config__.tag,
            room=getattr(message, "room", None) or None,
            code=getattr(message, "code", None) or None,
        )


def _nick(connection: "ChatConnection") -> str | None:
    return None if connection.session is None else connection.session.user.nick
