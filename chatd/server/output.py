"""The output of a connection: messages and events go out by its transport, until the last words."""

from typing import TYPE_CHECKING, Any, Final, Protocol

from chatd.chat.codec import Codec
from chatd.chat.reader import Reader
from chatd.server.liveness import Liveness, Traffic
from chatd.tcp import arrived, unsent
from chatd.wire.messages import Message

if TYPE_CHECKING:
    from chatd.server.server import Server

LARGE: Final = 400
"""Bytes of one write, about, which a path of the smallest kind may swallow; the course looks after them."""


class Source(Protocol):
    """A connection, as its output sees it."""

    liveness: Liveness
    server: "Server"

    def hasten(self, now: float) -> None:
        """Have the reaper look soon."""

    def catch_up(self) -> None:
        """Have the reader brought forward."""

    def fault(self) -> None:
        """End it because of the current exception, which concerns it alone (P8)."""


_GONE: Any = None
"""What is left of the source of an output whose connection is gone."""


class Output:
    """Writes for ``source`` in the language of ``codec``, and counts; the ``reader`` hands over events.

    It gets its ``transport`` when that is open.
    """

    # They keep a connection small, and spare a look into a dictionary for every message.
    __slots__ = ("_ended", "_source", "_written", "codec", "reader", "transport")

    transport: Any

    def __init__(self, source: Source, codec: Codec) -> None:
        self.codec = codec
        self.reader = Reader(codec, self)
        self._source = source
        self._written = 0
        self._ended = False

    def say(self, message: Message) -> None:
        """Write a message, unless the connection has ended."""
        self.write(self.codec.encode(message))

    def write(self, data: bytes) -> None:
        """Write bytes of the wire, unless the connection has ended."""
        if self._ended:
            return
        now = self._count(len(data))
        self._source.liveness.heartbeat.said(now)
        self.transport.write(data)

    def _count(self, size: int) -> float:
        """Count bytes that are written; return the second of that."""
        server = self._source.server
        self._written += size
        server.counters.bytes_out += size
        now = server.clock.seconds()
        if size > LARGE:
            self._source.hasten(now)
        return now

    def end(self) -> None:
        """Write nothing any more."""
        self._ended = True

    def let_go(self) -> None:
        """Forget the connection, which is gone."""
        self._source = _GONE
        self.reader.let_go()

    # ---- chatd.chat.reader.Sink ---------------------------------------------------------------------

    def hand(self, data: bytes) -> None:
        """Write what the reader hands over, whatever the connection's state."""
        self._count(len(data))
        self.transport.write(data)

    def rest(self, data: bytes) -> None:
        """Write what the outlet of the reader has not taken."""
        self.transport.write(data)

    def catch_up(self) -> None:
        """Have the reader brought forward."""
        self._source.catch_up()

    def fault(self) -> None:
        """End the connection because of the current exception."""
        self._source.fault()

    # ---- what is known of the bytes -----------------------------------------------------------------

    @property
    def bytes_out(self) -> int:
        """Return how many bytes were written."""
        return self._written + self.reader.volume

    def traffic(self) -> Traffic:
        """Return what the system knows of the connection's bytes."""
        waiting = unsent(self.transport)
        return Traffic(waiting, self.bytes_out - waiting, arrived(self.transport))
