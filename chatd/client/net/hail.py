"""Hailing: whether a server is there, and is the one that is trusted, before anything is said to it."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.net.reasons import Ending
from chatd.client.net.seams import Way


async def hail(way: Way, *, secure: bool) -> Ending | None:
    """Connect to a server and say nothing; return why that failed, or None.

    If the way is ``secure``, TLS has verified then who the server is.
    """
    heard: Deferred[None] = Deferred()
    try:
        connection: Any = await way.endpoint().connect(Factory.forProtocol(lambda: _Hail(heard, secure)))
        await heard
    except Exception as problem:  # noqa: BLE001 - the way knows what it means
        return way.ending(Failure(problem))
    connection.transport.abortConnection()
    return None


@implementer(IHandshakeListener)
class _Hail(Protocol):
    """Tells ``heard`` when the connection is there; a ``secure`` one once TLS has verified the server."""

    def __init__(self, heard: Deferred[None], secure: bool) -> None:
        self._heard = heard
        self._secure = secure

    def connectionMade(self) -> None:
        if not self._secure:
            self._heard.callback(None)

    def handshakeCompleted(self) -> None:
        """Note that TLS has verified the server."""
        if not self._heard.called:
            self._heard.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._heard.called:
            self._heard.errback(reason)
