"""Relays: connections that begin with a PROXY header, which names their client.

Nothing of the chat exists before the header is there: the protocol is made with the client's own address, so
that limits and logs know no other. Only trusted relays are listened to.
"""

from typing import Any, Final

from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

from chatd.ops.log import Log
from chatd.ops.relays import Trusted
from chatd.server import addresses
from chatd.server.factory import ChatFactory
from chatd.server.proxy_header import HeaderError, HeaderParser, NoHeaderError
from chatd.server.server import Server
from chatd.wire.errors import CloseReason, Code

log = Log(__name__)

HEADER_TIMEOUT: Final = 5.0
"""Seconds from the connection to a complete PROXY header."""

REQUIRED: Final = "proxy-header-required"
MALFORMED: Final = "proxy-header-malformed"
NOT_TRUSTED: Final = "proxy-not-trusted"


class RelayedConnection(ProtocolWrapper):
    """Takes the header, then is the transport of the protocol behind it.

    Until then it is in ``waiting`` of the server, where the reaper finds it.
    """

    wrappedProtocol: Any
    transport: Any
    factory: "RelayFactory"

    def __init__(self, factory: "RelayFactory", server: Server) -> None:
        super().__init__(factory, None)  # type: ignore[arg-type]
        self.relay = ""
        self.close_reason: CloseReason | None = None
        self._server = server
        self._parser = HeaderParser()
        self.due = 0.0
        self._since = self._opened = server.clock.seconds()
        self._source: IAddress | None = None
        self._bytes_in = 0

    @property
    def address(self) -> str:
        """Return the relay's address, as long as there is no other."""
        return self.relay

    # ---- Twisted's side -----------------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        """Begin: the header has to come before the deadline."""
        self.transport = transport
        self.connected = 1
        self.relay = addresses.name_of(transport.getPeer())
        self.factory.registerProtocol(self)  # type: ignore[no-untyped-call]
        self._server.waits(self)

    def dataReceived(self, data: bytes) -> None:
        """Take the header in, and hand on what comes behind it."""
        if self.wrappedProtocol is not None:
            self.wrappedProtocol.dataReceived(data)
        elif self.close_reason is None:
            self._bytes_in += len(data)
            self._take(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End, and end the protocol behind the header too."""
        self.factory.unregisterProtocol(self)  # type: ignore[no-untyped-call]
        self._server.came(self)
        wrapped, self.wrappedProtocol = self.wrappedProtocol, None
        if wrapped is not None:
            wrapped.connectionLost(reason)
        else:
            self._ended()

    def getPeer(self) -> IAddress:
        """Return the client's address, or the relay's own if it speaks for itself."""
        return self._source or self.transport.getPeer()

    # ---- the header ---------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        try:
            header = self._parser.feed(data)
        except HeaderError as error:
            code = REQUIRED if isinstance(error, NoHeaderError) else MALFORMED
            self._refuse(code, f"The relay must begin with a PROXY header: {error}.", CloseReason.BAD_INPUT)
            return
        if header is not None:
            self._source = header.source
            self._hand_over(header.rest)

    def _hand_over(self, rest: bytes) -> None:
        if self._server.draining:
            self.abort(CloseReason.DRAIN)
            return
        self._server.came(self)
        self.wrappedProtocol = self.factory.wrappedFactory.buildProtocol(self.getPeer())
        if self.wrappedProtocol is None:
            self.abort(CloseReason.REFUSED)
            return
        super().makeConnection(self.transport)  # type: ignore[no-untyped-call]
        if rest and self.wrappedProtocol is not None:
            self.wrappedProtocol.dataReceived(rest)

    def _refuse(self, code: str, text: str, reason: CloseReason) -> None:
        self._server.journal.turned_away(code, text, self.transport.getPeer())
        self.abort(reason)

    # ---- the reaper's side --------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """End the connection if its header is late."""
        if self in self._server.waiting and now - self._since >= HEADER_TIMEOUT:
            text = f"No PROXY header came within {HEADER_TIMEOUT:g} s."
            self._refuse(REQUIRED, text, CloseReason.HELLO_TIMEOUT)

    def forgive(self, now: float) -> None:
        """Begin to wait anew: the daemon was not listening."""
        self._since = now

    def abort(self, reason: CloseReason) -> None:
        """End it at once."""
        self._server.came(self)
        self.close_reason = self.close_reason or reason
        self.transport.abortConnection()

    def _ended(self) -> None:
        log.debug(
            "client-out",
            peer=self.relay,
            reason=self.close_reason or CloseReason.LOST,
            duration=round(self._server.clock.seconds() - self._opened, 3),
            bytes_in=self._bytes_in,
        )


class RelayFactory(WrappingFactory[RelayedConnection]):
    """Wraps ``factory`` for connections from ``trusted`` relays, for the server of ``chat``."""

    noisy = False

    def __init__(self, factory: IProtocolFactory, chat: ChatFactory, trusted: Trusted) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self._chat = chat
        self._trusted = trusted

    def buildProtocol(self, addr: IAddress | None) -> RelayedConnection | None:  # type: ignore[override]
        """Return the protocol that waits for the header; None for an untrusted relay, or if too many wait."""
        server = self._chat.server
        if server is None or server.draining:
            return None
        host = addresses.host_of(addr)
        if host not in self._trusted:
            text = f"{host} is none of the trusted relays of this listener."
            _turn_away(server, addr, NOT_TRUSTED, text)
            return None
        if len(server.waiting) >= server.limits.max_connections:
            text = "Too many connections wait for their header."
            _turn_away(server, addr, Code.TOO_MANY_CONNECTIONS, text)
            return None
        return RelayedConnection(self, server)


def _turn_away(server: Server, address: IAddress | None, code: str, text: str) -> None:
    server.journal.turned_away(code, text, address)
    log.debug("client-out", peer=addresses.name_of(address), reason=CloseReason.REFUSED)
