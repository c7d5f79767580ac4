"""The transfers of one connection: files on their way in both directions (docs/PROTOCOL.md, "Files")."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.interfaces import IDelayedCall

from chatd.chat.state import Session
from chatd.files.outgoing import Turns
from chatd.ops.log import Log
from chatd.server.files.download import Download
from chatd.server.files.library import Library
from chatd.server.files.transfer import DONE, Transfer
from chatd.server.files.upload import Upload
from chatd.tcp import NOTSENT_LOWAT, allow_unsent
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.frames import split_chunk
from chatd.wire.limits import WINDOW

log = Log(__name__)

T = TypeVar("T", bound=Transfer)

PAST: Final = 64
"""Ended transfers that are remembered: chunks of them, or messages about them, may still be on their way."""

RETRY: Final = 0.02
"""Seconds after which a connection that could take nothing is tried again, if no event does so before."""


Chunking = Callable[[int, int, bytes | memoryview], bytes]
"""Makes the bytes of a wire that carry bytes of a transfer, from an offset of its file on."""


class FileOutput(Protocol):
    """The output of a connection, as its transfers see it."""

    def say(self, message: m.Message) -> None:
        """Write a message, unless the connection has ended."""

    def write(self, data: bytes) -> None:
        """Write bytes of its wire, unless it has ended."""


class FileConnection(Protocol):
    """The connection, as its transfers see it."""

    transport: Any

    @property
    def chunk(self) -> Chunking:
        """Return what makes the bytes of a chunk."""

    @property
    def output(self) -> FileOutput:
        """Return what writes to it."""

    @property
    def at_ease(self) -> bool:
        """Return whether it is up and nothing else waits to be written: chat goes first."""

    def reply(self, messages: Sequence[m.Message], answered: int) -> None:
        """Write messages that answer so many of its requests."""

    def fault(self) -> None:
        """End it because of the current exception, which concerns it alone (P8)."""


class Transfers:
    """The transfers of ``connection``; an `chatd.server.files.transfer.Owner`."""

    def __init__(self, library: Library, connection: FileConnection) -> None:
        self._library = library
        self._connection = connection
        self._newest = 0
        self._uploads: dict[int, Upload] = {}
        self._downloads: dict[int, Download] = {}
        self._past: OrderedDict[int, Transfer] = OrderedDict()
        self._turns = Turns()
        self._timer: IDelayedCall | None = None
        self._unsent = NOTSENT_LOWAT
        self._heard = self._closed = False

    # ---- requests -----------------------------------------------------------------------------------

    def upload(self, session: Session, request: m.Upload, held: bool) -> m.Ok | None:
        """Begin an upload, or return the answer if all of it is ``held``.

        Raises `RequestError` and `ProtocolError`.
        """
        self._number(request.transfer)
        if held:
            return m.Ok(id=request.id, offset=request.size)
        self._check_count()
        self._begin(Upload(self, self._library, session, request), self._uploads)
        return None

    def download(self, session: Session, request: m.Download, ok: m.Ok, file: m.File) -> None:
        """Begin a download of ``file``, to be answered with ``ok``. Raises as `upload` does."""
        self._number(request.transfer)
        self._check_count()
        self._begin(Download(self, self._library, session, request, ok, file), self._downloads)

    @staticmethod
    def _begin(transfer: T, under_way: dict[int, T]) -> None:
        under_way[transfer.number] = transfer
        try:
            transfer.begin()
        except RequestError:
            del under_way[transfer.number]
            raise

    def _number(self, number: int) -> None:
        if number <= self._newest:
            raise ProtocolError(
                Code.BAD_MESSAGE, f"Transfer {number} is not a new number: {self._newest} was there before."
            )
        self._newest = number

    def _check_count(self) -> None:
        most = self._library.config.per_connection
        if len(self._uploads) + len(self._downloads) >= most:
            raise RequestError(
                Code.TOO_MANY_TRANSFERS, f"{most} transfers are under way; wait for one to end."
            )

    # ---- messages of the client ---------------------------------------------------------------------

    def chunk(self, payload: bytes) -> None:
        """Take in a chunk. Raises `ProtocolError` ``bad-chunk``."""
        number, offset, data = split_chunk(payload)
        upload = self._uploads.get(number)
        if upload is not None and upload.expects_chunks:
            upload.chunk(offset, data)
            return
        past = self._past.get(number)
        if past is None or not past.cut:
            raise ProtocolError(Code.BAD_CHUNK, f"No chunk of transfer {number} is expected.")

    def turn(self) -> None:
        """Have the bytes of this turn written, tell the client how far uploads have come, and send on."""
        for upload in list(self._uploads.values()):
            upload.turn()
        if self._heard:
            self._heard = False
            self.pump()

    def progress(self, progress: m.Progress) -> None:
        """Go on sending what the client is ready for. Raises `ProtocolError`."""
        number = progress.transfer
        download = self._downloads.get(number)
        if download is None or not download.ready:
            past = self._past.get(number)
            if isinstance(past, Download) and progress.stored >= past.size:
                past.say_ended(DONE)
            return
        now = self._library.clock.seconds()
        download.moved = now
        self._turns.progress(progress, now)
        if download.outgoing.received == download.size:
            download.finish()
        self._heard = True

    def cancel(self, cancel: m.Cancel) -> None:
        """End a transfer because the client says so."""
        reason = cancel.code if cancel.code in _CODES else Code.CANCELLED
        number = cancel.transfer
        transfer = self._uploads.get(number) or self._downloads.get(number) or self._past.get(number)
        if transfer is not None:
            transfer.cut = True
            transfer.close(reason)

    def end_downloads(self, room: str, first: int) -> None:
        """End the downloads of files that events of ``room`` below ``first`` post."""
        for download in list(self._downloads.values()):
            if download.is_of(room, first):
                download.withdraw()

    def end_removed(self, room: str, seq: int) -> None:
        """End the downloads of the file that event ``seq`` of ``room`` has posted."""
        for download in list(self._downloads.values()):
            if download.posted_by(room, seq):
                download.remove()

    # ---- sending ------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send chunks, in turns, as long as the pace allows it and nothing else waits."""
        if self._closed:
            return
        for download in self._downloads.values():
            if download.ready and download.number not in self._turns.transfers:
                self._turns.add(download.outgoing)
        clock, connection = self._library.clock, self._connection
        now = clock.seconds()
        while connection.at_ease and (step := self._turns.next(now)) is not None:
            outgoing, offset, data = step
            connection.output.write(connection.chunk(outgoing.transfer, offset, data))
            now = clock.seconds()
        self._allow_unsent()
        for download in list(self._downloads.values()):
            download.read_on(self._turns.pace.budget)
        self._look_again(now)

    def _allow_unsent(self) -> None:
        """Let the kernel take as much as may be under way, so that a fast link is fed in few calls."""
        budget = int(self._turns.pace.budget) if self._turns.transfers else 0
        wanted = max(NOTSENT_LOWAT, min(1 << budget.bit_length(), WINDOW))
        if wanted != self._unsent:
            self._unsent = wanted
            allow_unsent(self._connection.transport, wanted)

    def _look_again(self, now: float) -> None:
        """Schedule another pump if no progress message will cause one."""
        if self._timer is not None:
            return
        wait = self._turns.wait(now)
        if not wait and self._turns.stuck:
            wait = RETRY
        if wait:
            self._timer = self._library.clock.callLater(wait, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.pump()

    # ---- chatd.server.files.transfer.Owner ----------------------------------------------------------

    def answer(self, ok: m.Ok) -> None:
        """Answer the request that asked for a transfer."""
        self._connection.reply([ok], 1)

    def refuse(self, request: int, error: RequestError) -> None:
        """Refuse the request that asked for a transfer."""
        self._connection.reply([m.Error(id=request, code=error.code, text=error.text)], 1)

    def say(self, message: m.Message) -> None:
        """Tell the client something."""
        self._connection.output.say(message)

    def fault(self) -> None:
        """End the connection because of the current exception."""
        self._connection.fault()

    def forget(self, transfer: Transfer) -> None:
        """Count a transfer as one that has ended."""
        self._uploads.pop(transfer.number, None)
        download = self._downloads.pop(transfer.number, None)
        if download is not None:
            self._turns.remove(download.outgoing)
            self._allow_unsent()
        self._past[transfer.number] = transfer
        while len(self._past) > (0 if self._closed else PAST):
            self._drop(self._past.popitem(last=False)[1])

    @staticmethod
    def _drop(past: Transfer) -> None:
        past.let_go()
        if isinstance(past, Download):
            past.say_ended(_UNCONFIRMED)

    # ---- the end ------------------------------------------------------------------------------------

    def close(self, reason: str) -> None:
        """End all transfers because the connection ends. Bytes that came are kept."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for transfer in (*self._uploads.values(), *self._downloads.values()):
            try:
                transfer.close(reason)
            except Exception:  # noqa: BLE001 - the others and their connection end nevertheless
                log.failure("transfer-fault", None, transfer=transfer.number, session=transfer.session)
        while self._past:
            self._drop(self._past.popitem()[1])

    def let_go(self) -> None:
        """Forget the connection, which is gone; threads may still be at work for it."""
        self._connection = _GONE


class _Gone:
    """What is left of a connection that is gone: nothing goes there."""

    transport = None
    at_ease = False

    @property
    def output(self) -> "_Gone":
        return self

    def chunk(self, *_: object) -> bytes:
        return b""

    def say(self, message: m.Message) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass

    def reply(self, messages: Sequence[m.Message], answered: int) -> None:
        pass

    def fault(self) -> None:
        log.failure("transfer-fault", None)


_GONE: Final = _Gone()

_CODES: Final = frozenset(map(str, Code))

_UNCONFIRMED: Final = "unconfirmed"
"""The reason of a download that the client received whole, but never confirmed as stored."""
