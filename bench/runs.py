"""One measured run of senders and their readers through one peer."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.common import BenchError, Scale
from bench.load import Crowd, Hall, Load, Sender, Tally, drive, nothing
from bench.pace import Pace, TimedCrowd, pace
from bench.peers import Links, Peer
from bench.process import Gauge, Usage
from bench.results import Result

WARM_UP = 0.3
ALL = 1 << 30


def settle(peer: Peer, links: Links, crowd: Crowd) -> Hall:
    """Return the hall of ``links`` once it is quiet."""
    with named(peer):
        crowd.hush(peer.quiet)
    own = peer.ack is not None
    senders = [
        Sender(link, peer.message, Tally(peer.ack) if peer.ack else crowd.tally, own=own)
        for link in links.senders
    ]
    for sender in senders:
        sender.discard()
    return Hall(senders, crowd)


class Party:
    """A peer with ``readers`` and senders in place and warm, ``window`` messages of each sender in flight."""

    def __init__(self, peer: Peer, readers: int, window: int, scale: Scale, senders: int = 1) -> None:
        self.peer = peer
        self.who = peer.server.name if senders == 1 else f"{peer.server.name}, {senders} senders"
        self._scale = scale
        self._window = window
        links = peer.gather(readers, senders)
        self.hall = settle(peer, links, self._crowd(links.readers))
        with named(peer):
            drive(self.hall, window, min(WARM_UP, scale.seconds))

    def _crowd(self, links: list[socket.socket]) -> Crowd:
        return Crowd(links, self.peer.mark, keep=self._scale.smoke)

    def measure(self) -> tuple[Load, Usage]:
        """Return what was driven through, and what that used; in a smoke run, check what was received."""
        gauge = Gauge(self.peer.server.pid)
        with named(self.peer):
            load = drive(self.hall, self._window, self._scale.seconds)
        usage = gauge.read()
        if self.hall.crowd.kept is not None:
            check(self.peer, self.hall)
        return load, usage


class PacedParty:
    """A peer with one sender, who keeps a given pace, and ``readers``, of whom ``timed`` are timed."""

    def __init__(self, peer: Peer, readers: int, scale: Scale, timed: int = ALL) -> None:
        self.peer = peer
        self.who = peer.server.name
        self._scale = scale
        links = peer.gather(readers, 1)
        self._crowd = TimedCrowd(links.readers, peer.mark, timed=timed, keep=scale.smoke)
        self.hall = settle(peer, links, self._crowd)

    def measure(self, rate: float, seconds: float, aside: Callable[[], None] = nothing) -> tuple[Pace, Usage]:
        """Return how ``rate`` messages a second for ``seconds`` fared, and what that used; see `pace`."""
        self._crowd.forget()
        gauge = Gauge(self.peer.server.pid)
        with named(self.peer):
            paced = pace([self.hall], rate, seconds, aside)
        usage = gauge.read()
        if self._scale.smoke:
            check(self.peer, self.hall)
        return paced, usage

    def latencies(self, paced: Pace) -> list[float]:
        """Return the latency of each timed delivery of ``paced`` in seconds, sorted."""
        return sorted(self._crowd.latencies(paced.due))


@contextmanager
def optional(result: Result, peer: Peer, members: int, scale: Scale) -> Iterator[None]:
    """Note that ``peer`` is left out where something fails inside, for it is not what is tested here."""
    try:
        yield
    except (BenchError, OSError) as error:
        if scale.smoke:
            raise
        result.doubt(peer.server.name, [f"left out with {members} members: {error}"])


@contextmanager
def named(peer: Peer) -> Iterator[None]:
    """Say whose server it was where something fails inside, and what it said last."""
    try:
        yield
    except BenchError as error:
        raise BenchError(f"{peer.server.name}: {error}\n{peer.server.log_end}") from None


def check(peer: Peer, hall: Hall) -> None:
    """Raise `BenchError` unless every reader received every message once, in order, and the same bytes."""
    assert hall.crowd.kept is not None
    witness, *others = hall.crowd.kept.values()
    if any(other != witness for other in others):
        raise BenchError(f"readers of {peer.server.name} received different bytes")
    received = peer.numbers(bytes(witness))
    if len(hall.senders) > 1:
        received.sort()
    if received != sorted(number for sender in hall.senders for number in range(1, sender.sent + 1)):
        raise BenchError(f"{peer.server.name}: {hall.sent} were sent, {len(received)} came, or not in order")
