"""The connector: drives a client factory over an endpoint, as Twisted's own connectors do over a socket."""

from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError as TwistedTimeoutError
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IDelayedCall,
    IProtocol,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.core.link import ATTEMPT
from chatd.client.net.insistent import InsistentEndpoint
from chatd.client.net.protocol import FAREWELL, ChatClientProtocol

CONNECT_TIMEOUT: Final = ATTEMPT
"""Seconds from the look-up of the name to the open transport, over all addresses of the server."""


class LinkFactory(Protocol):
    """What a connector asks of the factory: Twisted's ClientFactory, and a protocol per link."""

    def build(self, connector: "EndpointConnector") -> ChatClientProtocol:
        """Return the protocol for the link of ``connector``."""

    def startedConnecting(self, connector: IConnector) -> None:
        """Note that an attempt begins."""

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """Note that an attempt failed."""

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        """Note that a connection ended."""


class _Once(Factory):
    """Builds the protocol of one attempt."""

    noisy = False

    def __init__(self, connector: "EndpointConnector", factory: LinkFactory) -> None:
        self._connector = connector
        self._factory = factory

    def buildProtocol(self, addr: IAddress | None) -> ChatClientProtocol:  # noqa: ARG002 - Twisted's
        """Return the protocol of the attempt's link."""
        return self._factory.build(self._connector)


@implementer(IConnector)
class EndpointConnector:
    """Connects ``factory`` for link number ``link`` over endpoints, as often as `connect` is called."""

    def __init__(
        self,
        link: int,
        endpoint: Callable[[], IStreamClientEndpoint],
        factory: LinkFactory,
        clock: IReactorTime,
    ) -> None:
        self.link = link
        self._endpoint = endpoint
        self._factory = factory
        self._clock = clock
        self._attempt: Deferred[IProtocol] | None = None
        self.protocol: ChatClientProtocol | None = None
        self._deadline: IDelayedCall | None = None
        self.waiting = False

    def connect(self) -> None:
        """Open the transport; the factory hears what becomes of it."""
        self.waiting = False
        self._factory.startedConnecting(self)
        endpoint = InsistentEndpoint(self._endpoint, self._clock)
        attempt = endpoint.connect(_Once(self, self._factory))
        attempt.addTimeout(CONNECT_TIMEOUT, self._clock, lambda *_: Failure(TwistedTimeoutError()))
        if self.protocol is None:
            self._attempt = attempt
        attempt.addErrback(self._failed)

    def stopConnecting(self) -> None:
        """Give up the attempt."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.addErrback(lambda _: None)
            attempt.cancel()

    def disconnect(self) -> None:
        """End the attempt or the connection at once."""
        self.stopConnecting()
        if self.protocol is not None:
            self.protocol.abort()

    def leave(self) -> None:
        """End the connection once what was written is out, or after `FAREWELL` seconds."""
        protocol = self.protocol
        if protocol is None:
            self.disconnect()
            return
        protocol.close()
        self._deadline = self._clock.callLater(FAREWELL, protocol.abort)

    def getDestination(self) -> IAddress:
        """Return the address of the peer; known once there is a connection."""
        if self.protocol is None or self.protocol.transport is None:
            raise AttributeError("There is no connection.")
        return self.protocol.transport.getPeer()

    def busy(self) -> bool:
        """Return whether there is an attempt or a connection."""
        return self._attempt is not None or self.protocol is not None

    def made(self, protocol: ChatClientProtocol) -> None:
        """Note which protocol has the connection."""
        self._attempt = None
        self.protocol = protocol

    def lost(self, failure: Failure) -> None:
        """Note that the connection has ended."""
        self.protocol = None
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._factory.clientConnectionLost(self, failure)

    def _failed(self, failure: Failure) -> None:
        if self._attempt is not None:
            self._attempt = None
            self._factory.clientConnectionFailed(self, failure)
