"""Erasure: has what deleted accounts have said erased, a slice at a time, beside everything else."""

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from chatd.chat.erasures import Slices
from chatd.ops.log import Log
from chatd.server.server import Server

log = Log(__name__)

INTERVAL: Final = 1.0
"""Seconds between two looks whether there is something to erase."""

PAUSE: Final = 0.05
"""Seconds between two slices: others commit meanwhile."""

PAGE: Final = 65_536
"""Bytes of events that are looked through at once, about: less than a millisecond."""


class Erasure:
    """Works off the erasures of ``server``, whatever ended an earlier daemon."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._slices = Slices(server.hub.world)
        self._count = 0
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._round()))
        self._loop.clock = server.clock

    def start(self) -> None:
        """Begin."""
        self._loop.start(INTERVAL).addErrback(lambda failure: log.failure("housekeeping-fault", failure))

    def stop(self) -> None:
        """End; what is left goes on with the next daemon."""
        if self._loop.running:
            self._loop.stop()

    async def _round(self) -> None:
        try:
            while self._loop.running and await self._slice():
                await deferLater(self._server.clock, PAUSE)
        except Exception:  # noqa: BLE001 - one round's fault must not end those to come
            log.failure("housekeeping-fault", None)

    async def _slice(self) -> bool:
        """Do the next slice; return whether there may be more."""
        server = self._server
        known = set(server.hub.world.erasures)
        if not known:
            return False
        step = self._slices.next()
        for user in known - set(server.hub.world.erasures):
            log.info("account-erased", nick=server.hub.world.users[user].nick, count=self._count)
            self._count = 0
        server.hub.call()
        if step is None:
            return self._slices.busy
        row, room, first = step
        read: Deferred[list[bytes] | None] = Deferred()
        server.reads.read(room.log, first, room.log.head, PAGE, False, read.callback)
        stored = await read
        if stored is None:
            return False
        self._count += self._slices.take(row, room, first, stored, server.wall())
        server.hub.call()
        return True
