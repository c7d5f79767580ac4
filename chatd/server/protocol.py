"""Twisted's side of a connection: bytes come in, the transport fills and drains, the connection is lost.

What the connection is to hub and server, its `ChatConnection`, is made with it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.chat.codec import Codec
from chatd.server import addresses, ending
from chatd.server.connection import ChatConnection
from chatd.server.dialogue import Handler
from chatd.server.gate import Hold
from chatd.server.handshake import why_failed
from chatd.server.input import Decoder
from chatd.server.listener_rules import Listening
from chatd.server.server import Server
from chatd.server.states import State
from chatd.server.steering import steer
from chatd.tcp import Tuning
from chatd.wire.errors import CloseReason

TUNING: Final = Tuning(idle=30, interval=10, probes=3, user_timeout=900_000)


@implementer(IPushProducer)
class ChatProtocol(Protocol, ABC):
    """Feeds its ``connection``, which came in by ``listener``; ``decoder`` cuts what is received into pieces.

    A kind of connection is a subclass: it tells what it ``speaks``, and brings a ``codec``, a ``decoder``,
    `take`, which handles pieces, and its table of ``MESSAGES`` (`chatd.server.handlers`). One that
    ``takes_files`` makes a ``chunk`` of a transfer, an offset and bytes.
    """

    __slots__ = ("connection", "decoder")

    transport: Any
    speaks: ClassVar[str]
    codec: ClassVar[Codec]
    takes_files: ClassVar[bool]
    chunk: Callable[[int, int, bytes | memoryview], bytes]
    decode_all: Callable[[list[bytes]], Iterable[object]]
    MESSAGES: ClassVar[Mapping[tuple[State, type], Handler]]

    def __init__(self, server: Server, listener: Listening, decoder: Decoder) -> None:
        self.decoder = decoder
        self.connection = ChatConnection(server, listener, self)

    # ---- for each kind of connection -----------------------------------------------------------------

    @abstractmethod
    def take(self, most: int) -> int:
        """Take the next piece, or up to ``most`` of them as long as the gate allows it; return how many.

        It is 0 if no whole piece has come. Raises `ProtocolError`.
        """

    @abstractmethod
    def is_beat(self) -> bool:
        """Return whether the next piece is a ping or a pong."""

    # ---- Twisted's side -----------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin. The hello has to come before the deadline."""
        connection, transport = self.connection, self.transport
        server = connection.server
        TUNING.apply(transport)
        connection.transport = connection.output.transport = transport
        peer = transport.getPeer()
        connection.address = addresses.name_of(peer)
        connection.peer_host = addresses.host_of(peer)
        connection.relay = addresses.relay_of(transport)
        transport.registerProducer(self, True)
        steer(connection)
        error = server.opened(connection)
        if error is not None:
            connection.fail(error, CloseReason.REFUSED)

    def dataReceived(self, data: bytes) -> None:
        """Take in bytes; any byte is a sign of life."""
        connection, size = self.connection, len(data)
        connection.bytes_in += size
        connection.server.counters.bytes_in += size
        connection.liveness.heartbeat.heard(connection.server.clock.seconds())
        if connection.state is State.CLOSING:
            return
        connection.input.feed(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of session and logs, whatever ended the connection."""
        connection = self.connection
        server = connection.server
        if connection.state is State.OPENED and (failed := why_failed(reason)):
            ending.attempt(connection, server.journal.turned_away, *failed, self.transport.getPeer())
            ending.leave(connection, CloseReason.REFUSED)
        elif connection.state is State.LIVE:
            connection.input.hear_out()
        ending.leave(connection, CloseReason.LOST)
        ending.attempt(connection, server.closed, connection)
        connection.let_go()

    def pauseProducing(self) -> None:
        """Stop taking and handing out: the transport is full."""
        connection = self.connection
        connection.hasten(connection.server.clock.seconds())
        connection.input.gate.hold(Hold.FULL)
        connection.reader.pause()

    def resumeProducing(self) -> None:
        """Go on: the transport has drained."""
        connection = self.connection
        if connection.state is State.CLOSING:
            return
        connection.input.gate.lift(Hold.FULL)
        connection.reader.resume()
        if connection.reader.lags:
            connection.catch_up()
        connection.input.go_on()
        if connection.transfers is not None:
            connection.transfers.pump()

    def stopProducing(self) -> None:
        """Do nothing: the connection is gone and `connectionLost` follows."""
