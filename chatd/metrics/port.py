"""The listener of the page of figures."""

from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

from chatd.clock import Clock
from chatd.metrics.pages import Root
from chatd.metrics.survey import Surveyor
from chatd.ops.log import Log
from chatd.server.http.channel import BoundedSite
from chatd.server.server import Server

log = Log(__name__)

MOST: Final = 32
"""Connections at once: there are few who read figures."""

PATIENCE: Final = 10
"""Seconds for a request to come whole, from the last answer on, and for its answer to be taken."""


class _Few(WrappingFactory):
    """Lets in a bounded number of connections."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> ProtocolWrapper | None:  # type: ignore[override]
        """Return the protocol of a new connection; None closes it."""
        return None if len(self.protocols) >= MOST else super().buildProtocol(addr)


def site(server: Server, clock: Clock, surveyor: Surveyor) -> WrappingFactory:
    """Return the factory of the pages about ``server``."""
    root = Root(server, surveyor)
    return _Few(BoundedSite(root, clock, PATIENCE))  # type: ignore[no-untyped-call]


class MetricsPort:
    """Listens on ``endpoint`` for those who read figures about ``server``."""

    def __init__(self, endpoint: str, server: Server, reactor: Any) -> None:
        self._endpoint = endpoint
        self._reactor = reactor
        self._surveyor = Surveyor(server, reactor)
        self._server = server
        self._port: IListeningPort | None = None

    def start(self) -> None:
        """Begin to listen. Where that cannot be, the daemon goes on without, and the log says why."""
        self._surveyor.start()
        endpoint = serverFromString(self._reactor, self._endpoint)
        endpoint.listen(site(self._server, self._reactor, self._surveyor)).addCallbacks(
            self._listening, self._failed
        )

    def _listening(self, port: IListeningPort) -> None:
        self._port = port

    def _failed(self, failure: Failure) -> None:
        log.error(
            "metrics-failed",
            f"Nothing can listen on {self._endpoint}: nobody can read the figures.",
            error=failure.getErrorMessage(),
        )

    def stop(self) -> "Deferred[None] | None":
        """Listen no more."""
        self._surveyor.stop()
        port, self._port = self._port, None
        return None if port is None else port.stopListening()
