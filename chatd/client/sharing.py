"""The files of a client: what programs send and get. The carrier is made with the first of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime

from chatd.client.awaiting import Awaiting
from chatd.client.core import arguments
from chatd.client.core.notices import Notice, SendRefused
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Transfer
from chatd.client.core.texts import check_text
from chatd.client.driver import Driver
from chatd.client.notes import FileNotes
from chatd.client.posting import Posting
from chatd.client.profile.slot import Slot
from chatd.client.values import KeptUpload, Sent
from chatd.files.strand import Threads, Workers
from chatd.wire.errors import RequestError
from chatd.wire.names import fold

if TYPE_CHECKING:
    from chatd.client.files.carrier import Carrier

T = TypeVar("T")


class Files:
    """The files that are on their way, in both directions.

    ``tell`` takes notices for the program; without ``workers`` there are threads of ``reactor``. Uploads
    that are to be kept are remembered in ``slot``.
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
        self._reactor = reactor
        self._workers = workers
        self._notes = FileNotes(slot, driver.machine.rooms.name, tell)
        self._posting = Posting(driver, awaiting, tell)
        self._threads: Threads | None = None
        self._carrier: Carrier | None = None
        self._bound: dict[Deferred[Sent], str] = {}
        self._awaited: dict[str, list[Deferred[None]]] = {}

    # ---- the program --------------------------------------------------------------------------------

    def put(self, room: str, path: str | Path, caption: str = "", *, keep: bool = False) -> Deferred[Sent]:
        """Send the file at ``path`` to ``room``; the Deferred fires when it is posted there.

        It goes on by itself on the next link. Cancelling the Deferred gives it up; what the server has of the
        bytes stays there for some days, and the same file goes on from there, on any later day. What is to be
        kept goes on in the next run of this profile, if that calls `put_kept`.
        """
        try:
            arguments.said(room, caption)
            path = Path(arguments.path("the file", path, arguments.ARGUMENT))
            check_text(caption, caption=True)
        except (RequestError, ClientError) as error:
            return fail(error)
        return self._bound_for(room, self._made().put(room, path, caption, keep=keep))

    def put_kept(self) -> list[tuple[KeptUpload, Deferred[Sent]]]:
        """Go on with the files that earlier runs of this profile have kept and not posted."""
        kept = self._notes.kept()
        return list(zip(kept.values(), self.go_on(kept), strict=True))

    def go_on(self, uploads: Mapping[int, KeptUpload]) -> list[Deferred[Sent]]:
        """Go on with kept files, which the profile has by these keys."""
        return [
            self._bound_for(upload.room, self._made().go_on(key, upload)) for key, upload in uploads.items()
        ]

    def get(
        self,
        room: str,
        seq: int | None = None,
        file: str = "",
        output: str | Path = "",
        *,
        force: bool = False,
    ) -> Deferred[Path]:
        """Get the file of event ``seq`` in ``room``, or its newest whose SHA-256 begins with ``file``.

        It goes into the folder or file ``output``, or into the current folder; the Deferred fires with its
        path when it is there, verified. Nothing is written over, unless ``output`` is the name of a file and
        ``force`` is set. What is there of it when it is given up stays, and is where the next one goes on.
        """
        from chatd.client.files.targets import Wanted  # noqa: PLC0415 - as the carrier

        try:
            arguments.said(room, file, seq or 0)
            place = arguments.path("the output", output, arguments.ARGUMENT) if output != "" else ""
        except ClientError as error:
            return fail(error)
        return self._made().get(room, seq, file, Wanted(place, force))

    def give_up(self, key: int) -> None:
        """End the transfer ``key`` for good, even one that was to be kept; its Deferred fails."""
        if self._carrier is not None:
            self._carrier.give_up(key)

    def transfers(self) -> list[Transfer]:
        """Return the files that are on their way, in the order in which they were begun."""
        return [] if self._carrier is None else self._carrier.transfers()

    # ---- posts --------------------------------------------------------------------------------------

    def _bound_for(self, room: str, sent: Deferred[Sent]) -> Deferred[Sent]:
        self._bound[sent] = fold(room)
        return sent.addBoth(self._arrived, sent)

    def _arrived(self, result: T, sent: Deferred[Sent]) -> T:
        room = self._bound.pop(sent)
        if room not in self._bound.values():
            for waiting in self._awaited.pop(room, ()):
                waiting.callback(None)
        return result

    def all_posted(self, room: str) -> Deferred[None] | None:
        """Return a Deferred that fires once no file is on its way to ``room``; None if none is now."""
        if fold(room) not in self._bound.values():
            return None
        waiting: Deferred[None] = Deferred()
        self._awaited.setdefault(fold(room), []).append(waiting)
        return waiting

    def posts_left(self) -> list[Deferred[Sent]]:
        """Return the posts of files that an earlier run has left, which go out by themselves."""
        return self._posting.left()

    def tells(self, notice: Notice) -> bool:
        """Return whether the program hears of ``notice`` by a transfer instead."""
        return isinstance(notice, SendRefused) and self._posting.posted(notice.key)

    # ---- the end ------------------------------------------------------------------------------------

    def leave_behind(self) -> None:
        """End what earlier runs have kept for another server: it stays in the profile."""
        if self._carrier is not None:
            self._carrier.leave_behind(self._notes.inherited)

    def stop(self, error: ClientError) -> None:
        """End all transfers for ``error``; what is stored stays."""
        self._posting.stop()
        if self._carrier is not None:
            self._carrier.stop(error)

    def emptied(self) -> Deferred[Any]:
        """Return a Deferred that fires once no file is open any more."""
        return succeed(None) if self._carrier is None else self._carrier.emptied()

    def shut(self) -> None:
        """Let go of the threads and of the slot."""
        if self._threads is not None:
            self._threads.stop()
        self._notes.close()

    def _made(self) -> "Carrier":
        if self._carrier is None:
            from chatd.client.files.carrier import Carrier  # noqa: PLC0415 - most clients carry no file

            if self._workers is None:
                self._workers = self._threads = Threads(self._reactor.callFromThread)  # type: ignore[attr-defined]
            self._carrier = Carrier(self._posting, self._notes, self._workers)
            self._driver.on_errand = self._carrier.errands.perform
        return self._carrier
