"""The reaper: one LoopingCall that sweeps every connection, in every state.

The agenda tells who is due at a tick; most are quiet, and cost nothing until then. Missed ticks mean that
the daemon did not listen (a stalled reactor, a suspended machine): then everybody gets a fresh period of
grace (P7). A fault with one connection never stops the loop.
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

AT_ONCE: Final = 1000
"""Connections that are looked at in one tick; where more are due, the others are later (P6)."""

MISSED: Final = 20
"""From so many ticks since the last one on, the daemon counts as having been away."""


class Reaper:
    """Sweeps the connections of ``server``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = LoopingCall.withCount(self._tick)
        self._loop.clock = server.clock
        self._unforgiven: set[Swept] = set()
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
        agenda, left = self._server.agenda, AT_ONCE
        while left > 0 and (connection := agenda.take(now)) is not None:
            left -= 1
            if self._unforgiven and connection in self._unforgiven:
                self._unforgiven.discard(connection)
                connection.forgive(now)
                left -= 1
            self._sweep(connection, now)
            if self._server.has(connection):  # it may have ended
                agenda.plan(connection, max(connection.due, now))
        for _ in range(min(left, len(self._unforgiven))):
            connection = self._unforgiven.pop()
            if self._server.has(connection):
                connection.forgive(now)

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
