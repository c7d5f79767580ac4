"""The client's factory: Twisted's reconnecting one, whose delays come from the state machine."""

from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConnector, IReactorTime
from twisted.internet.protocol import ReconnectingClientFactory
from twisted.python.failure import Failure

from chatd.client.net.connector import EndpointConnector
from chatd.client.net.protocol import ChatClientProtocol
from chatd.client.net.seams import Hearer, OpenConnection, Way


class ChatClientFactory(ReconnectingClientFactory):
    """Opens links, after the delays it is told; the ``hearer`` hears what becomes of them.

    It uses the waiting of Twisted's policy and nothing else: no jitter and no growth of its own. There may be
    links beside the current one.
    """

    noisy = False

    def __init__(self, way: Way, hearer: Hearer, clock: IReactorTime) -> None:
        self.clock = clock  # type: ignore[assignment]
        self.factor = 1.0
        self.jitter = 0.0
        self.way = way
        self._time = clock
        self._hearer = hearer
        self._reading = True
        self._connectors: dict[int, EndpointConnector] = {}
        self._emptied: Deferred[None] | None = None

    def dial(self, link: int, delay: float, segment: int = 0) -> None:
        """Open ``link`` after ``delay`` seconds; a delay that is running for it is replaced.

        The segments of its connection have at most ``segment`` bytes; 0 is no bound.
        """
        self._stop_waiting()
        way = partial(self.way.endpoint, segment)
        connector = self._connectors.setdefault(link, EndpointConnector(link, way, self, self._time))
        connector.waiting = delay > 0
        if delay <= 0:
            connector.connect()
        else:
            self.delay = delay
            self.retry(connector)  # type: ignore[no-untyped-call]

    def write(self, link: int, data: bytes) -> None:
        """Write ``data`` to ``link``."""
        connector = self._connectors.get(link)
        if connector is not None and connector.protocol is not None:
            connector.protocol.write(data)

    def stirring(self) -> list[int]:
        """Return the links on which data has arrived since the last look that cannot be read yet."""
        protocols = [connector.protocol for connector in self._connectors.values()]
        return [protocol.link for protocol in protocols if protocol is not None and protocol.stirs()]

    def moving(self) -> list[int]:
        """Return the links on which bytes have come since the last look, handed on or not."""
        protocols = [connector.protocol for connector in self._connectors.values()]
        return [protocol.link for protocol in protocols if protocol is not None and protocol.moves()]

    def clogged(self) -> list[tuple[int, bool]]:
        """Return the links, and of each whether what was sent is repeated and not acknowledged."""
        return [
            (protocol.link, protocol.clogged())
            for connector in self._connectors.values()
            if (protocol := connector.protocol) is not None
        ]

    def allow_unsent(self, link: int, size: int) -> None:
        """Let the kernel hold ``size`` bytes of ``link`` that it cannot send yet."""
        connector = self._connectors.get(link)
        if connector is not None and connector.protocol is not None:
            connector.protocol.allow_unsent(size)

    def read(self, on: bool) -> None:
        """Read from the links, or leave what arrives where it is."""
        self._reading = on
        for connector in self._connectors.values():
            if connector.protocol is not None:
                connector.protocol.read(on)

    def begin(self, connection: OpenConnection) -> None:
        """Let a new connection be read as the others are."""
        if not self._reading:
            connection.read(on=False)

    def close(self, link: int, politely: bool) -> None:
        """End ``link``, its attempt or the waiting for it."""
        connector = self._connectors.get(link)
        if connector is None:
            return
        if connector.waiting:
            self._stop_waiting()
        if politely:
            connector.leave()
        else:
            connector.disconnect()
        if not connector.busy():
            self._connectors.pop(link, None)
            self._check_empty()

    def emptied(self) -> Deferred[None]:
        """Return a Deferred that fires when no link is left."""
        self._emptied = Deferred()
        self._check_empty()
        return self._emptied

    def build(self, connector: EndpointConnector) -> ChatClientProtocol:
        """Return the protocol for the link of ``connector``."""
        return ChatClientProtocol(connector.link, self._hearer, connector.made, connector.lost)

    def startedConnecting(self, connector: IConnector) -> None:
        """Note that an attempt begins."""
        self._hearer.dialling(_link(connector))

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """Tell the hearer, who decides when to try again."""
        self._finished(connector, reason)

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        """Tell the hearer, who decides when to try again."""
        self._finished(connector, reason)

    def _finished(self, connector: IConnector, reason: Failure) -> None:
        link = _link(connector)
        self._connectors.pop(link, None)
        self._hearer.ended(link, reason)
        self._check_empty()

    def _check_empty(self) -> None:
        if self._emptied is not None and not self._connectors and not self._emptied.called:
            self._emptied.callback(None)

    def _stop_waiting(self) -> None:
        if self._callID is not None and self._callID.active():
            self._callID.cancel()
        self._callID = None


def _link(connector: IConnector) -> int:
    assert isinstance(connector, EndpointConnector)  # noqa: S101 - no other kind is made here
    return connector.link
