"""TLS before the chat: plain text is answered with an alert, and a failed handshake has a reason.

OpenSSL closes without a word on a peer that does not speak TLS. The alert tells the peer; the log tells the
operator.
"""

from typing import Any, Final

from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from chatd.server.factory import ChatFactory
from chatd.server.handshake import EXPECTED, plain_text

ALERT: Final = b"\x15\x03\x01\x00\x02\x02\x46"
"""What TLS says to a peer that does not speak it: a fatal alert, protocol_version (RFC 8446, section 6)."""

_HANDSHAKE: Final = 0x16
"""The first byte of every TLS connection."""


class SecureConnection(TLSMemoryBIOProtocol):
    """A TLS connection. A peer that begins with anything else gets an alert, and the connection ends."""

    factory: "SecureFactory"
    transport: Any

    _speaks_tls: bool | None = None

    def dataReceived(self, data: bytes) -> None:
        """Look at the first byte; hand on the bytes if it begins TLS."""
        if self._speaks_tls is None:
            self._speaks_tls = data[0] == _HANDSHAKE
            if not self._speaks_tls:
                self.factory.say_refused(data, self.transport.getPeer())
                self.transport.write(ALERT)
                self.transport.loseConnection()
        if self._speaks_tls:
            super().dataReceived(data)  # type: ignore[no-untyped-call]


class SecureFactory(TLSMemoryBIOFactory):
    """Wraps ``factory`` in TLS, for the server of ``chat``."""

    noisy = False
    protocol = SecureConnection

    def __init__(
        self, creator: IOpenSSLServerConnectionCreator, factory: IProtocolFactory, chat: ChatFactory
    ) -> None:
        super().__init__(creator, False, factory)
        self._chat = chat

    def buildProtocol(self, addr: Any) -> TLSMemoryBIOProtocol | None:  # type: ignore[override]
        """Return the protocol of a new connection; None where its address opens too many to be worth TLS."""
        server = self._chat.server
        if server is not None and not server.may_open(addr):
            return None
        return super().buildProtocol(addr)

    def say_refused(self, data: bytes, peer: Any) -> None:
        """Log that ``peer`` came with ``data`` in plain text."""
        server = self._chat.server
        if server is not None:
            server.journal.turned_away(EXPECTED, plain_text(data), peer)
