"""Endpoints that lead through a proxy: they wrap the endpoint to the proxy."""

import os
from collections.abc import Callable
from typing import Any, Final

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.core.link import ATTEMPT
from chatd.client.net.proxies.negotiation import Negotiation, ProxyError
from chatd.client.net.reasons import TOLD_UNREACHABLE, closed

_TIMED_OUT: Final = (
    error.TimeoutError,
    error.TCPTimedOutError,
    error.ConnectingCancelledError,
    CancelledError,
)
_NO_ANSWER: Final = "gave no answer: timed out; probably it cannot reach the server"
_CLOSED: Final = "closed the connection without an answer; probably it could not reach the server behind it"
"""What an SSH tunnel does, and others, wherever the server is not there."""

_UNKNOWN: Final = (error.DNSLookupError, error.UnknownHostError)


class Passage(Protocol):
    """The connection to a proxy: it negotiates, then it hands itself over to the protocol of the server.

    ``opened`` fires with that protocol. From then on this one only passes on what it hears; what is written
    goes past it.
    """

    def __init__(self, negotiation: Negotiation, factory: IProtocolFactory, address: IAddress) -> None:
        self._negotiation = negotiation
        self._factory = factory
        self._address = address
        self._inner: IProtocol | None = None
        self.opened: Deferred[IProtocol] = Deferred(self._give_up)

    def connectionMade(self) -> None:
        """Begin to negotiate."""
        self._transport().write(self._negotiation.begin())

    def dataReceived(self, data: bytes) -> None:
        """Negotiate, or pass on."""
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif not self.opened.called:
            self._negotiate(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits for the connection or has it."""
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif not self.opened.called:
            self.opened.errback(_closed(reason))

    def _negotiate(self, data: bytes) -> None:
        try:
            said = self._negotiation.receive(data)
        except ProxyError:
            self.opened.errback()
            self._abort()
            return
        if said:
            self._transport().write(said)
        if self._negotiation.rest is not None:
            self._open(self._negotiation.rest)

    def _open(self, rest: bytes) -> None:
        inner = self._factory.buildProtocol(self._address)
        if inner is None:
            self.opened.errback(error.NoProtocol())
            self._abort()
            return
        self._inner = inner
        inner.makeConnection(self._transport())
        self.opened.callback(inner)
        if rest:
            inner.dataReceived(rest)

    def _give_up(self, opened: Deferred[IProtocol]) -> None:
        opened.errback(ProxyError(_NO_ANSWER, answered=False, elsewhere=True))
        self._abort()

    def _abort(self) -> None:
        transport = self._transport()
        getattr(transport, "abortConnection", transport.loseConnection)()

    def _transport(self) -> ITransport:
        assert self.transport is not None  # noqa: S101 - Twisted sets it before connectionMade
        return self.transport


class _Passages(Factory):
    """Builds the passage of one attempt."""

    noisy = False

    def __init__(self, negotiate: Callable[[], Negotiation], factory: IProtocolFactory) -> None:
        self._negotiate = negotiate
        self._factory = factory

    def doStart(self) -> None:
        """Start the factory of the server's protocol too."""
        self._factory.doStart()

    def doStop(self) -> None:
        """Stop it."""
        self._factory.doStop()

    def buildProtocol(self, addr: IAddress) -> Passage:  # type: ignore[override] # Twisted says IAddress | None
        """Return the passage."""
        return Passage(self._negotiate(), self._factory, addr)


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """Connects over ``proxy``, once what ``negotiate`` begins has come to its end.

    All that may take ``patience`` seconds. What goes wrong is a `ProxyError`; ``explain`` makes one of the
    failures of TLS.
    """

    def __init__(
        self,
        clock: IReactorTime,
        proxy: IStreamClientEndpoint,
        negotiate: Callable[[], Negotiation],
        patience: float = ATTEMPT,
        explain: Callable[[Failure], Failure] = lambda failure: failure,
    ) -> None:
        self._clock = clock
        self._proxy = proxy
        self._negotiate = negotiate
        self._patience = patience
        self._explain = explain

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Return a Deferred that fires with the protocol of the server."""
        reached = self._proxy.connect(_Passages(self._negotiate, protocolFactory))
        opened = reached.addErrback(_unreachable).addCallback(_opened).addErrback(self._explain)
        return opened.addTimeout(self._patience, self._clock, lambda result, _: result)


def _opened(passage: Any) -> Deferred[IProtocol]:
    opened: Deferred[IProtocol] = passage.opened
    return opened


def _unreachable(failure: Failure) -> Failure:
    return Failure(ProxyError(f"is not reachable: {_words(failure.value)}", answered=False))


def _words(problem: BaseException | None) -> str:
    if isinstance(problem, _TIMED_OUT):
        return "timed out"
    if isinstance(problem, _UNKNOWN):
        return "name not found"
    number = getattr(problem, "osError", None)
    if isinstance(problem, error.ConnectError) and number is None:
        return TOLD_UNREACHABLE.text
    return os.strerror(number) if isinstance(number, int) else str(problem) or type(problem).__name__


def _closed(reason: Failure) -> Failure:
    return Failure(ProxyError(_CLOSED)) if closed(reason) else reason
