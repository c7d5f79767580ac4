"""The input of a connection: takes the received bytes in pieces, at visits, as the gate allows (P5, P6)."""

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from chatd.clock import Clock
from chatd.server.files.transfers import Transfers
from chatd.server.gate import FULL_PAUSE, Gate, Hold
from chatd.server.liveness import Liveness
from chatd.server.server import Server
from chatd.server.states import State
from chatd.server.visits import FRAMES
from chatd.wire.errors import ProtocolError


class Decoder(Protocol):
    """Cuts received bytes into pieces, holding no more than was fed and not yet taken."""

    def __len__(self) -> int:
        """Return how many fed bytes were not taken yet."""

    def feed(self, data: bytes) -> None:
        """Append received ``data``."""


class Pieces(Protocol):
    """What takes the pieces of a connection that ``decoder`` has cut."""

    @property
    def decoder(self) -> Decoder:
        """Return what holds the bytes that were received."""

    def take(self, most: int) -> int:
        """Take the next piece, or up to ``most`` of them as long as the gate allows it; return how many.

        It is 0 if no whole piece has come. Raises `ProtocolError`.
        """

    def is_beat(self) -> bool:
        """Return whether the next piece is a ping or a pong."""


class Source(Protocol):
    """A connection, as its input sees it."""

    transport: Any
    state: State
    liveness: Liveness
    transfers: Transfers | None

    def fail(self, error: ProtocolError) -> None:
        """End it with ``error`` as the last words."""

    def fault(self) -> None:
        """End it because of the current exception, which concerns it alone (P8)."""


class _Gone:
    """What is left of a source whose connection is gone: nothing is taken from it."""

    state = State.CLOSING


_GONE: Any = _Gone()


class Input:
    """Receives for ``source``: ``decoder`` keeps the bytes until the gate lets ``pieces`` be taken.

    ``asked`` is fired by the next bytes, if somebody waits for a sign of the peer.
    """

    __slots__ = ("_pieces", "_server", "_source", "asked", "decoder", "gate")

    def __init__(self, source: Source, pieces: Pieces, server: Server) -> None:
        self._source = source
        self._pieces = pieces
        self._server = server
        self.decoder = pieces.decoder
        self.gate = Gate(self)
        self.asked: Deferred[None] | None = None

    def feed(self, data: bytes) -> None:
        """Take in bytes: pings and pongs that stand first at once, everything else at the next visit."""
        self.decoder.feed(data)
        self.gate.volume.left -= len(data)
        if self.asked is not None:
            asked, self.asked = self.asked, None
            asked.callback(None)
        self._beat()
        self.go_on()

    def go_on(self) -> None:
        """Ask for a visit, if there may be something to take or the transport is not read."""
        source = self._source
        if source.state is State.CLOSING or not (self.decoder or not source.liveness.listening):
            return
        if not self._server.visits.add(self, newcomer=source.state is not State.LIVE):
            self._listen(False)  # what came before still waits for its visit

    @property
    def waits(self) -> bool:
        """Return whether it waits for a visit: what came was not looked at yet, by no fault of it."""
        return self in self._server.visits

    @property
    def clock(self) -> Clock:
        """Return the clock by which the gate's pauses end."""
        return self._server.clock

    def patience(self) -> float:
        """Return the seconds for which what is asked beyond the allowance is only delayed."""
        return self._server.patience()

    def hear_out(self) -> None:
        """Take what still waits for a visit, as much as one takes: the other end has said it, and gone.

        That it waits is no fault of the peer, as many leave at once. What is wrong in it nobody is told.
        """
        if not self.waits or self._server.draining:
            return
        self.hesitate()
        try:
            self._take(FRAMES)
        except ProtocolError:
            pass
        except Exception:  # noqa: BLE001 - as in `_pump`
            self._source.fault()

    def end(self) -> None:
        """Take nothing any more."""
        self.gate.hold(Hold.END)
        self._server.visits.remove(self)

    def let_go(self) -> None:
        """Forget the connection, which is gone."""
        self._source = self._pieces = _GONE
        self.asked = None
        self.gate.let_go()

    def hesitate(self) -> None:
        """Take nothing for a while, if all together have asked more than the disk takes."""
        if self._server.hub.full and self._source.state is State.LIVE:
            self.gate.pause(FULL_PAUSE)

    # ---- chatd.server.visits.Visited ----------------------------------------------------------------

    def visit(self, most: int) -> bool:
        """Take at most ``most`` pieces; return whether more may be taken at once."""
        if self._server.draining:
            self.gate.hold(Hold.DRAIN)
        self.hesitate()
        more = self._pump(most)
        self._listen((self.gate.may_take() and not more) or self.asked is not None)
        return more and self.gate.may_take()

    def fault(self) -> None:
        """End the connection because of the current exception."""
        self._source.fault()

    def _pump(self, most: int) -> bool:
        """Take pieces while the gate allows it; return whether ``most`` were taken and there are more."""
        source = self._source
        try:
            most = self._take(most)
            if source.transfers is not None:
                source.transfers.turn()
        except ProtocolError as error:
            source.fail(error)
        except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
            source.fault()
        return not most and bool(self.decoder)

    def _take(self, most: int) -> int:
        """Take pieces while the gate allows it; return how many of ``most`` were not."""
        take, decoder, may_take = self._pieces.take, self.decoder, self.gate.may_take
        while most and decoder and may_take() and (taken := take(most)):
            most -= taken
        return most

    def _beat(self) -> None:
        """Take the pings and pongs that stand first, without waiting for a visit."""
        while self._pieces.is_beat() and self.gate.may_take():
            before = len(self.decoder)
            self._pump(1)
            if len(self.decoder) == before:
                return

    def _listen(self, listen: bool) -> None:
        """Read from the transport, or stop reading while nothing may be taken or enough waits for a visit."""
        source = self._source
        if listen is source.liveness.listening or source.state is State.CLOSING:
            return
        source.liveness.listen(listen, self._server.clock.seconds())
        if listen:
            source.transport.resumeProducing()
        else:
            source.transport.pauseProducing()
