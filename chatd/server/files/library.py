"""The library: contents and partial uploads, the room that they take, and how much may be brought.

It knows in memory what is on the disk, so that a question costs no look at the disk. Everything that blocks
happens in threads. Contents get and lose their names in one strand, one after the other.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from chatd.chat.calendar import DAY
from chatd.chat.changes.rows import DropUpload, PutUpload
from chatd.chat.hub import Hub
from chatd.chat.state import Peer
from chatd.clock import Clock
from chatd.files.blobs import BlobStore, Key
from chatd.files.partial import Partial
from chatd.files.strand import Strand, Workers
from chatd.ops.current import Current
from chatd.ops.settings import FilesConfig
from chatd.server.files.partial_upload import PartialUpload, PartialUploads
from chatd.server.files.register import Register
from chatd.server.files.threads import in_thread
from chatd.wire.errors import Code, RequestError

SMALLEST: Final = 4_096
"""Bytes that the smallest file takes on a disk, and of the store's room."""

LOOK_INTERVAL: Final = 0.02


def room_of(size: int) -> int:
    """Return how much of the store's room a file of ``size`` bytes takes."""
    return max(size, SMALLEST)


class Library:
    """The contents in ``store``, the partial uploads, and their limits, those of ``[files]`` in ``current``.

    ``workers`` read, write and hash; ``flushers``, which a slow disk holds up, make bytes durable. ``wall``
    returns milliseconds since 1970; the age of uploads is counted by the calendar of ``hub``, which keeps it
    on disk. The library is the `chatd.chat.files.Blobs` of the chat, and the `Accounts` of the partial
    uploads.
    """

    def __init__(
        self,
        current: Current,
        store: BlobStore,
        workers: Workers,
        flushers: Workers,
        clock: Clock,
        wall: Callable[[], int],
        hub: Hub,
    ) -> None:
        self.hub = hub
        self._current = current
        self.store = store
        self.workers = workers
        self.flushers = flushers
        self.clock = clock
        self.wall = wall
        self._names = Strand(flushers)
        self.uploads = Register(lambda: self.config.uploads, clock)
        self.downloads = Register(lambda: self.config.downloads, clock)
        self.partial_uploads = PartialUploads(store, workers, self)
        self._spent: Counter[int] = Counter()
        self._spent_on = 0
        self._load()

    @property
    def config(self) -> FilesConfig:
        """Return the limits in force."""
        return self._current.config.files

    def _load(self) -> None:
        """Read from the disk what is there. Raises OSError."""
        self.store.prepare()
        listing = self.store.list()
        self.sizes = listing.blobs
        self._bringers = Counter(key.sha256 for key in listing.uploaded)
        self.partial = {key: room_of(came.stored) for key, came in listing.partial.items()}
        self.uploaded: dict[Key, int] = {}
        self.touched: dict[Key, int] = {}
        known = self.hub.world.uploads
        for times, keys in ((self.uploaded, listing.uploaded), (self.touched, listing.partial)):
            for key in keys:
                if key in known:
                    times[key] = known[key]
                else:
                    self._date(times, key)
        gone = known.keys() - self.uploaded.keys() - self.touched.keys()
        self.hub.change(*(DropUpload(*key) for key in gone))
        self.used = sum(map(room_of, self.sizes.values())) + sum(self.partial.values())

    # ---- chatd.chat.files.Blobs ---------------------------------------------------------------------

    def size(self, sha256: str) -> int | None:
        """Return how many bytes the complete content ``sha256`` has; None if it is not held."""
        return self.sizes.get(sha256)

    def brought(self, user: int, sha256: str) -> bool:
        """Return whether ``user`` has uploaded all of ``sha256`` and it is held since."""
        return Key(user, sha256) in self.uploaded

    def downloading(self) -> list[Peer]:
        """Return the connections that files are on their way over."""
        return list({peer: None for one in self.downloads if (peer := one.peer) is not None})

    def released(self, sha256: str, author: int | None) -> None:
        """Remove ``sha256``, which no event posts any more, unless others than ``author`` have brought it."""
        if author is not None and Key(author, sha256) in self.uploaded:
            self.drop_uploaded(Key(author, sha256))
        if sha256 in self.sizes and not self.needed(sha256):
            self.drop_blob(sha256)

    # ---- quotas -------------------------------------------------------------------------------------

    def admit(self, key: Key, size: int) -> None:
        """Check that there is room for ``key``, of so many bytes. Raises `RequestError`."""
        config = self.config
        if size > config.max_size:
            raise RequestError(
                Code.FILE_TOO_LARGE, f"{config.max_size} bytes are the limit of a file; split it."
            )
        if self.used - self.partial.get(key, 0) + room_of(size) > config.store_size:
            raise RequestError(Code.STORE_FULL, "The server has no room for that file; tell whoever runs it.")

    def spend(self, session: int, size: int) -> None:
        """Count ``size`` bytes that ``session`` is to upload today. Raises `RequestError`."""
        today = self.wall() // DAY
        if today != self._spent_on:
            self._spent_on = today
            self._spent.clear()
        limit = self.config.per_session_day
        if self._spent[session] + size > limit:
            raise RequestError(
                Code.QUOTA_EXCEEDED,
                f"{limit} bytes are what one session may upload in a day; go on tomorrow.",
            )
        self._spent[session] += size

    def give_back(self, session: int, size: int) -> None:
        """Count ``size`` bytes less, because they have not come."""
        self._spent[session] = max(0, self._spent[session] - size)

    # ---- partial uploads ----------------------------------------------------------------------------

    def reserve(self, key: Key, size: int) -> int:
        """Count ``size`` bytes for the partial upload ``key``: all it may become, or what is left of it.

        Returns how many were counted for it before.
        """
        before = self.partial.get(key, 0)
        self.partial[key] = room_of(size)
        self.used += self.partial[key] - before
        self._date(self.touched, key)
        return before

    def forget(self, key: Key) -> None:
        """Count nothing for the partial upload ``key`` any more."""
        self.used -= self.partial.pop(key, 0)
        self._undate(self.touched, key)

    async def place(self, upload: PartialUpload, part: Partial) -> None:
        """Make the checked ``part`` of ``upload`` a content. Raises `DiskError`."""
        key = upload.key
        await in_thread(self._names, partial(self.store.place, key, part))
        if key.sha256 not in self.sizes:
            self.sizes[key.sha256] = part.size
            self.used += room_of(part.size)
        self._bringers[key.sha256] += key not in self.uploaded
        self._date(self.uploaded, key)
        upload.removed()

    def _date(self, times: dict[Key, int], key: Key) -> None:
        """Note in ``times`` that ``key`` was worked on now."""
        now = self.hub.world.calendar.now
        times[key] = now
        self.hub.change(PutUpload(*key, now))

    def _undate(self, times: dict[Key, int], key: Key) -> None:
        """Note that nothing is left of ``key`` in ``times``."""
        times.pop(key, None)
        self._undated(key)

    def _undated(self, key: Key) -> None:
        if key not in self.uploaded and key not in self.touched:
            self.hub.change(DropUpload(*key))

    # ---- removal ------------------------------------------------------------------------------------

    def needed(self, sha256: str) -> bool:
        """Return whether somebody brings ``sha256`` now, or has brought it and may still post it."""
        return self._bringers[sha256] > 0 or self.partial_uploads.any_of(sha256)

    def drop_uploaded(self, key: Key) -> None:
        """Forget that somebody brought a content.

        The row stays until the note on the disk is gone: without it the note would count as a new one.
        """
        self.uploaded.pop(key, None)
        self._bringers[key.sha256] -= 1
        if not self._bringers[key.sha256]:
            del self._bringers[key.sha256]
        self._names.submit(partial(self.store.drop_uploaded, key), partial(self._dropped, key))

    def _dropped(self, key: Key, result: Any) -> None:
        """Note that nothing is left of ``key``; what could not be removed is found at the next start."""
        if not isinstance(result, Failure) and (key.user, key.sha256) in self.hub.world.uploads:
            self._undated(key)

    def drop_blob(self, sha256: str) -> None:
        """Forget a content."""
        self.used -= room_of(self.sizes.pop(sha256))
        self._names.submit(partial(self.store.remove, sha256), _ignore)

    # ---- the end ------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Return whether nothing is on its way to the disk."""
        return not len(self._names) and self.partial_uploads.idle

    async def settle(self, seconds: float) -> bool:
        """Wait, at most ``seconds``, until all that came is on the disk; return whether it is."""
        end = self.clock.seconds() + seconds
        while not self.idle and self.clock.seconds() < end:
            pause: Deferred[None] = deferLater(self.clock, LOOK_INTERVAL)
            await pause
        return self.idle


def _ignore(_: Any) -> None:
    """Ignore an error: what was not removed now is found again at the next start."""
