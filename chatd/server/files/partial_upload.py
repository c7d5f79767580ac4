"""Partial uploads: one transfer at a time holds one; the next may wait for it, and goes on from there."""

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from chatd.files.blobs import BlobStore, Key
from chatd.files.partial import Partial
from chatd.files.strand import Workers
from chatd.server.files.threads import DiskError, in_thread
from chatd.wire.errors import Code, RequestError

PARKED: Final = 32
"""Partial uploads whose files stay open when their link is lost, so that going on needs no second look."""


class State(Enum):
    """The states of a `PartialUpload`."""

    WAITING = "waiting"
    """Another transfer still has the file and will give it back soon."""

    HELD = "held"
    """A transfer has it."""

    LEAVING = "leaving"
    """It will be given back soon: the next one may wait for that."""

    PARKED = "parked"
    """No transfer has it; its file is open."""

    GONE = "gone"
    """It was given back, and is closed, removed, or another transfer's."""


_NEXT: Final = {
    State.WAITING: {State.HELD},
    State.HELD: {State.LEAVING, State.PARKED, State.GONE},
    State.LEAVING: {State.LEAVING, State.PARKED, State.GONE},
    State.PARKED: {State.LEAVING, State.GONE},
    State.GONE: set[State](),
}
"""The states that may follow each state."""


class Accounts(Protocol):
    """Counts the room that partial uploads take."""

    def reserve(self, key: Key, size: int) -> int:
        """Count ``size`` bytes for ``key``, which was worked on now; return what was counted before."""

    def forget(self, key: Key) -> None:
        """Count nothing for ``key``: nothing is left of it."""


class PartialUpload:
    """The partial upload ``key`` while one transfer holds it, and after that has given it back.

    Its transfer opens it once, and gives it back once: with `park`, `close` or `discard`, which do nothing if
    its file is not open, or with `removed` if the file has gone already.
    """

    def __init__(self, others: "PartialUploads", key: Key, size: int, state: State = State.WAITING) -> None:
        self.key = key
        self.size = size
        self.state = state
        self.part: Partial | None = None
        self.next: PartialUpload | None = None
        self._others = others
        self._counted = 0
        self._turn: Deferred[None] = Deferred()

    def begin(self, part: Partial | None) -> None:
        """Let its transfer hold it; ``part`` is the file if that is open."""
        self._enter(State.HELD)
        self._counted = self._others.accounts.reserve(self.key, self.size)
        self.part = part
        self._turn.callback(None)

    async def open(self) -> Partial:
        """Return the file, once it is this transfer's turn. Raises `DiskError`; then it is given back."""
        await self._turn
        if self.part is not None and self.part.size == self.size:
            return self.part
        other, self.part = self.part, None
        try:
            self.part = await in_thread(self._others.workers, partial(self._open, other))
        except DiskError:
            self._give_back(self._counted)
            raise
        return self.part

    def _open(self, other: Partial | None) -> Partial:
        if other is not None:
            other.close()
        return self._others.store.open(self.key, self.size)

    # ---- giving it back -----------------------------------------------------------------------------

    def leave(self) -> None:
        """Announce that it will be given back soon."""
        if self.state is State.HELD:
            self._enter(State.LEAVING)

    def park(self) -> None:
        """Give it back open. It is discarded if it is empty and nobody waits."""
        if self.part is None or self.state is State.PARKED:
            return
        if self.part.written or self.next is not None:
            self._give_back(self.part.written)
        else:
            self.discard()

    def close(self) -> None:
        """Give it back closed."""
        if self.part is not None:
            part = self.part
            self._end(part.close, lambda: self._give_back(part.written))

    def discard(self) -> None:
        """Give it back and remove it."""
        if self.part is not None:
            self._end(self.part.discard, self.removed)

    def removed(self) -> None:
        """Give it back: its file is gone."""
        self.part = None
        self._others.accounts.forget(self.key)
        self._hand_on()

    def _end(self, job: Callable[[], None], done: Callable[[], None]) -> None:
        """Have a thread do its last job with the file, whether that fails or not; then call ``done``."""
        self.part = None
        self._enter(State.LEAVING)
        self._others.workers.submit(job, lambda _: done())

    def _give_back(self, left: int) -> None:
        """Count the ``left`` bytes in it from now on, no longer the size that was promised.

        So a promise costs nothing once it is given back.
        """
        self._others.accounts.reserve(self.key, left)
        self._hand_on()

    def _hand_on(self) -> None:
        if self.next is not None:
            self.hand_on(self.next)
        elif self.part is not None:
            self._enter(State.PARKED)
            self._others.parked(self)
        else:
            self._enter(State.GONE)
            self._others.gone(self)

    def hand_on(self, following: "PartialUpload") -> None:
        """Let ``following`` have it from now on."""
        self._enter(State.GONE)
        part, self.part = self.part, None
        self._others.begin(following, part)

    def _enter(self, state: State) -> None:
        if state not in _NEXT[self.state]:
            raise RuntimeError(f"A partial upload that is {self.state.value} cannot be {state.value}.")
        self.state = state


class PartialUploads:
    """The partial uploads that a transfer holds or waits for, and those that are open.

    ``workers`` open, close and remove files of ``store``.
    """

    def __init__(self, store: BlobStore, workers: Workers, accounts: Accounts) -> None:
        self.store = store
        self.workers = workers
        self.accounts = accounts
        self._latest: dict[Key, PartialUpload] = {}

    def __contains__(self, key: Key) -> bool:
        """Return whether a transfer holds ``key``, or its file is open."""
        return key in self._latest

    def any_of(self, sha256: str) -> bool:
        """Return whether a transfer brings ``sha256``, or a partial file of it is open."""
        return any(key.sha256 == sha256 for key in self._latest)

    @property
    def idle(self) -> bool:
        """Return whether no transfer holds any, and no thread works on their files."""
        return all(upload.state is State.PARKED for upload in self._latest.values())

    def acquire(self, key: Key, size: int) -> PartialUpload:
        """Return the partial upload ``key``, of ``size`` bytes once it is whole, for one transfer.

        Raises `RequestError` if another one holds it and will not give it back soon.
        """
        upload = PartialUpload(self, key, size)
        latest = self._latest.get(key)
        if latest is None:
            self.begin(upload, None)
        elif latest.state is State.PARKED:
            latest.hand_on(upload)
        elif latest.state is State.LEAVING and latest.next is None:
            latest.next = upload
        else:
            raise RequestError(
                Code.TOO_MANY_TRANSFERS, "That file is on its way already, from elsewhere; wait for it."
            )
        return upload

    def drop(self, key: Key) -> None:
        """Remove a partial upload that no transfer holds and that is not open."""
        upload = self._latest[key] = PartialUpload(self, key, 0, State.LEAVING)
        self.workers.submit(partial(self.store.drop_partial, key), lambda _: upload.removed())

    def close_parked(self, most: int) -> None:
        """Close the parked ones except the newest ``most``."""
        parked = [upload for upload in self._latest.values() if upload.state is State.PARKED]
        for upload in parked[: max(len(parked) - most, 0)]:
            upload.close()

    # ---- called by each of them ---------------------------------------------------------------------

    def begin(self, upload: PartialUpload, part: Partial | None) -> None:
        """Let the transfer of ``upload`` hold it, with the file ``part`` if that is open."""
        self._latest[upload.key] = upload
        upload.begin(part)

    def parked(self, upload: PartialUpload) -> None:
        """Keep ``upload`` open, unless too many are."""
        self._latest[upload.key] = self._latest.pop(upload.key)  # it is the last one parked
        self.close_parked(PARKED)

    def gone(self, upload: PartialUpload) -> None:
        """Forget ``upload``."""
        del self._latest[upload.key]
