"""Endpoints for deliveries: a name is looked up, and only those of its addresses are tried that may be."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IResolutionReceiver, IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from chatd.ops.relays import Trusted
from chatd.webhooks.targets import may_reach

CONNECT: Final = 10.0
"""Seconds for one address to answer."""

TRIED: Final = 4
"""Addresses of one name that are tried."""


class ForbiddenError(Exception):
    """None of the addresses of a name may be reached."""


class UnknownNameError(Exception):
    """A name that has no address."""


@implementer(IAgentEndpointFactory)
class Endpoints:
    """Makes endpoints that reach nothing but what may be reached; ``allowed`` tells what else may."""

    def __init__(self, reactor: Any, allowed: Callable[[], tuple[str, ...]]) -> None:
        self._reactor = reactor
        self._allowed = allowed

    def endpointForURI(self, uri: Any) -> Any:
        """Return the endpoint for ``uri``."""
        host, secure = uri.host.decode("ascii"), uri.scheme == b"https"
        endpoint = _Guarded(
            self._reactor, host.strip("[]"), uri.port, Trusted(self._allowed()), secure=secure
        )
        if not secure:
            return endpoint
        return wrapClientTLS(optionsForClientTLS(host.strip("[]")), endpoint)


@implementer(IStreamClientEndpoint)
class _Guarded:
    """One server by its name or address."""

    def __init__(self, reactor: Any, host: str, port: int, allowed: Trusted, *, secure: bool) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._allowed = allowed
        self._secure = secure

    def connect(self, protocolFactory: Any) -> Any:
        """Connect a protocol of ``protocolFactory`` to one of the addresses."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: Any) -> Any:
        addresses = await _look_up(self._reactor, self._host, self._port)
        if not addresses:
            raise UnknownNameError
        usable = [one for one in addresses if may_reach(one.host, self._allowed, secure=self._secure)]
        if not usable:
            raise ForbiddenError
        problem: Exception | None = None
        for address in usable[:TRIED]:
            kind = TCP6ClientEndpoint if ":" in address.host else TCP4ClientEndpoint
            try:
                return await kind(self._reactor, address.host, self._port, CONNECT).connect(factory)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one may answer
                problem = error
        raise problem or ForbiddenError


@implementer(IResolutionReceiver)
class _Found:
    """Gathers the addresses of a name."""

    def __init__(self) -> None:
        self.addresses: list[Any] = []
        self.done: Deferred[list[Any]] = Deferred()

    def resolutionBegan(self, resolutionInProgress: Any) -> None:
        """Do nothing."""

    def addressResolved(self, address: Any) -> None:
        """Take one."""
        self.addresses.append(address)

    def resolutionComplete(self) -> None:
        """Hand them out."""
        if not self.done.called:
            self.done.callback(self.addresses)


def _look_up(reactor: Any, host: str, port: int) -> "Deferred[list[Any]]":
    found = _Found()
    reactor.nameResolver.resolveHostName(found, host, port)
    return found.done
