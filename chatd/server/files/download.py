"""Downloads: contents that are sent to clients."""

import os
from enum import Enum
from functools import partial
from typing import Final

from chatd.chat.state import Session
from chatd.files.outgoing import Outgoing
from chatd.ops.log import Log
from chatd.server.files.library import Library
from chatd.server.files.threads import DiskError, in_thread
from chatd.server.files.transfer import BROKEN, DONE, NOT_BEGUN, Owner, Transfer
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError

log = Log(__name__)


class Stage(Enum):
    """The stages of a download."""

    OPENING = "opening"
    """The content is being opened; its request has no answer yet."""

    SENDING = "sending"
    """Chunks go out."""

    RECEIVED = "received"
    """The client has received all of it, and has not said yet that it is stored."""

    OVER = "over"
    """It has ended."""


_WITHDRAWN: Final = "You may not have that file any more: you are no longer in its room."

_REMOVED: Final = "That file was removed from its room; nobody can fetch it any more."

_UNDER_WAY: Final = (Stage.OPENING, Stage.SENDING)


class Download(Transfer):
    """One download: a content is opened, read block by block, and sent chunk by chunk."""

    def __init__(
        self,
        owner: Owner,
        library: Library,
        session: Session,
        request: m.Download,
        ok: m.Ok,
        file: m.File,
    ) -> None:
        super().__init__(owner, library, session, request.id, request.transfer, file.sha256, file.size)
        self.offset = request.offset
        self.outgoing = Outgoing(request.transfer, file.size, request.offset)
        self.stage = Stage.OPENING
        self._ok = ok
        self._handle = -1
        self._reading = False
        self._withdrawn: tuple[Code, str] | None = None

    @property
    def ready(self) -> bool:
        """Return whether chunks may go out."""
        return self.stage is Stage.SENDING

    # ---- the beginning ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Open the content. Raises `RequestError` if there are too many downloads."""
        self.library.downloads.add(self)
        self.run(self._open())

    async def _open(self) -> None:
        try:
            self._handle = await in_thread(self.library.workers, self._open_content)
        except DiskError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                self._refuse(Code.FILE_EXPIRED, "The server no longer keeps that file; ask its sender.")
            else:
                self.note(error)
                self._refuse(Code.STORAGE_UNAVAILABLE, BROKEN, str(error))
            return
        if self.stage is Stage.OVER or self._withdrawn:
            self._close_handle()
            self._refuse(*(self._withdrawn or (Code.CANCELLED, NOT_BEGUN)))
            return
        if self.offset:
            log.info("download-resumed", offset=self.offset, **self.facts)
        else:
            log.info("download-began", **self.facts)
        self.stage = Stage.SENDING
        self.owner.answer(self._ok)
        if self.offset == self.size:
            self.finish()
        else:
            self.owner.pump()

    def _open_content(self) -> int:
        handle = self.library.store.open_blob(self.key.sha256)
        if os.fstat(handle).st_size != self.size:
            os.close(handle)
            raise OSError(f"The content {self.key.sha256} does not have {self.size} bytes.")
        return handle

    def _refuse(self, code: Code, text: str, error: str | None = None) -> None:
        self.owner.refuse(self.request, RequestError(code, text))
        self._end(code, error)

    # ---- reading ------------------------------------------------------------------------------------

    def read_on(self, about: float) -> None:
        """Have the next block read, about ``about`` bytes, if one is wanted."""
        if self._reading or self._handle < 0:
            return
        wanted = self.outgoing.wants(about)
        if wanted is not None:
            self._reading = True
            self.submit(partial(self._read, *wanted), self._filled, self._not_filled)

    def _read(self, place: int, length: int) -> bytes:
        data = os.pread(self._handle, length, place)
        if len(data) != length:
            raise OSError(f"The content {self.key.sha256} ends early.")
        return data

    def _filled(self, data: bytes) -> None:
        self._reading = False
        if self.stage in _UNDER_WAY:
            self.outgoing.filled(data)
            self.owner.pump()
        else:
            self._close_handle()

    def _not_filled(self, error: DiskError) -> None:
        self._reading = False
        if self.stage in _UNDER_WAY:
            self.note(error)
            self.cancel(Code.STORAGE_UNAVAILABLE, BROKEN, str(error))
        else:
            self._close_handle()

    # ---- the right to it ----------------------------------------------------------------------------

    def is_of(self, room: str, first: int) -> bool:
        """Return whether an event of ``room`` below ``first`` posts the file."""
        return self._ok.room == room and (self._ok.seq or 0) < first

    def posted_by(self, room: str, seq: int) -> bool:
        """Return whether event ``seq`` of ``room`` posts the file."""
        return (self._ok.room, self._ok.seq) == (room, seq)

    def withdraw(self) -> None:
        """End it, because its user may not read the file's event any more."""
        self._end_early(Code.NOT_A_MEMBER, _WITHDRAWN)

    def remove(self) -> None:
        """End it, because the file's event was removed."""
        self._end_early(Code.NO_SUCH_FILE, _REMOVED)

    def _end_early(self, code: Code, text: str) -> None:
        if self.stage is Stage.OPENING:
            self._withdrawn = (code, text)
        else:
            self.cancel(code, text)

    # ---- the end ------------------------------------------------------------------------------------

    def finish(self) -> None:
        """End it, because the client has received everything. News that it is stored may follow."""
        self._leave()
        self.stage = Stage.RECEIVED
        if self.outgoing.stored == self.size:
            self.say_ended(DONE)

    def cancel(self, code: Code, text: str, error: str | None = None) -> None:
        """End it, and tell the client why."""
        self.say_cancelled(code, text)
        self._end(code, error)

    def close(self, reason: str) -> None:
        """End it because of ``reason``."""
        self._end(reason)

    def _end(self, reason: str, error: str | None = None) -> None:
        if self.stage in _UNDER_WAY:
            self._leave()
        self.say_ended(reason, error)

    def _leave(self) -> None:
        self.library.downloads.remove(self)
        self.owner.forget(self)
        if not self._reading:
            self._close_handle()

    def _close_handle(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            self.library.workers.submit(partial(os.close, handle), lambda _: None)

    def say_ended(self, reason: str, error: str | None = None) -> None:
        """Log once why it ended."""
        if self.stage is Stage.OVER:
            return
        self.stage = Stage.OVER
        received = self.outgoing.received
        log.info(
            "download-ended",
            offset=received,
            rate=self.rate(received),
            reason=reason,
            error=error,
            **self.facts,
        )
