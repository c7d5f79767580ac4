"""One connection that speaks HTTP/1.1, with bounds of time.

Twisted's own timeout begins anew with every byte, so that whoever sends one byte a second stays for ever.
Here the reaper looks at the time of the whole request.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from chatd.ops.log import Log
from chatd.server import addresses
from chatd.server.ending import CLOSE_DEADLINE, hang_up
from chatd.server.handshake import why_failed
from chatd.server.http.answers import last_answer
from chatd.server.http.channel import BoundedChannel, BoundedRequest
from chatd.server.listener_rules import Listening
from chatd.server.protocol import TUNING
from chatd.server.server import Server
from chatd.server.web.limits import KEEP_ALIVE
from chatd.server.web.site import WebSite
from chatd.wire.errors import ChatdError, CloseReason, Code, ProtocolError

log = Log(__name__)

LOOK: Final = 1.0
"""Seconds between two looks of the reaper at one connection."""


class Phase(Enum):
    """What a connection does."""

    IDLE = "idle"
    """No request has begun."""

    TAKING = "taking"
    """A request comes in."""

    ANSWERING = "answering"
    """A request is answered."""

    ENDING = "ending"
    """The last answer is written."""

    UPGRADED = "upgraded"
    """Another protocol has it."""


class WebChannel(BoundedChannel):
    """A connection that came in by ``listener``, for the pages of ``site``.

    It is one of the server's ``visitors`` as long as it speaks HTTP.
    """

    def __init__(self, site: WebSite, server: Server, listener: Listening) -> None:
        super().__init__()
        self.callLater = server.clock.callLater
        self.site = site
        self.timeOut = None
        self.server = server
        self.listener = listener
        self.address = self.peer_host = ""
        self.phase = Phase.TAKING
        self.since = self.opened = self.due = server.clock.seconds()
        self.close_reason: CloseReason | None = None
        self._full_since: float | None = None
        self._inner: IProtocol | None = None
        self._bytes_in = 0
        self._here = False

    # ---- Twisted's side -----------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin: the first request has to come before the deadline."""
        transport = self.transport
        TUNING.apply(transport)
        super().connectionMade()  # type: ignore[no-untyped-call]
        peer = transport.getPeer()
        self.address, self.peer_host = addresses.name_of(peer), addresses.host_of(peer)
        self._here = True
        error = self.server.visited(self)
        if error is not None:
            self.server.journal.turned_away(error.code, error.text, peer)
            self.refuse(error, CloseReason.REFUSED)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes in. What comes behind the last answer is dropped."""
        if self._inner is not None:
            self._inner.dataReceived(data)
            return
        if self.phase is Phase.ENDING:
            return
        self._bytes_in += len(data)
        self.server.counters.bytes_in += len(data)
        if self.phase is Phase.IDLE:
            self._enter(Phase.TAKING)
        super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of the request, or tell the protocol that took over."""
        if self._inner is not None:
            inner, self._inner = self._inner, None
            inner.connectionLost(reason)
            return
        failed = why_failed(reason) if not self._bytes_in else None
        if failed is not None:
            self.server.journal.turned_away(*failed, self.transport.getPeer())
        self.phase = Phase.ENDING
        super().connectionLost(reason)
        self._leave()
        log.debug(
            "client-out",
            peer=self.address,
            reason=self.close_reason or CloseReason.LOST,
            duration=round(self.server.clock.seconds() - self.opened, 3),
            bytes_in=self._bytes_in,
        )

    def pauseProducing(self) -> None:
        """Answer nothing more: the transport is full."""
        self._full_since = self._full_since or self.server.clock.seconds()
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """Go on: the transport has drained."""
        self._full_since = None
        super().resumeProducing()

    # ---- requests -----------------------------------------------------------------------------------

    def allContentReceived(self) -> None:
        """Answer the request, which is complete."""
        if self.phase is Phase.ENDING:
            return
        self._enter(Phase.ANSWERING)
        super().allContentReceived()

    def requestDone(self, request: BoundedRequest) -> None:
        """Take the next request, or end if this was the last one."""
        if self.server.draining:
            self.persistent = 0
        if self.phase is Phase.ANSWERING:
            self._enter(Phase.TAKING if self._dataBuffer else Phase.IDLE)
        super().requestDone(request)  # type: ignore[no-untyped-call]

    def refuse(self, error: ChatdError, reason: CloseReason = CloseReason.BAD_INPUT) -> None:
        """Answer with ``error`` and end the connection."""
        if self.phase not in {Phase.ENDING, Phase.UPGRADED}:
            self.refused = True
            self.transport.write(last_answer(error))
            self.close(reason)

    # ---- another protocol ---------------------------------------------------------------------------

    def upgrade(self, head: bytes, make: Callable[[Server, Listening], IProtocol]) -> None:
        """Write ``head``, and let what ``make`` returns speak on this connection from now on.

        It is called while a request is answered, of which nothing was written; what has come behind that
        request goes to the new protocol.
        """
        transport = self.transport
        rest = b"".join(self._dataBuffer)
        self._dataBuffer, self.requests = [], []
        transport.unregisterProducer()
        transport.resumeProducing()
        self._enter(Phase.UPGRADED)
        self._leave()
        self.server.budgets.returned(self.peer_host, self.server.clock.seconds())  # it is counted anew
        self._inner = inner = make(self.server, self.listener)
        transport.write(head)
        inner.makeConnection(transport)
        if rest and self._inner is not None:
            inner.dataReceived(rest)

    # ---- the end, and the reaper's side -------------------------------------------------------------

    def close(self, reason: CloseReason) -> None:
        """End the connection; bytes that the peer does not take in time are dropped."""
        self._enter(Phase.ENDING)
        self.close_reason = self.close_reason or reason
        hang_up(self.transport, reason)

    def drain(self) -> None:
        """End as soon as the request that is being answered is."""
        if self.phase in {Phase.IDLE, Phase.TAKING}:
            self.close(CloseReason.DRAIN)

    def abort(self, reason: CloseReason) -> None:
        """End the connection at once."""
        self.close_reason = self.close_reason or reason
        self.transport.abortConnection()

    def sweep(self, now: float) -> None:
        """End the connection if it takes too long."""
        self.due = now + LOOK
        limits, waited = self.server.limits, now - self.since
        if self._full_since is not None and now - self._full_since >= limits.write_timeout:
            self.abort(CloseReason.STUCK)
        elif self.phase is Phase.TAKING and waited >= limits.hello_timeout:
            self.refuse(too_late(limits.hello_timeout), CloseReason.HELLO_TIMEOUT)
        elif self.phase is Phase.IDLE and waited >= KEEP_ALIVE:
            self.close(CloseReason.SILENT)
        elif self.phase is Phase.ENDING and waited >= CLOSE_DEADLINE:
            self.abort(CloseReason.STUCK)

    def forgive(self, now: float) -> None:
        """Begin every count anew: the daemon was not listening."""
        self.since = now
        self._full_since = self._full_since and now

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.since = self.server.clock.seconds()

    def _leave(self) -> None:
        if self._here:
            self._here = False
            self.server.left(self)


def too_late(seconds: float) -> ProtocolError:
    """Return what is said where a request did not come whole within ``seconds``."""
    return ProtocolError(Code.HELLO_TIMEOUT, f"The request was not complete within {seconds:g} seconds.")
