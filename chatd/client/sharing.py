"""The files of a client: the home of its carrier, which is made with the first transfer."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from chatd.client.awaiting import Awaiting
from chatd.client.core.notices import Begun, Notice, NotSaved, SendRefused, TransferSeen
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Transfer
from chatd.client.core.steps import Step
from chatd.client.core.transfers import Moving
from chatd.client.driver import Driver
from chatd.client.files.carrier import Carrier
from chatd.client.files.targets import Wanted
from chatd.client.profile.slot import Slot
from chatd.client.values import KeptUpload, Sent
from chatd.files.strand import Threads, Workers
from chatd.wire.messages import File
from chatd.wire.names import fold

T = TypeVar("T")


class Files:
    """Transfers, the posts that they end with, and the uploads that are kept in ``slot``.

    ``tell`` takes notices for the program; without ``workers`` there are threads of ``reactor``.
    """

    def __init__(
        self,
        driver: Driver,
        awaiting: Awaiting,
        slot: Slot | None,
        tell: Callable[[Notice], None],
        reactor: IReactorTime,
        workers: Workers | None,
    ) -> None:
        self._driver = driver
        self._awaiting = awaiting
        self._slot = slot
        self._tell = tell
        self._reactor = reactor
        self._workers = workers
        self._threads: Threads | None = None
        self._carrier: Carrier | None = None
        self._posting: set[int] = set()
        self._bound: dict[Deferred[Sent], str] = {}
        self._awaited: dict[str, list[Deferred[None]]] = {}
        self._left = self._wait_for_left()

    # ---- the program --------------------------------------------------------------------------------

    def put(self, room: str, path: Path, caption: str, *, keep: bool) -> Deferred[Sent]:
        """Send the file at ``path`` and post it in ``room``."""
        return self._bound_for(room, self._made().put(room, path, caption, keep=keep))

    def put_kept(self) -> list[tuple[KeptUpload, Deferred[Sent]]]:
        """Go on with the files that earlier runs have kept and not posted."""
        if self._slot is None:
            return []
        carrier = self._made()
        return [
            (upload, self._bound_for(upload.room, carrier.go_on(key, upload)))
            for key, upload in self._slot.uploads().items()
        ]

    def _bound_for(self, room: str, sent: Deferred[Sent]) -> Deferred[Sent]:
        self._bound[sent] = fold(room)
        return sent.addBoth(self._arrived, sent)

    def _arrived(self, result: T, sent: Deferred[Sent]) -> T:
        room = self._bound.pop(sent)
        if room not in self._bound.values():
            for waiting in self._awaited.pop(room, ()):
                waiting.callback(None)
        return result

    def posted(self, room: str) -> Deferred[None] | None:
        """Return a Deferred that fires once no file is on its way to ``room``; None if none is now."""
        if fold(room) not in self._bound.values():
            return None
        waiting: Deferred[None] = Deferred()
        self._awaited.setdefault(fold(room), []).append(waiting)
        return waiting

    def get(self, room: str, seq: int | None, prefix: str, wanted: Wanted) -> Deferred[Path]:
        """Bring a file of ``room`` to where it is ``wanted``."""
        return self._made().get(room, seq, prefix, wanted)

    def go_on(self, uploads: Mapping[int, KeptUpload]) -> list[Deferred[Sent]]:
        """Go on with files that were kept for another server."""
        carrier = self._made() if uploads else None
        return [
            self._bound_for(upload.room, carrier.go_on(key, upload))
            for key, upload in uploads.items()
            if carrier is not None
        ]

    def posts_left(self) -> list[Deferred[Sent]]:
        """Return the posts of files that an earlier run has left, which go out by themselves."""
        return list(self._left.values())

    def leave_behind(self) -> None:
        """End what earlier runs have kept for another server: it stays in the profile."""
        if self._carrier is not None and self._slot is not None:
            self._carrier.leave_behind(self._slot.inherited_uploads)

    def give_up(self, key: int) -> None:
        """End one transfer for good."""
        if self._carrier is not None:
            self._carrier.give_up(key)

    def transfers(self) -> list[Transfer]:
        """Return how far each transfer is."""
        return [] if self._carrier is None else self._carrier.transfers()

    def tells(self, notice: Notice) -> bool:
        """Return whether the program hears of ``notice`` by a transfer instead."""
        return isinstance(notice, SendRefused) and notice.key in self._posting

    # ---- the end ------------------------------------------------------------------------------------

    def stop(self, error: ClientError) -> None:
        """End all transfers for ``error``; what is stored stays."""
        for left in self._left.values():
            left.addErrback(lambda _: None)
        if self._carrier is not None:
            self._carrier.stop(error)

    def emptied(self) -> Deferred[Any]:
        """Return a Deferred that fires once no file is open any more."""
        return succeed(None) if self._carrier is None else self._carrier.emptied()

    def shut(self) -> None:
        """Let go of the threads and of the slot."""
        if self._threads is not None:
            self._threads.stop()
        self._slot = None

    # ---- the carrier's home -------------------------------------------------------------------------

    def transfer(self, step: Step) -> None:
        """Tell the machine of ``step``, and do what follows from that."""
        self._driver.feed(self._driver.machine.transfer(step, self._driver.now()))

    def moving(self, key: int) -> Moving | None:
        """Return how far a transfer is on the wire."""
        return self._driver.machine.requests.transfers.all.get(key)

    def seen(self, transfer: Transfer) -> None:
        """Tell the program how far a transfer is."""
        self._tell(TransferSeen(transfer))

    def post_file(self, room: str, caption: str, file: File, kept: int | None) -> Deferred[Sent]:
        """Post a file whose bytes the server has.

        If an earlier run has left that very post, it is that one: what was interrupted is posted once.
        """
        left = self._left.pop((fold(room), caption, file), None)
        if left is not None:
            return left
        key, sent = self._awaiting.post(room, caption, file, kept)
        self._posting.add(key)
        return sent

    def keep_upload(self, upload: KeptUpload) -> int | None:
        """Remember a file that is to be posted."""
        return None if self._slot is None else self._slot.keep_upload(upload)

    def note_upload(self, key: int, sha256: str) -> None:
        """Remember what a kept file holds."""
        self._saving(lambda slot: slot.note_upload(key, sha256))

    def drop_upload(self, key: int) -> None:
        """Forget a kept file."""
        self._saving(lambda slot: slot.drop_upload(key))

    def note_begun(self, begun: Begun) -> None:
        """Remember a file that only the same command goes on with, until it is over."""
        begun = replace(begun, room=self._driver.machine.rooms.name(begun.room))
        self._saving(lambda slot: slot.leftovers.note(begun))

    def note_over(self, begun: Begun) -> None:
        """Forget it."""
        begun = replace(begun, room=self._driver.machine.rooms.name(begun.room))
        self._saving(lambda slot: slot.leftovers.forget(begun))

    # ---- inside -------------------------------------------------------------------------------------

    def _saving(self, save: Callable[[Slot], None]) -> None:
        try:
            if self._slot is not None:
                save(self._slot)
        except ClientError as error:
            self._tell(NotSaved(error.text))

    def _made(self) -> Carrier:
        if self._carrier is None:
            if self._workers is None:
                self._workers = self._threads = Threads(self._reactor.callFromThread)  # type: ignore[attr-defined]
            self._carrier = Carrier(self, self._workers)
            self._driver.on_errand = self._carrier.perform
        return self._carrier

    def _wait_for_left(self) -> dict[tuple[str, str, File], Deferred[Sent]]:
        """Return the posts of files that an earlier run has left, and wait for their answers."""
        return {
            (fold(entry.room), entry.text, entry.file): self._awaiting.left(entry.key)
            for entry in self._driver.machine.outbox.entries
            if entry.file is not None and not entry.withdrawn
        }
