"""Ways to a server: which endpoint an address means, and what its failures mean."""

from typing import Protocol

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure

from chatd.client.core.address import Address
from chatd.client.core.link import ATTEMPT
from chatd.client.core.proxy import Proxy
from chatd.client.net.narrow import narrowed
from chatd.client.net.reasons import Ending, closed, ending
from chatd.client.net.seams import Way
from chatd.client.net.security import NONE, Security


class Through(Protocol):
    """What leads to the server where it is not reached directly: a tunnel through a proxy."""

    def endpoint(self, segment: int = 0) -> IStreamClientEndpoint:
        """Return an endpoint for one attempt, whose segments are bounded to ``segment`` bytes; 0: not."""

    def ending(self, failure: Failure) -> Ending | None:
        """Return what ``failure`` means if the tunnel has to do with it."""

    def unheard(self) -> Ending:
        """Return what the end of the tunnel means before the server has spoken."""


class PlainWay:
    """Over TCP (with all addresses of a name tried side by side, RFC 8305) or to a UNIX socket."""

    def __init__(self, reactor: IReactorTime, address: Address, through: Through | None = None) -> None:
        self._reactor = reactor
        self._address = address
        self._through = through
        self._guessed = False

    def endpoint(self, segment: int = 0) -> IStreamClientEndpoint:
        """Return an endpoint for one attempt, whose segments are bounded to ``segment`` bytes; 0: not."""
        address = self._address
        if self._through is not None:
            return self._through.endpoint(segment)
        if address.scheme == "unix":
            return UNIXClientEndpoint(self._reactor, address.host, timeout=ATTEMPT)
        reactor = narrowed(self._reactor, segment)
        return HostnameEndpoint(reactor, address.host, address.port, timeout=ATTEMPT)

    def ending(self, failure: Failure) -> Ending:
        """Return what ``failure`` means."""
        self._guessed = False
        return ending(failure, self._known)

    def unheard(self, failure: Failure) -> Ending:
        """Return what ``failure`` means where the server had not said a word.

        What may be the cause is told once, not with each attempt that ends in the same way.
        """
        if not closed(failure):
            return self.ending(failure)
        if self._through is not None:
            return self._through.unheard()
        guess = "" if self._guessed else f"; it may be starting, or {self._wanted()}"
        self._guessed = True
        return Ending(f"closed without an answer{guess}", answered=True)

    def _wanted(self) -> str:
        """Return what a listener may want of us that we do not give."""
        secured = self._address.secured
        return f"want {f'TLS ({secured}) or ' if secured else ''}a relay's PROXY header"

    def _known(self, failure: Failure) -> Ending | None:
        return None if self._through is None else self._through.ending(failure)


class SecureWay(PlainWay):
    """Over TLS; the server is known by its name or by a fingerprint, as ``security`` says."""

    def __init__(
        self, reactor: IReactorTime, address: Address, security: Security, through: Through | None = None
    ) -> None:
        from chatd.client.net.tls import verifier_of  # noqa: PLC0415 - plain links start faster

        super().__init__(reactor, address, through)
        self._verifier = verifier_of(address, security)

    def endpoint(self, segment: int = 0) -> IStreamClientEndpoint:
        """Return an endpoint for one attempt, whose segments are bounded to ``segment`` bytes; 0: not."""
        from chatd.client.net.secured import SecuredEndpoint  # noqa: PLC0415

        return SecuredEndpoint(self._verifier, super().endpoint(segment), self._reactor)

    def _wanted(self) -> str:
        return "want a relay's PROXY header"

    def _known(self, failure: Failure) -> Ending | None:
        return super()._known(failure) or self._verifier.ending(failure)


class WebWay:
    """By WebSocket, over ``way``."""

    def __init__(self, reactor: IReactorTime, address: Address, way: Way) -> None:
        self._reactor = reactor
        self._address = address
        self._way = way

    def endpoint(self, segment: int = 0) -> IStreamClientEndpoint:
        """Return an endpoint for one attempt, whose segments are bounded to ``segment`` bytes; 0: not."""
        from chatd.client.net.websocket.endpoint import WebSocketEndpoint  # noqa: PLC0415 - it is seldom used

        return WebSocketEndpoint(self._reactor, self._address, self._way.endpoint(segment))

    def ending(self, failure: Failure) -> Ending:
        """Return what ``failure`` means."""
        from chatd.client.net.websocket.handshake import WebSocketError  # noqa: PLC0415

        problem = failure.value
        return problem.ending if isinstance(problem, WebSocketError) else self._way.ending(failure)

    def unheard(self, failure: Failure) -> Ending:
        """Return what ``failure`` means where the chat had not said a word behind the handshake."""
        if closed(failure):
            return Ending(
                "closed behind the handshake of WebSocket, without a word of the chat", answered=True
            )
        return self.ending(failure)


def way_to(
    reactor: IReactorTime, address: Address, security: Security | None = None, proxy: Proxy | None = None
) -> Way:
    """Return the way to ``address``, through ``proxy`` if there is one.

    Raises `ClientError` where a file of ``security``, or ``proxy``, cannot be used.
    """
    security = security or NONE
    through = None
    if proxy is not None:
        from chatd.client.net.proxies.tunnel import Tunnel  # noqa: PLC0415 - direct links start faster

        through = Tunnel(reactor, proxy, address, security.ca)
    way = (
        SecureWay(reactor, address, security, through) if address.tls else PlainWay(reactor, address, through)
    )
    return WebWay(reactor, address, way) if address.web else way
