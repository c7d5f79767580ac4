"""The sampler: looks now and then how well each connection goes, a few at a time, for its record."""

from typing import Final

from twisted.internet.task import LoopingCall

from chatd.ops.log import Log
from chatd.server.connection import ChatConnection
from chatd.server.server import Server
from chatd.server.states import State
from chatd.tcp import round_trip

log = Log(__name__)

TICK: Final = 0.5
"""Seconds between two ticks."""

TICKS_PER_ROUND: Final = 20
"""Ticks in which every connection is looked at once: every ten seconds, at ten thousand 500 in a tick."""

AT_ONCE: Final = 500
"""Connections that are looked at in one tick; where a round has more, it takes longer (P6)."""


class Sampler:
    """Samples the connections of ``server``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._round: list[ChatConnection] = []
        self._share = 0
        self._loop = LoopingCall(self._tick)
        self._loop.clock = server.clock

    def start(self) -> None:
        """Begin."""
        self._loop.start(TICK, now=False)

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _tick(self) -> None:
        now = self._server.clock.seconds()
        if not self._round:
            self._round = [one for one in self._server.connections if isinstance(one, ChatConnection)]
            self._share = min(-(-len(self._round) // TICKS_PER_ROUND), AT_ONCE)
        for _ in range(min(self._share, len(self._round))):
            connection = self._round.pop()
            try:
                if connection.state is State.LIVE:
                    record = connection.record
                    trip = round_trip(connection.transport) if record.keeps_next else None
                    record.sample(now - connection.opened, trip, connection.reader.lag)
            except Exception:  # noqa: BLE001 - a fault with one connection must not end the looks at all others
                log.failure("sampler-fault", None, peer=connection.address)
