"""One measured run of a sender and its readers through one peer."""

from bench.common import Scale
from bench.load import Load, drive
from bench.peers import Peer, check
from bench.process import Gauge, Usage

_WARM_UP = 0.3


class Party:
    """A peer with its sender and its readers in place and warm."""

    def __init__(self, peer: Peer, readers: int, window: int, scale: Scale) -> None:
        self.peer = peer
        self._scale = scale
        self.sender, self.crowd = peer.gather(readers, window, keep=scale.smoke)
        drive(self.sender, self.crowd, min(_WARM_UP, scale.seconds))

    @property
    def who(self) -> str:
        """Return the peer's name."""
        return self.peer.server.name

    def measure(self) -> tuple[Load, Usage]:
        """Return what was driven through, and what that used; in a smoke run, check what was received."""
        gauge = Gauge(self.peer.server.pid)
        load = drive(self.sender, self.crowd, self._scale.seconds)
        usage = gauge.read()
        if self._scale.smoke:
            check(self.peer, self.sender, self.crowd)
        return load, usage
