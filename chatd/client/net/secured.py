"""TLS around an endpoint, under the clock of its reactor: no other reactor is asked for, or even made."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer


@implementer(IStreamClientEndpoint)
class SecuredEndpoint:
    """Speaks TLS, as ``creator`` says, on what ``endpoint`` connects."""

    def __init__(
        self, creator: IOpenSSLClientConnectionCreator, endpoint: IStreamClientEndpoint, clock: IReactorTime
    ) -> None:
        self._creator = creator
        self._endpoint = endpoint
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Return a Deferred that fires with the protocol inside of TLS."""
        layer = TLSMemoryBIOFactory(self._creator, True, protocolFactory, clock=self._clock)
        return self._endpoint.connect(layer).addCallback(_inner)


def _inner(outer: Any) -> IProtocol:
    inner: IProtocol = outer.wrappedProtocol
    return inner
