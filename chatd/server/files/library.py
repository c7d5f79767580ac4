"""Files: what all connections share of them: the contents, who may bring how much, and who is at what.

What is on the disk is known here, so that a question costs no look at it; everything that blocks happens in
threads. Contents get and lose their names in one strand, one after the other.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from chatd.chat.calendar import DAY
from chatd.chat.hub import Hub
from chatd.chat.storage import DropUpload, PutUpload
from chatd.clock import Clock
from chatd.files.blobs import BlobStore, Key
from chatd.files.partial import Partial
from chatd.files.strand import Strand, Workers
from chatd.ops.log import Log
from chatd.ops.settings import FilesConfig
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_TRANSFERS

log = Log(__name__)

PARKED: Final = 32
"""Partial uploads whose files stay open when their link is lost, so that going on needs no second look."""

IDLE: Final = 30.0
"""Seconds without a byte after which a transfer may have to make room for another."""

SMALLEST: Final = 4_096
"""Bytes that the smallest file takes on a disk, and of the store's room."""

LOOK_INTERVAL: Final = 0.02

Opened = Callable[[Any], None]
"""Is told a `Partial`, or a `Failure`."""


def room_of(size: int) -> int:
    """Return how much of the store a file of ``size`` bytes takes."""
    return max(size, SMALLEST)


class Moving(Protocol):
    """A transfer, for the `Register`; ``moved`` is the second at which it last did."""

    key: Key
    moved: float

    def give_way(self) -> None:
        """End, because others wait and this one does not move."""


class Register:
    """The transfers of one direction in the whole daemon, ``most`` at once, a quarter for one user."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._moving: set[Moving] = set()

    def __len__(self) -> int:
        return len(self._moving)

    def add(self, transfer: Moving) -> None:
        """Count ``transfer``. Where there are too many the one that has not moved for longest gives way.

        Raises `RequestError` ``too-many-transfers`` where all of them move.
        """
        own = sum(each.key.user == transfer.key.user for each in self._moving)
        if own >= max(self._most // 4, MAX_TRANSFERS):
            raise RequestError(Code.TOO_MANY_TRANSFERS, f"You have {own} transfers under way; wait for one.")
        if len(self._moving) >= self._most:
            stillest = min(self._moving, key=lambda each: each.moved)
            if self._clock.seconds() - stillest.moved < IDLE:
                raise RequestError(
                    Code.TOO_MANY_TRANSFERS, "The server has as many transfers under way as it may; wait."
                )
            stillest.give_way()
        self._moving.add(transfer)

    def remove(self, transfer: Moving) -> None:
        """Count ``transfer`` no longer."""
        self._moving.discard(transfer)


@dataclass(slots=True)
class _Bay:
    """Where one partial upload lies: with a transfer, ``parked`` open, or ``leaving`` for either.

    ``left`` bytes of it were on the disk when it was last given back.
    """

    left: int = 0
    parked: Partial | None = None
    leaving: bool = False
    waiting: Callable[[], None] | None = None


class Files:
    """The contents in ``store``, and the limits of ``config``.

    ``workers`` read, write and hash; ``flushers``, which a slow disk holds up, make it last. ``wall`` tells
    milliseconds since 1970; how old uploads are is told by the calendar of ``hub``, which keeps that on disk.
    It is the `chatd.chat.files.Blobs` of the chat.
    """

    def __init__(
        self,
        config: FilesConfig,
        store: BlobStore,
        workers: Workers,
        flushers: Workers,
        clock: Clock,
        wall: Callable[[], int],
        hub: Hub,
    ) -> None:
        self.hub = hub
        self.config = config
        self.store = store
        self.workers = workers
        self.flushers = flushers
        self.clock = clock
        self.wall = wall
        self.names = Strand(flushers)
        self.uploads = Register(config.uploads, clock)
        self.downloads = Register(config.downloads, clock)
        self._bays: dict[Key, _Bay] = {}
        self._spent: Counter[int] = Counter()
        self._spent_on = 0
        self._load()

    def _load(self) -> None:
        """Learn what is there. Raises OSError."""
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
        """Return how many bytes the complete content ``sha256`` has; None where it is not held."""
        return self.sizes.get(sha256)

    def brought(self, user: int, sha256: str) -> bool:
        """Return whether ``user`` has uploaded all of ``sha256`` and it is held since."""
        return Key(user, sha256) in self.uploaded

    # ---- who may bring how much ---------------------------------------------------------------------

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
        """Count ``size`` bytes less: they have not come."""
        self._spent[session] = max(0, self._spent[session] - size)

    # ---- partial uploads ----------------------------------------------------------------------------

    def acquire(self, key: Key, size: int, opened: Opened) -> None:
        """Have ``opened`` told the partial upload ``key`` of ``size`` bytes, for itself until `release`.

        Raises `RequestError` where somebody else is at it.
        """
        bay = self._bays.get(key)
        if bay is None:
            bay = self._bays[key] = _Bay()
        elif bay.leaving and bay.waiting is None:
            bay.waiting = partial(self._begin, key, size, opened)
            return
        elif bay.parked is None:
            raise RequestError(
                Code.TOO_MANY_TRANSFERS, "That file is on its way already, from elsewhere; wait for it."
            )
        self._begin(key, size, opened)

    def _begin(self, key: Key, size: int, opened: Opened) -> None:
        bay = self._bays[key]
        bay.leaving = False
        bay.left = self.partial.get(key, 0)
        parked, bay.parked = bay.parked, None
        self._reserve(key, size)
        if parked is not None and parked.size == size:
            opened(parked)
            return
        self.workers.submit(partial(self._open, key, size, parked), opened)

    def _open(self, key: Key, size: int, parked: Partial | None) -> Partial:
        if parked is not None:
            parked.close()
        return self.store.open(key, size)

    def _reserve(self, key: Key, size: int) -> None:
        """Count ``size`` bytes for the partial upload ``key``: all it may become, or what is left of it."""
        room = room_of(size)
        self.used += room - self.partial.get(key, 0)
        self.partial[key] = room
        self._date(self.touched, key)

    def _date(self, times: dict[Key, int], key: Key) -> None:
        """Note in ``times`` that ``key`` was gone on with now."""
        now = self.hub.world.calendar.now
        times[key] = now
        self.hub.change(PutUpload(*key, now))

    def _undate(self, times: dict[Key, int], key: Key) -> None:
        """Note that nothing is left of ``key`` in ``times``."""
        del times[key]
        if key not in self.uploaded and key not in self.touched:
            self.hub.change(DropUpload(*key))

    def leaving(self, key: Key) -> None:
        """Tell that whoever has ``key`` will release it soon: the next one may wait for that."""
        self._bays[key].leaving = True

    def release(self, key: Key, part: Partial | None, *, left: int | None = None, keep: bool = True) -> None:
        """Give back ``key``: ``part`` is as it was kept, None if closed, of ``left`` bytes (None: as before).

        Not ``keep`` means that nothing of it is left. From now on it takes the room that it fills, no longer
        the room that was promised: promises cost those who make them nothing.
        """
        bay = self._bays[key]
        left = bay.left if left is None else left
        if part is not None:
            left = part.written
            if not left and bay.waiting is None:
                bay.leaving = True
                self.workers.submit(part.discard, lambda _: self.release(key, None, keep=False))
                return
        bay.leaving = False
        bay.parked = part
        self._reserve(key, left)
        if not keep:
            self.used -= self.partial.pop(key, 0)
            self._undate(self.touched, key)
        waiting, bay.waiting = bay.waiting, None
        if waiting is not None:
            waiting()
        elif part is None:
            del self._bays[key]
        else:
            self._bays[key] = self._bays.pop(key)  # it is the last one parked
            self._close_parked(PARKED)

    def _close_parked(self, most: int) -> None:
        parked = [key for key, bay in self._bays.items() if bay.parked is not None]
        for key in parked[: max(len(parked) - most, 0)]:
            self._close(key)

    def _close(self, key: Key) -> None:
        bay = self._bays[key]
        part, bay.parked = bay.parked, None
        if part is not None:
            bay.leaving = True
            self.workers.submit(part.close, lambda _: self.release(key, None, left=part.written))

    def place(self, key: Key, part: Partial, done: Callable[[Any], None]) -> None:
        """Make the checked ``part`` a content, then release it and call ``done`` with None or a `Failure`."""
        self.names.run(
            partial(self.store.place, key, part), lambda result: self._placed(key, part, done, result)
        )

    def _placed(self, key: Key, part: Partial, done: Callable[[Any], None], result: Any) -> None:
        if result is None:
            if key.sha256 not in self.sizes:
                self.sizes[key.sha256] = part.size
                self.used += room_of(part.size)
            self._bringers[key.sha256] += key not in self.uploaded
            self._date(self.uploaded, key)
            self.release(key, None, keep=False)
            done(None)
        else:
            self.workers.submit(part.close, lambda _: self._not_placed(key, part, done, result))

    def _not_placed(self, key: Key, part: Partial, done: Callable[[Any], None], result: Any) -> None:
        self.release(key, None, left=part.size)
        done(result)

    # ---- what is not wanted any more ----------------------------------------------------------------

    def busy(self, key: Key) -> bool:
        """Return whether somebody is at ``key``, or it is open."""
        return key in self._bays

    def in_hand(self, sha256: str) -> bool:
        """Return whether somebody brings ``sha256`` at the moment, or has brought it and may post it yet."""
        return self._bringers[sha256] > 0 or any(key.sha256 == sha256 for key in self._bays)

    def drop_partial(self, key: Key) -> None:
        """Forget a partial upload that nobody is at."""
        self._bays[key] = _Bay(leaving=True)
        self.workers.submit(
            partial(self.store.drop_partial, key), lambda _: self.release(key, None, keep=False)
        )

    def drop_uploaded(self, key: Key) -> None:
        """Forget that somebody brought a content."""
        self._undate(self.uploaded, key)
        self._bringers[key.sha256] -= 1
        if not self._bringers[key.sha256]:
            del self._bringers[key.sha256]
        self.names.run(partial(self.store.drop_uploaded, key), _ignore)

    def drop_blob(self, sha256: str) -> None:
        """Forget a content."""
        self.used -= room_of(self.sizes.pop(sha256))
        self.names.run(partial(self.store.remove, sha256), _ignore)

    def park_less(self) -> None:
        """Close every partial upload that is merely parked."""
        self._close_parked(0)

    # ---- the end ------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Return whether nothing is on its way to the disk."""
        return not len(self.names) and all(bay.parked is not None for bay in self._bays.values())

    async def settle(self, seconds: float) -> bool:
        """Wait until all that came is on the disk, ``seconds`` at the most; return whether it is."""
        end = self.clock.seconds() + seconds
        while not self.idle and self.clock.seconds() < end:
            pause: Deferred[None] = deferLater(self.clock, LOOK_INTERVAL)
            await pause
        return self.idle


def _ignore(_: Any) -> None:
    """Take no notice: what was not removed now is found again at the next start."""
