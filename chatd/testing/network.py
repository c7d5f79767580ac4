"""The fake wire: transports that buffer as Twisted's do, over a link that can be cut and slowed."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.error import ConnectionRefusedError as _Refused
from twisted.internet.interfaces import IConsumer, IPushProducer, IStreamClientEndpoint, ITransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.tcp import NOTSENT_LOWAT

Refused = _Refused
"""Connecting raises this if nobody listens."""

PORT: Final = 7411
"""The port that a server listens on by default."""

BUFFER: Final = 65_536
"""Bytes that a transport buffers before it asks its producer to pause, as Twisted's TCP transports do."""

TICK: Final = 0.05
"""Seconds between two portions on a link with a rate."""


class Network:
    """The link between clients and the server. Its state is that of every connection over it.

    ``holding`` are the directions in which new connections are held from their beginning.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.latency = 0.0
        self.rate: float | None = None
        self.refusing = False
        self.holding: frozenset[str] = frozenset()
        self._lost = {"up": False, "down": False}
        self._pipes: dict[Pipe, None] = {}
        self._ready: dict[Pipe, None] = {}
        self._listeners: dict[int, Factory] = {}
        self._ports = 40_000

    def listen(self, factory: Factory | None, port: int = PORT) -> None:
        """Let ``factory`` accept connections to ``port``; None for nobody."""
        if factory is None:
            self._listeners.pop(port, None)
        else:
            self._listeners[port] = factory

    def cut(self, *directions: str) -> None:
        """Lose everything in ``directions``, "up" to the server and "down" from it; both by default."""
        for direction in directions or ("up", "down"):
            self._lost[direction] = True

    def heal(self) -> None:
        """Carry bytes again. Bytes that were under way arrive, as by TCP's retransmission."""
        self._lost = {"up": False, "down": False}
        for pipe in list(self._pipes):
            pipe.flush()

    def lost(self, direction: str) -> bool:
        """Return whether nothing passes in ``direction``."""
        return self._lost[direction]

    @property
    def reachable(self) -> bool:
        """Return whether a new connection would be answered."""
        return not (self._lost["up"] or self._lost["down"])

    def connect(self, protocol: Protocol, port: int = PORT, host: str = "127.0.0.1") -> "MemoryTransport":
        """Connect ``protocol`` at ``host`` to ``port`` and return its transport.

        Raises ConnectionRefusedError.
        """
        self._ports += 1
        near = IPv4Address("TCP", host, 1024 + self._ports % 64_512)
        far = IPv4Address("TCP", "127.0.0.1", port)
        listener = self._listeners.get(port)
        accepted = None if listener is None else listener.buildProtocol(near)
        if accepted is None or self.refusing:
            raise _Refused
        client = MemoryTransport(protocol, near, far)
        server = MemoryTransport(accepted, far, near)
        up, down = Pipe(self, "up", client, server), Pipe(self, "down", server, client)
        client.join(up, down)
        server.join(down, up)
        accepted.makeConnection(server)
        protocol.makeConnection(client)
        return client

    def soon(self, pipe: "Pipe") -> None:
        """Have ``pipe`` flushed as soon as time goes on, together with all others."""
        if not self._ready:
            self.clock.callLater(0, self._flush_ready)
        self._ready[pipe] = None

    def _flush_ready(self) -> None:
        ready, self._ready = self._ready, {}
        for pipe in ready:
            pipe.flush()

    def add(self, pipe: "Pipe") -> None:
        """Keep a pipe that is in use."""
        self._pipes[pipe] = None

    def forget(self, pipe: "Pipe") -> None:
        """Forget a pipe that has ended."""
        self._pipes.pop(pipe, None)


class Pipe:
    """One direction of one connection."""

    def __init__(
        self, network: Network, direction: str, sender: "MemoryTransport", receiver: "MemoryTransport"
    ) -> None:
        self._network = network
        self._direction = direction
        self._sender = sender
        self._receiver = receiver
        self._scheduled = False
        self._held = direction in network.holding
        self._ending: Exception | None = None
        self.buffer = bytearray()
        network.add(self)

    def schedule(self, delay: float = 0) -> None:
        """Carry on after ``delay`` seconds."""
        if not delay:
            self._network.soon(self)
        elif not self._scheduled:
            self._scheduled = True
            self._network.clock.callLater(delay, self._run)

    def _run(self) -> None:
        self._scheduled = False
        self.flush()

    def flush(self) -> None:
        """Carry the bytes that the link lets through and the receiver is ready to read."""
        if self._held or self._network.lost(self._direction) or not self._receiver.reading:
            return
        rate = self._network.rate
        if rate is not None:
            self._carry(max(1, round(rate * TICK)))
            if self.buffer:
                self.schedule(TICK)
        while rate is None and self.buffer and self._receiver.reading:
            self._carry(BUFFER)
        if not self.buffer:
            self._sender.drained()

    def hold(self) -> None:
        """Carry neither bytes nor the end until `release`, whatever passes on other connections."""
        self._held = True

    def release(self, *, end: bool = True) -> None:
        """Carry the bytes that were held back, but not the ``end`` if that was lost."""
        self._held = False
        self.flush()
        if self._ending is not None and end:
            self.end(self._ending)

    def _carry(self, size: int) -> None:
        portion = bytes(self.buffer[:size])
        del self.buffer[:size]
        if portion:
            self._later(self._receiver.take, portion)

    def end(self, reason: Exception) -> None:
        """Tell the receiver that the connection has ended, unless the link is dead."""
        self._network.forget(self)
        self._ending = reason if self._held else None
        if not self._held and not self._network.lost(self._direction):
            self._later(self._receiver.lost, reason)

    def _later(self, call: Callable[..., object], *args: object) -> None:
        if self._network.latency:
            self._network.clock.callLater(self._network.latency, call, *args)
        else:
            call(*args)


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection, with the buffering and the backpressure of Twisted's TCP transports."""

    disconnecting = False
    kernel = NOTSENT_LOWAT
    """Buffered bytes that count as taken by the kernel."""

    def __init__(self, protocol: Any, host: IPv4Address, peer: IPv4Address) -> None:
        self.protocol = protocol
        self.reading = True
        self.connected = True
        self.producer: Any = None
        self._host = host
        self._peer = peer
        self._pipe: Pipe | None = None
        self._incoming: Pipe | None = None
        self._producer_paused = False

    def join(self, pipe: Pipe, incoming: Pipe) -> None:
        """Write into ``pipe`` and receive from ``incoming`` from now on."""
        self._pipe = pipe
        self._incoming = incoming

    @property
    def pipe(self) -> Pipe:
        """Return the pipe for written bytes."""
        if self._pipe is None:
            raise RuntimeError("This transport was never connected.")
        return self._pipe

    @property
    def incoming(self) -> Pipe:
        """Return the pipe that received bytes come from."""
        if self._incoming is None:
            raise RuntimeError("This transport was never connected.")
        return self._incoming

    @property
    def dataBuffer(self) -> bytearray:
        """Return the bytes that were written and not carried yet."""
        return self.pipe.buffer

    @property
    def unread(self) -> int:
        """Return how many bytes have come and are not being read."""
        return 0 if self._incoming is None else len(self._incoming.buffer)

    def getPeer(self) -> IPv4Address:
        """Return the other end's address."""
        return self._peer

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Do nothing: nothing is held back here."""

    def getHost(self) -> IPv4Address:
        """Return this end's address."""
        return self._host

    def write(self, data: bytes) -> None:
        """Buffer ``data``; it is carried when time goes on."""
        if not self.connected or not data:
            return
        self.pipe.buffer += data
        self.pipe.schedule()
        if self.producer is not None and len(self.pipe.buffer) > BUFFER:
            self._producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Buffer all of ``data``."""
        self.write(b"".join(data))

    def drained(self) -> None:
        """Learn that everything written was carried."""
        if self.disconnecting and self.connected:
            self._gone(ConnectionDone(), ConnectionDone())
        elif self.producer is not None and self._producer_paused:
            self._producer_paused = False
            self.producer.resumeProducing()

    def take(self, data: bytes) -> None:
        """Receive ``data``."""
        if self.connected:
            self.protocol.dataReceived(data)

    def lost(self, reason: Exception) -> None:
        """Learn that the other side has ended the connection."""
        if self.connected:
            self._gone(reason, ConnectionLost())

    def loseConnection(self) -> None:
        """End the connection once everything written was carried."""
        self.disconnecting = True
        if self.connected:
            self.pipe.schedule()

    def abortConnection(self) -> None:
        """End the connection at once."""
        if self.connected:
            self._gone(ConnectionAborted(), ConnectionLost())

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Pause and resume ``producer`` as the buffer fills and drains."""
        del streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        """Pause and resume nobody any more."""
        self.producer = None

    def pauseProducing(self) -> None:
        """Receive nothing for the moment."""
        self.reading = False

    def resumeProducing(self) -> None:
        """Receive again."""
        self.reading = True
        if self._incoming is not None:
            self._incoming.schedule()

    def stopProducing(self) -> None:
        """End the connection."""
        self.loseConnection()

    def _gone(self, reason: Exception, reason_there: Exception) -> None:
        self.connected = False
        self.pipe.end(reason_there)
        protocol, self.protocol = self.protocol, None  # as Twisted's transports do
        self.producer = None
        protocol.connectionLost(Failure(reason))


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """A client endpoint over the in-memory network; it never fires while the link is cut."""

    def __init__(self, network: Network, port: int = PORT) -> None:
        self._network = network
        self._port = port

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Connect a protocol of ``protocolFactory``."""
        connected: Deferred[Any] = Deferred()
        if not self._network.reachable:
            return connected
        protocol = protocolFactory.buildProtocol(IPv4Address("TCP", "127.0.0.1", self._port))
        try:
            self._network.connect(protocol, self._port)
        except _Refused as error:
            return fail(error)
        connected.callback(protocol)
        return connected
