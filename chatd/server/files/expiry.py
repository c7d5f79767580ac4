"""Expiry: removes uploads that were not finished or posted for some days, and contents with their events."""

from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from chatd.chat.calendar import DAY
from chatd.chat.changes.rows import LET_GO
from chatd.files.blobs import Key
from chatd.ops.log import Log
from chatd.server.files.library import Library
from chatd.server.files.transfer import DIGITS

log = Log(__name__)

INTERVAL: Final = 600.0
"""Seconds between two rounds."""

AT_ONCE: Final = 200
"""Uploads, and contents, that are looked at in one turn, which stays short (P6), even if all are removed."""

T = TypeVar("T")


class Expiry:
    """Removes everything from ``library`` that nobody needs any more."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._world = library.hub.world
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._round()))
        self._loop.clock = library.clock

    def start(self) -> None:
        """Begin with a first round at once."""
        self._loop.start(INTERVAL).addErrback(lambda failure: log.failure("housekeeping-fault", failure))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    async def _round(self) -> None:
        try:
            self._library.partial_uploads.close_parked(0)
            uploads = await self._expire_uploads()
            contents = await self._expire_contents()
        except Exception:  # noqa: BLE001 - one round's fault must not end those to come
            log.failure("housekeeping-fault", None)
            return
        if uploads or contents:
            log.info("files-expired", uploads=uploads, count=contents)

    async def _expire_uploads(self) -> int:
        """Forget uploads that are too old or whose user is gone; return how many were not finished."""
        library = self._library
        users = self._world.users
        before = self._world.calendar.now - round(library.config.partial_days * DAY)
        before = max(before, LET_GO + 1)
        count = 0

        def is_old(key: Key, times: dict[Key, int]) -> bool:
            return key in times and (times[key] < before or self._is_gone(key.user))

        async for key in self._some(library.touched):
            if is_old(key, library.touched) and key not in library.partial_uploads:
                nick = users[key.user].nick if key.user in users else None
                log.info("upload-removed", sha256=key.sha256[:DIGITS], nick=nick)
                library.partial_uploads.drop(key)
                count += 1
        async for key in self._some(library.uploaded):
            if is_old(key, library.uploaded):
                library.drop_uploaded(key)
        return count

    def _is_gone(self, user: int) -> bool:
        """Return whether nobody can go on with the uploads of ``user``."""
        found = self._world.users.get(user)
        return found is None or found.deleted

    async def _some(self, everything: Iterable[T]) -> AsyncIterator[T]:
        """Yield all of ``everything`` as it is now, some in each turn."""
        for number, one in enumerate(list(everything), 1):
            yield one
            if number % AT_ONCE == 0:
                await deferLater(self._library.clock, 0)

    async def _expire_contents(self) -> int:
        """Remove contents that nobody needs; return how many."""
        library, posted = self._library, self._world.posted
        count = 0
        async for sha256 in self._some(library.sizes):
            size = library.sizes.get(sha256)
            if size is not None and not self._needed(sha256):
                room, seq = next(((room.name, seq) for room, seq in posted.newest(sha256)), (None, None))
                log.info("file-removed", sha256=sha256[:DIGITS], size=size, room=room, seq=seq)
                library.drop_blob(sha256)
                count += 1
        return count

    def _needed(self, sha256: str) -> bool:
        """Return whether somebody brings or may post ``sha256``, or a recent enough event posts it."""
        world, keep_days = self._world, self._library.config.keep_days
        if self._library.needed(sha256):
            return True
        if not keep_days:
            return sha256 in world.posted
        before = world.calendar.now - round(keep_days * DAY)
        return any(seq > world.ages.old(room.log.id, before) for room, seq in world.posted.newest(sha256))
