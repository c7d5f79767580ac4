"""The output of a connection: messages and events go out by its transport, until the last words."""

from collections.abc import Callable
from typing import Any, Final

from chatd.chat.codec import Codec
from chatd.chat.reader import Reader
from chatd.clock import Clock
from chatd.counters import Counters
from chatd.server.liveness import Liveness, Traffic
from chatd.tcp import arrived, unsent
from chatd.wire.messages import Message

LARGE: Final = 400
"""Bytes of one write, about, which a path of the smallest kind may swallow; the course looks after them."""


class Output:
    """Writes in the language of ``codec``, and counts; the ``reader`` hands over events.

    It gets its ``transport`` when that is open. ``lagging`` and ``fault`` are for the reader.
    """

    # They keep a connection small, and spare a look into a dictionary for every message.
    __slots__ = ("_clock", "_counters", "_ended", "_liveness", "_written", "codec", "reader", "transport")

    transport: Any

    def __init__(
        self,
        codec: Codec,
        liveness: Liveness,
        counters: Counters,
        clock: Clock,
        lagging: Callable[[], None],
        fault: Callable[[], None],
    ) -> None:
        self.codec = codec
        self.reader = Reader(codec, self._hand, lagging, fault)
        self._liveness = liveness
        self._counters = counters
        self._clock = clock
        self._written = 0
        self._ended = False

    def say(self, message: Message) -> None:
        """Write a message, unless the connection has ended."""
        self.write(self.codec.encode(message))

    def write(self, data: bytes) -> None:
        """Write bytes of the wire, unless the connection has ended."""
        if self._ended:
            return
        size = len(data)
        self._written += size
        self._counters.bytes_out += size
        if size > LARGE:
            self._liveness.due = 0.0
        self._liveness.heartbeat.said(self._clock.seconds())
        self.transport.write(data)

    def _hand(self, data: bytes) -> None:
        self._written += len(data)
        self._counters.bytes_out += len(data)
        self._liveness.due = 0.0
        self.transport.write(data)

    def rest(self, data: bytes) -> None:
        """Write what the outlet of the reader has not taken."""
        self.transport.write(data)

    def end(self) -> None:
        """Write nothing any more."""
        self._ended = True

    # ---- what is known of the bytes -----------------------------------------------------------------

    @property
    def bytes_out(self) -> int:
        """Return how many bytes were written."""
        return self._written + self.reader.volume

    def traffic(self) -> Traffic:
        """Return what the system knows of the connection's bytes."""
        waiting = unsent(self.transport)
        return Traffic(waiting, self.bytes_out - waiting, arrived(self.transport))
