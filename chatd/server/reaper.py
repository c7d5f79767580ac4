"""The reaper: one LoopingCall that sweeps every connection, in every state.

A round passes each connection once, a part of them at every tick, so that ten thousand hold up nobody. Only
those that are due are looked at, for most are quiet. Missed ticks mean that the daemon did not listen (a
stalled reactor, a suspended machine): then everybody gets a fresh period of grace (P7). A fault with one
connection never stops the loop.
"""

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from chatd.ops.log import Log
from chatd.server.interfaces import Swept
from chatd.server.server import Server
from chatd.wire.errors import CloseReason

log = Log(__name__)

TICK: Final = 0.1
"""Seconds between two ticks."""

TICKS_PER_ROUND: Final = 5
"""Ticks in which every connection is looked at once."""

AT_ONCE: Final = 1000
"""Connections that are due and looked at in one tick; where more are, the round takes longer (P6)."""

MISSED: Final = 20
"""From so many ticks since the last one on, the daemon counts as having been away."""


class Reaper:
    """Sweeps the connections of ``server``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = LoopingCall.withCount(self._tick)
        self._loop.clock = server.clock
        self._round: list[Swept] = []
        self._unforgiven: set[Swept] = set()
        self._share = 0
        self._last = server.clock.seconds()

    def start(self) -> Deferred[LoopingCall]:
        """Begin."""
        self._last = self._server.clock.seconds()
        return self._loop.start(TICK, now=False)

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _tick(self, count: int) -> None:
        now = self._server.clock.seconds()
        self._server.counters.stalls.observe(max(0.0, now - self._last - TICK))
        self._last = now
        if count >= MISSED:
            log.warn("stalled", "The daemon was away; nobody is judged by that.", lag=round(count * TICK, 1))
            self._unforgiven = set(self._server.swept())
        if not self._round:
            self._round = self._server.swept()
            self._share = -(-len(self._round) // TICKS_PER_ROUND)
        looked_at = 0
        for _ in range(min(self._share, len(self._round))):
            connection = self._round.pop()
            if self._unforgiven and connection in self._unforgiven:
                self._unforgiven.discard(connection)
                connection.forgive(now)
                looked_at += 1
            if connection.due <= now and self._server.has(connection):  # it may have ended in this round
                self._sweep(connection, now)
                looked_at += 1
            if looked_at >= AT_ONCE:
                break

    @staticmethod
    def _sweep(connection: Swept, now: float) -> None:
        try:
            connection.sweep(now)
        except Exception:  # noqa: BLE001 - one victim's fault must not end the sweep of all others
            log.failure("reaper-fault", None, peer=connection.address)
            try:
                connection.abort(CloseReason.FAULT)
            except Exception:  # noqa: BLE001 - as above
                log.failure("reaper-fault", None, peer=connection.address)
