"""Endpoints that lead through a handshake of WebSocket: they wrap the endpoint to the server."""

from collections.abc import Iterable
from typing import Any, Final

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.core.address import Address
from chatd.client.core.link import ATTEMPT
from chatd.client.net.reasons import Ending, closed
from chatd.client.net.websocket.handshake import Handshake, WebSocketError
from chatd.client.net.websocket.translation import Translation
from chatd.wire.errors import ProtocolError

_TIMED_OUT: Final = Ending("no answer to the handshake of WebSocket: timed out")


class Passage(ProtocolWrapper):
    """Shakes hands, then is the transport of the link's protocol, which speaks native frames.

    ``opened`` fires with that protocol.
    """

    factory: "_Passages"
    wrappedProtocol: Any
    transport: Any

    def __init__(self, factory: "_Passages", handshake: Handshake, address: IAddress | None) -> None:
        super().__init__(factory, None)  # type: ignore[arg-type]
        self._handshake = handshake
        self._address = address
        self._translation = Translation()
        self._shaken = False
        self._why: Failure | None = None
        self.opened: Deferred[IProtocol] = Deferred(self._give_up)

    # ---- Twisted's side -----------------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        """Begin the handshake."""
        self.transport = transport
        self.connected = 1
        self.factory.registerProtocol(self)  # type: ignore[no-untyped-call]
        transport.write(self._handshake.begin())

    def dataReceived(self, data: bytes) -> None:
        """Shake hands, or translate and pass on."""
        try:
            if not self._shaken:
                rest = self._handshake.receive(data)
                if rest is None:
                    return
                self._shaken, data = True, rest
                self._open()
            self._hear(data)
        except WebSocketError as problem:
            self._fail(problem)
        except ProtocolError as problem:
            self._fail(WebSocketError(Ending(f"the server breaks WebSocket: {problem.text}", answered=True)))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits for the connection or has it."""
        self.connected = 0
        self.factory.unregisterProtocol(self)  # type: ignore[no-untyped-call]
        self._translation.let_go()
        inner, self.wrappedProtocol = self.wrappedProtocol, None
        if inner is not None:
            inner.connectionLost(self._why or reason)
        elif not self.opened.called:
            self.opened.errback(self._ended(reason))

    # ---- the link's side ----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Write native frames."""
        said = self._translation.say(data)
        if said:
            self.transport.write(said)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write native frames."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """End what is said, and close once it is out."""
        if not self.disconnecting and not self._translation.over:
            self.transport.write(self._translation.close())
        super().loseConnection()  # type: ignore[no-untyped-call]

    # ---- what they have in common -------------------------------------------------------------------

    def _open(self) -> None:
        """Let the link's protocol speak."""
        self.wrappedProtocol = inner = self.factory.wrappedFactory.buildProtocol(self._address)
        if inner is None:
            raise WebSocketError(Ending("nobody is there any more"))
        inner.makeConnection(self)
        self.opened.callback(inner)

    def _hear(self, data: bytes) -> None:
        """Pass on what came; bytes that make no frame yet are a sign of life, as they are without a layer."""
        if not data or self._translation.over:
            return
        heard, answers = self._translation.hear(data)
        if answers:
            self.transport.write(answers)
        if self.wrappedProtocol is not None:
            self.wrappedProtocol.dataReceived(heard)

    def _fail(self, problem: WebSocketError) -> None:
        """End the connection because of ``problem``."""
        self._why = Failure(problem)
        if self.wrappedProtocol is None and not self.opened.called:
            self.opened.errback(self._why)
        self._abort()

    def _ended(self, reason: Failure) -> Failure:
        """Return why the handshake has not come to its end, where the connection did for ``reason``."""
        if not closed(reason):
            return reason
        try:
            self._handshake.end()
        except WebSocketError as problem:
            return Failure(problem)
        return reason

    def _give_up(self, opened: Deferred[IProtocol]) -> None:
        opened.errback(WebSocketError(_TIMED_OUT))
        self._abort()

    def _abort(self) -> None:
        getattr(self.transport, "abortConnection", self.transport.loseConnection)()


class _Passages(WrappingFactory[Passage]):
    """Builds the passage of one attempt to reach ``server``."""

    noisy = False

    def __init__(self, factory: IProtocolFactory, server: Address) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self._server = server

    def buildProtocol(self, addr: IAddress | None) -> Passage:
        """Return the passage."""
        return Passage(self, Handshake(self._server), addr)


@implementer(IStreamClientEndpoint)
class WebSocketEndpoint:
    """Speaks WebSocket with ``server`` on what ``endpoint`` connects."""

    def __init__(self, clock: IReactorTime, server: Address, endpoint: IStreamClientEndpoint) -> None:
        self._clock = clock
        self._server = server
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Return a Deferred that fires with the protocol of the link, once hands were shaken."""
        reached = self._endpoint.connect(_Passages(protocolFactory, self._server))
        opened: Deferred[IProtocol] = reached.addCallback(_opened)
        return opened.addTimeout(ATTEMPT, self._clock, _timed_out)


def _timed_out(outcome: Any, _: float) -> Any:
    """Return what the end of the patience means, whatever was cancelled by it."""
    known = isinstance(outcome, Failure) and outcome.check(WebSocketError)
    return outcome if known else Failure(error.TimeoutError())


def _opened(passage: Any) -> Deferred[IProtocol]:
    opened: Deferred[IProtocol] = passage.opened
    return opened
