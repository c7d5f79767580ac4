"""The client's protocol: bytes in, bytes out, and the socket's options; it decides nothing."""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.net.seams import Hearer
from chatd.tcp import Tuning, allow_fragments, allow_unsent, flow, in_order, out_of_order

FAREWELL: Final = 2.0
"""Seconds that written bytes have to get out before the connection is aborted."""

REPEATS: Final = 2
"""Times that the system repeats in vain what was sent, before routers may take it apart."""

TUNING: Final = Tuning(idle=10, interval=5, probes=3, user_timeout=900_000)


@implementer(IPushProducer)
class ChatClientProtocol(Protocol):
    """One connection of link number ``link``."""

    def __init__(
        self,
        link: int,
        hearer: Hearer,
        made: "Callable[[ChatClientProtocol], None]",
        lost: Callable[[Failure], None],
    ) -> None:
        self.link = link
        self._hearer = hearer
        self._made = made
        self._lost = lost
        self._streaming = False
        self._out_of_order = self._in_order = 0

    def connectionMade(self) -> None:
        """Tune the socket and tell that the transport is open."""
        self._made(self)
        transport = self._transport()
        TUNING.apply(transport)
        register = getattr(transport, "registerProducer", None)
        if register is not None:
            register(self, True)
            self._streaming = True
        self._in_order = in_order(transport)
        self._hearer.opened(self)

    def dataReceived(self, data: bytes) -> None:
        """Hand the bytes on."""
        self._hearer.received(self.link, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the connector."""
        self._streaming = False
        self._lost(reason)

    def stirs(self) -> bool:
        """Return whether data has arrived since the last look that cannot be read before what is missing."""
        before, self._out_of_order = self._out_of_order, out_of_order(self._transport())
        return self._out_of_order > before

    def moves(self) -> bool:
        """Return whether bytes have come since the last look, be it that TLS keeps them for itself."""
        before, self._in_order = self._in_order, in_order(self._transport())
        return self._in_order > before

    def clogged(self) -> bool:
        """Return whether what was sent is repeated and not acknowledged; if so routers may take it apart."""
        repeats = flow(self._transport()).repeats
        if repeats >= REPEATS:
            allow_fragments(self._transport())
        return repeats > 0

    def allow_unsent(self, size: int) -> None:
        """Let the kernel hold ``size`` bytes that it cannot send yet."""
        allow_unsent(self._transport(), size)

    def write(self, data: bytes) -> None:
        """Write ``data``."""
        self._transport().write(data)

    def close(self) -> None:
        """Let what was written out, then close."""
        self._release()
        self._transport().loseConnection()

    def abort(self) -> None:
        """End the connection at once."""
        self._release()
        abort = getattr(self._transport(), "abortConnection", self._transport().loseConnection)
        abort()

    def read(self, on: bool) -> None:
        """Read, or leave what arrives where it is."""
        producer = self._transport()
        method = getattr(producer, "resumeProducing" if on else "pauseProducing", None)
        if method is not None:
            method()

    def pauseProducing(self) -> None:
        """Note that the transport takes no more for now."""
        self._hearer.writable(self.link, False)

    def resumeProducing(self) -> None:
        """Note that the transport takes more again."""
        self._hearer.writable(self.link, True)

    def stopProducing(self) -> None:
        """Do nothing: the end of the connection is told anyway."""

    def _release(self) -> None:
        if self._streaming:
            self._streaming = False
            self._transport().unregisterProducer()  # type: ignore[attr-defined]

    def _transport(self) -> ITransport:
        assert self.transport is not None  # noqa: S101 - Twisted sets it before connectionMade
        return self.transport


Made = Callable[[ChatClientProtocol], None]
"""Told of a protocol as soon as it has its transport."""
