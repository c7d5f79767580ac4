"""Tells the log while the disk hangs; once it is over, the committer tells for how long it did."""

from typing import Final

from twisted.internet.task import LoopingCall

from chatd.ops.log import Log
from chatd.server.server import Server

log = Log(__name__)

INTERVAL: Final = 1.0
"""Seconds between two looks."""


class DiskWatch:
    """Looks whether a commit of ``server`` is under way for too long, and says so once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._hung = False
        self._loop = LoopingCall(self._look)
        self._loop.clock = server.clock

    def start(self) -> None:
        """Begin."""
        self._loop.start(INTERVAL).addErrback(lambda failure: log.failure("housekeeping-fault", failure))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        hung, self._hung = self._hung, self._server.admission.disk_hangs
        if self._hung and not hung:
            log.warn("store-waits", "The disk does not answer; nobody is answered until it does.")
