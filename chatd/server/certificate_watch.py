"""Warns the operator before a listener's certificate ends."""

from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.task import LoopingCall

from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.ops.settings import ListenConfig
from chatd.ops.validity import Watched, moment, warnings, watched

log = Log(__name__)

INTERVAL: Final = 86_400.0
"""Seconds between two looks: one line a day for each certificate that needs one."""


class CertificateWatch:
    """Checks the certificates that ``listeners`` have loaded, at the start and every day.

    ``wall`` returns the time of day, in milliseconds since 1970.
    """

    def __init__(self, listeners: Iterable[ListenConfig], clock: Clock, wall: Callable[[], int]) -> None:
        self.watch(listeners)
        self._wall = wall
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        """Check now, and then every day."""
        self._loop.start(INTERVAL).addErrback(lambda failure: log.failure("housekeeping-fault", failure))

    def watch(self, listeners: Iterable[ListenConfig]) -> None:
        """Check the certificates of ``listeners``, which have just loaded them, from now on."""
        self._loaded: list[tuple[ListenConfig, list[Watched]]] = [
            (listen, watched(listen)) for listen in listeners
        ]

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        now = moment(self._wall())
        for listen, loaded in self._loaded:
            renewed = " The file holds another one by now, which is not in use yet."
            for one, present in zip(loaded, watched(listen), strict=True):
                hint = renewed if present.chain not in ((), one.chain) else ""
                for sentence in warnings(one, now):
                    log.warn("certificate-ends", sentence + hint, listen=listen.endpoint)
