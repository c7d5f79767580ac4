"""The sender: one POST with bounds of time and size; redirects are not followed, answers are thrown away."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import Agent, HTTPConnectionPool, _HTTP11ClientFactory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import directlyProvides, implementer, providedBy

from chatd.clock import Clock
from chatd.webhooks.endpoints import CONNECT, ForbiddenError, UnknownNameError
from chatd.webhooks.seams import DeliveryError

PATIENCE: Final = 30.0
"""Seconds from the beginning of a POST to its status."""

REST: Final = 5.0
"""Seconds for the rest of the answer, which nobody reads."""

MAX_ANSWER: Final = 65_536
"""Bytes of an answer, head and body; Twisted has no bound for the first, and nobody reads the second."""

CLOSE: Final = 2.0
"""Seconds for a receiver to take the rest and close its side, before the connection is aborted."""

KEPT: Final = 60
"""Seconds for which a connection is kept for the next POST."""


class HttpSender:
    """Posts over HTTP/1.1 to what ``endpoints`` reach."""

    def __init__(self, clock: Clock, endpoints: Any) -> None:
        self._clock = clock
        self._pool: Any = HTTPConnectionPool(clock)
        self._pool._factory = partial(_Clients, clock)  # type: ignore[assignment]  # noqa: SLF001 - no public way
        self._pool.maxPersistentPerHost = 1
        self._pool.cachedConnectionTimeout = KEPT
        self._pool.retryAutomatically = False
        self._agent: Any = Agent.usingEndpointFactory(clock, endpoints, self._pool)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> "Deferred[int]":
        """Return the status that answers ``body``, posted to ``url``. Fails with `DeliveryError`."""
        return Deferred.fromCoroutine(self._post(url, headers, body))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        try:
            return await self._ask(url, headers, body)
        except Exception as error:
            raise DeliveryError(explain(Failure())) from error

    async def _ask(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        named = Headers({name: [value] for name, value in headers.items()})
        asked: Deferred[Any] = self._agent.request(b"POST", url.encode("ascii"), named, _Body(body))
        response = await asked.addTimeout(PATIENCE, self._clock)
        rest = _Rest()
        response.deliverBody(rest)
        giving_up = self._clock.callLater(REST, rest.hang_up)
        await rest.done
        if giving_up.active():
            giving_up.cancel()
        status: int = response.code
        return status

    def stop(self) -> None:
        """Let go of the connections that are kept."""
        self._pool.closeCachedConnections()


class _Closing:
    """A transport that is aborted where the other side does not let it close: a receiver may never do.

    Behind TLS, Twisted waits for its word without end, and in plain text for it to take what was written.
    """

    def __init__(self, transport: Any, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._aborting: Any = None
        directlyProvides(self, providedBy(transport))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def loseConnection(self) -> None:
        """Close within `CLOSE`."""
        if self._aborting is None:
            self._aborting = self._clock.callLater(CLOSE, self._transport.abortConnection)
        self._transport.loseConnection()

    def closed(self) -> None:
        """Learn that it has closed."""
        if self._aborting is not None and self._aborting.active():
            self._aborting.cancel()


class _Client(HTTP11ClientProtocol):
    """A connection; whoever answers one POST with too much is hung up on, before all of it is kept."""

    transport: Any
    _size = 0

    def __init__(self, clock: Clock, quiescent: Any) -> None:
        super().__init__(quiescent)  # type: ignore[no-untyped-call]
        self._clock = clock

    def makeConnection(self, transport: Any) -> None:
        """Begin."""
        super().makeConnection(_Closing(transport, self._clock))  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End."""
        self.transport.closed()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def request(self, request: Any) -> Any:
        """Send ``request``."""
        self._size = 0
        return super().request(request)

    def dataReceived(self, data: bytes) -> None:
        """Take in ``data``, unless there was too much."""
        self._size += len(data)
        if self._size <= MAX_ANSWER:
            super().dataReceived(data)  # type: ignore[no-untyped-call]
        else:
            self.transport.abortConnection()


class _Clients(_HTTP11ClientFactory):
    """Makes the connections of a pool."""

    noisy = False

    def __init__(self, clock: Clock, *how: Any) -> None:
        super().__init__(*how)  # type: ignore[no-untyped-call]
        self._clock = clock

    def buildProtocol(self, addr: object) -> HTTP11ClientProtocol:
        """Return another one."""
        del addr
        return _Client(self._clock, self._quiescentCallback)


@implementer(IBodyProducer)
class _Body:
    """The whole of a body, which is small."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> "Deferred[None]":
        """Write all of it."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Do nothing: all is written."""

    def resumeProducing(self) -> None:
        """Do nothing, as above."""

    def stopProducing(self) -> None:
        """Do nothing, as above."""


class _Rest(TwistedProtocol):
    """Throws the body of an answer away."""

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Drop ``data``."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End."""
        del reason
        if not self.done.called:
            self.done.callback(None)

    def hang_up(self) -> None:
        """Wait for no more of it."""
        transport: Any = self.transport
        transport.loseConnection()
        if not self.done.called:
            self.done.callback(None)


def explain(failure: Failure) -> str:
    """Return why a POST has failed, in words for the owner of a room."""
    error = failure.value
    for reason in getattr(error, "reasons", ()):
        if not reason.check(ConnectionLost) or isinstance(reason.value, SSL.Error):
            return explain(reason)
    for kinds, text in _REASONS:
        if isinstance(error, kinds):
            return text
    return f"it could not be reached ({type(error).__name__})"


_REASONS: Final[tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...]] = (
    (ForbiddenError, "its address is none that this server tells anything"),
    (UnknownNameError, "its name is not known"),
    ((DeferredTimeout,), f"it did not answer within {PATIENCE:g} seconds"),
    ((ConnectTimeout,), f"nobody answers there within {CONNECT:g} seconds"),
    (ConnectError, "nobody listens there"),
    (SSL.Error, "its certificate is not accepted, or it speaks no TLS"),
)
