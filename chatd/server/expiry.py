"""Expiry: uploads that were never finished or posted go after some days, contents with their events."""

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from chatd.ops.log import Log
from chatd.server.desk import Desk
from chatd.server.files import DAY, Files
from chatd.server.housekeeping import event_time

log = Log(__name__)

INTERVAL: Final = 600.0
"""Seconds between two rounds."""

AT_ONCE: Final = 1000
"""Contents that are looked at in one turn, which stays short (P6)."""


class Expiry:
    """Removes what of ``files`` nobody needs any more."""

    def __init__(self, desk: Desk, files: Files) -> None:
        self._desk = desk
        self._files = files
        self._loop = LoopingCall(self._round)
        self._loop.clock = desk.clock
        self._wall_at_zero = desk.wall() - desk.clock.seconds() * 1000

    def start(self) -> None:
        """Begin with a first round at once."""
        self._loop.start(INTERVAL).addErrback(lambda failure: log.failure("housekeeping-fault", failure))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _round(self) -> "Deferred[None]":
        return Deferred.fromCoroutine(self._try())

    async def _try(self) -> None:
        try:
            self._files.park_less()
            uploads = self._expire_uploads()
            contents = await self._expire_contents()
        except Exception:  # noqa: BLE001 - one round's fault must not end those to come
            log.failure("housekeeping-fault", None)
            return
        if uploads or contents:
            log.info("files-expired", uploads=uploads, count=contents)

    def _now(self) -> int:
        """Return the time of day; a clock that was put forward since the start removes nothing."""
        return min(self._desk.wall(), round(self._wall_at_zero + self._desk.clock.seconds() * 1000))

    def _expire_uploads(self) -> int:
        """Forget uploads that are too old or whose user is gone; return how many were not finished."""
        files = self._files
        users = self._desk.hub.world.users
        before = self._now() - round(files.config.partial_days * DAY)
        old = [key for key, at in files.touched.items() if at < before or key.user not in users]
        old = [key for key in old if not files.busy(key)]
        for key in old:
            files.drop_partial(key)
        for key, at in list(files.uploaded.items()):
            if at < before or key.user not in users:
                files.drop_uploaded(key)
        return len(old)

    async def _expire_contents(self) -> int:
        """Remove contents that no event posts and nobody has just brought; return how many."""
        count = 0
        for number, sha256 in enumerate(list(self._files.sizes)):
            if number % AT_ONCE == AT_ONCE - 1:
                await deferLater(self._desk.clock, 0)
            if not self._needed(sha256) and await self._outlived(sha256) and not self._needed(sha256):
                self._files.drop_blob(sha256)
                count += 1
        return count

    def _needed(self, sha256: str) -> bool:
        files = self._files
        posted = sha256 in self._desk.hub.world.posted and not files.config.keep_days
        return posted or files.in_hand(sha256) or sha256 not in files.sizes

    async def _outlived(self, sha256: str) -> bool:
        """Return whether every event that posts ``sha256`` is older than contents are kept."""
        before = self._now() - round(self._files.config.keep_days * DAY)
        posted = self._desk.hub.world.posted
        newest = posted.newest(sha256)
        for room, seq in newest:
            try:
                if seq > room.log.head or await event_time(self._desk, room, seq) >= before:
                    return False
            except LookupError:  # it was cut from its log meanwhile, or the store cannot be read
                return False
        return posted.newest(sha256) == newest  # else it was posted again while the disk was asked
