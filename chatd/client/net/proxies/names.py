"""Names that are looked up here, though a proxy makes the connection."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from zope.interface import implementer

from chatd.client.core.link import ATTEMPT
from chatd.client.core.problems import ClientError
from chatd.client.net.proxies.negotiation import ProxyError

Towards = Callable[[str, float], IStreamClientEndpoint]
"""Returns the endpoint to an address that has so many seconds."""


def ascii_host(host: str) -> str:
    """Return ``host`` as proxies are told it (RFC 3490). Raises `ClientError` ``bad-address``."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ClientError("bad-address", f"{host!r} is no name that a host can have.") from None


@implementer(IResolutionReceiver)
class _Answer:
    """Collects the addresses of one name."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self.done: Deferred[list[str]] = Deferred()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Do nothing: it cannot be stopped."""

    def addressResolved(self, address: IAddress) -> None:
        """Note one address."""
        host = getattr(address, "host", "")
        if host and host not in self._found:
            self._found.append(host)

    def resolutionComplete(self) -> None:
        """Hand out what was found."""
        self.done.callback(self._found)


def look_up(reactor: Any, host: str, port: int) -> Deferred[list[str]]:
    """Return the addresses of ``host``, which may be one itself."""
    try:
        return succeed([str(ip_address(host))])
    except ValueError:
        answer = _Answer()
        reactor.nameResolver.resolveHostName(answer, host, portNumber=port)
        return answer.done


@implementer(IStreamClientEndpoint)
class LookedUpEndpoint:
    """Connects to the first address of ``host`` that ``towards`` reaches, one after the other.

    All of them together have ``patience`` seconds.
    """

    def __init__(
        self, reactor: Any, host: str, port: int, towards: Towards, patience: float = ATTEMPT
    ) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._towards = towards
        self._patience = patience

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Return a Deferred that fires with the protocol of the server."""
        connecting = Deferred.fromCoroutine(self._connect(protocolFactory))
        return connecting.addTimeout(self._patience, self._reactor, lambda result, _: result)

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        end = self._reactor.seconds() + self._patience
        found = await look_up(self._reactor, self._host, self._port)
        for left in range(len(found), 0, -1):
            share = max(0.0, end - self._reactor.seconds()) / left
            try:
                return await self._towards(found[-left], share).connect(factory)
            except ProxyError as problem:
                if left == 1 or not problem.elsewhere:
                    raise
        raise DNSLookupError(self._host)
