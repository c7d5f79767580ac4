"""Tunnels: the way to one server through one proxy, and what its failures mean."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.core.address import Address
from chatd.client.core.link import ATTEMPT
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import LONGEST_NAME, Proxy
from chatd.client.net.narrow import narrowed
from chatd.client.net.proxies.endpoint import TunnelEndpoint
from chatd.client.net.proxies.http_connect import HttpConnect
from chatd.client.net.proxies.names import LookedUpEndpoint, ascii_host
from chatd.client.net.proxies.narrowing import Narrowing
from chatd.client.net.proxies.negotiation import Negotiate, Negotiation, ProxyError, UntrustedProxyError
from chatd.client.net.proxies.socks import Socks5
from chatd.client.net.reasons import Ending
from chatd.client.net.tls import Authorities, Verifier
from chatd.tcp import CAN_LIMIT_SEGMENTS

_NEGOTIATIONS: Final[dict[str, Negotiate]] = {
    "http": HttpConnect,
    "https": HttpConnect,
    "socks5": Socks5,
    "socks5h": Socks5,
}


def negotiation(proxy: Proxy, host: str, port: int) -> Negotiation:
    """Return the negotiation with ``proxy`` about a connection to ``host`` and ``port``.

    Raises `ClientError` where a library for it is missing.
    """
    return _NEGOTIATIONS[proxy.scheme](proxy, host, port)


_ENDINGS: Final[tuple[tuple[type[BaseException], str, bool], ...]] = (
    (error.ConnectionDone, "closed by the proxy {} or the server behind it", True),
    (error.ConnectionAborted, "closed by the proxy {} or the server behind it", True),
    (error.ConnectionLost, "closed by the proxy {} or the server behind it", True),
    (error.TimeoutError, "the proxy {} timed out", False),
)
"""How a link ends whose other end is the proxy; and whether somebody was there to end it."""


_NOTHING_HEARD: Final = (
    "the proxy {} opened a way, and the server behind it said nothing; it is probably not running, or cannot"
    " be reached from there"
)
"""Some proxies say that the way is open before they know, and close it afterwards."""


class Tunnel:
    """The way to ``server`` through ``proxy``; ``ca`` names the authorities that may vouch for an https one.

    Raises `ClientError` where it cannot be used.
    """

    def __init__(self, reactor: Any, proxy: Proxy, server: Address, ca: str | None = None) -> None:
        self._reactor = reactor
        self._proxy = proxy
        self._host = ascii_host(_reachable(server).host)
        self._port = server.port
        self._verifier: Verifier | None = None
        self._narrowing = Narrowing()
        if proxy.scheme == "https":
            trusted = Authorities(ca) if ca else None
            self._verifier = Verifier(proxy.host, f"the proxy {proxy}", trusted)
        self._negotiation(self._host)  # what is missing is missed now

    def endpoint(self, segment: int = 0) -> IStreamClientEndpoint:
        """Return an endpoint for one attempt; the segments to the proxy are bounded to ``segment`` bytes.

        Over TLS they may be smaller than that, where attempts before it stay silent.
        """
        if self._verifier is not None and CAN_LIMIT_SEGMENTS:
            return _NarrowingEndpoint(self._reactor, self._narrowing, segment, self._towards_server)
        return self._towards_server(segment)

    def _towards_server(self, segment: int) -> IStreamClientEndpoint:
        towards = partial(self._towards, narrowed(self._reactor, segment))
        if self._proxy.scheme == "socks5":
            return LookedUpEndpoint(self._reactor, self._host, self._port, towards)
        return towards(self._host)

    def ending(self, failure: Failure) -> Ending | None:
        """Return what ``failure`` means if the proxy has to do with it."""
        problem = failure.value
        if isinstance(problem, ProxyError):
            return problem.ending(self._proxy)
        return next((self._ended(*row[1:]) for row in _ENDINGS if isinstance(problem, row[0])), None)

    def unheard(self) -> Ending:
        """Return what the end of the tunnel means before the server has spoken."""
        return self._ended(_NOTHING_HEARD, True)

    def _ended(self, words: str, answered: bool) -> Ending:
        return Ending(words.format(self._proxy), answered)

    def _negotiation(self, host: str) -> Negotiation:
        return negotiation(self._proxy, host, self._port)

    def _towards(self, reactor: Any, host: str, patience: float = ATTEMPT) -> IStreamClientEndpoint:
        proxy: IStreamClientEndpoint = HostnameEndpoint(
            reactor, self._proxy.host, self._proxy.port, timeout=ATTEMPT
        )
        explain: Callable[[Failure], Failure] = lambda failure: failure  # noqa: E731
        if self._verifier is not None:
            from chatd.client.net.secured import SecuredEndpoint  # noqa: PLC0415 - most proxies speak no TLS

            proxy = SecuredEndpoint(self._verifier, proxy, self._reactor)
            explain = partial(_explained, self._verifier, self._proxy)
        return TunnelEndpoint(self._reactor, proxy, partial(self._negotiation, host), patience, explain)


@implementer(IStreamClientEndpoint)
class _NarrowingEndpoint:
    """Connects over the endpoint that ``make`` makes, with segments as large as ``narrowing`` says."""

    def __init__(
        self,
        clock: IReactorTime,
        narrowing: Narrowing,
        segment: int,
        make: Callable[[int], IStreamClientEndpoint],
    ) -> None:
        self._clock = clock
        self._narrowing = narrowing
        self._segment = segment
        self._make = make

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Return a Deferred that fires with the protocol of the server."""
        size = self._narrowing.begin(self._segment, self._clock.seconds())
        return self._make(size).connect(protocolFactory).addBoth(self._ended, size)

    def _ended(self, outcome: Any, size: int) -> Any:
        self._narrowing.ended()
        if not isinstance(outcome, Failure):
            self._narrowing.came_through(size, self._clock.seconds())
        return outcome


def _reachable(server: Address) -> Address:
    if server.scheme == "unix":
        raise ClientError("bad-proxy", "A UNIX socket is not reached through a proxy; leave --proxy out.")
    if len(server.host.encode()) > LONGEST_NAME:
        raise ClientError("bad-address", f"The name of a host has {LONGEST_NAME} bytes at the most.")
    return server


def _explained(verifier: Verifier, proxy: Proxy, failure: Failure) -> Failure:
    found = verifier.ending(failure)
    if found is None:
        return failure
    if found.code == "not-tls":
        return Failure(ProxyError(f"does not speak TLS; write http://{proxy}.", code="bad-proxy"))
    return Failure(UntrustedProxyError(found))
