"""Downloads: contents on their way out."""

import os
from functools import partial
from typing import Any

from chatd.chat.state import Session
from chatd.files.outgoing import Outgoing
from chatd.files.strand import error_of
from chatd.ops.log import Log
from chatd.server.files.library import Files
from chatd.server.files.transfer import BROKEN, DONE, NOT_BEGUN, Owner, Transfer, note_fault
from chatd.wire.errors import Code, RequestError
from chatd.wire.messages import Download, File, Ok

log = Log(__name__)


class Departing(Transfer):
    """One download: a content is opened, read block by block, and sent chunk by chunk."""

    def __init__(
        self,
        owner: Owner,
        files: Files,
        session: Session,
        request: Download,
        ok: Ok,
        file: File,
    ) -> None:
        super().__init__(owner, files, session, request.id, request.transfer, file.sha256, file.size)
        self.offset = request.offset
        self.outgoing = Outgoing(request.transfer, file.size, request.offset)
        self.ready = False
        self._ok = ok
        self._handle = -1
        self._reading = False
        self._said = False

    # ---- the beginning ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Open the content. Raises `RequestError` where there are too many downloads."""
        self.files.downloads.add(self)
        self.workers.submit(self._open, self._opened)

    def _open(self) -> int:
        handle = self.files.store.open_blob(self.key.sha256)
        if os.fstat(handle).st_size != self.size:
            os.close(handle)
            raise OSError(f"The content {self.key.sha256} does not have {self.size} bytes.")
        return handle

    def _opened(self, handle: Any) -> None:
        error = error_of(handle)
        if error is not None:
            self._not_opened(error)
            return
        self._handle = handle
        if self.over:
            self._close_handle()
            self._refuse(Code.CANCELLED, NOT_BEGUN)
            return
        if self.offset:
            log.info("download-resumed", offset=self.offset, **self.facts)
        else:
            log.info("download-began", **self.facts)
        self.ready = True
        self.owner.answer(self._ok)
        if self.offset == self.size:
            self.finish()
        else:
            self.owner.pump()

    def _not_opened(self, error: BaseException) -> None:
        if isinstance(error, FileNotFoundError):
            self._refuse(Code.FILE_EXPIRED, "The server no longer keeps that file; ask its sender.")
        else:
            note_fault(error, self)
            self._refuse(Code.STORAGE_UNAVAILABLE, BROKEN, str(error))

    def _refuse(self, code: Code, text: str, error: str | None = None) -> None:
        self.owner.refuse(self.request, RequestError(code, text))
        self._end()
        self.say_ended(code, error)

    # ---- reading ------------------------------------------------------------------------------------

    def read_on(self, about: float) -> None:
        """Have the next block read, of ``about`` as many bytes, where one is wanted."""
        if self._reading or self._handle < 0:
            return
        wanted = self.outgoing.wants(about)
        if wanted is not None:
            place, length = wanted
            self._reading = True
            self.workers.submit(
                partial(os.pread, self._handle, length, place), lambda data: self._filled(data, length)
            )

    def _filled(self, data: Any, length: int) -> None:
        self._reading = False
        if self.over:
            self._close_handle()
            return
        error = error_of(data)
        if error is None and len(data) == length:
            self.outgoing.filled(data)
            self.owner.pump()
            return
        error = error or OSError(f"The content {self.key.sha256} ends early.")
        note_fault(error, self)
        self.cancel(Code.STORAGE_UNAVAILABLE, BROKEN, str(error))

    # ---- the end ------------------------------------------------------------------------------------

    def finish(self) -> None:
        """End it because the client has received everything; whether it is stored is heard later."""
        self._end()
        if self.outgoing.stored == self.size:
            self.say_ended(DONE)

    def cancel(self, code: Code, text: str, error: str | None = None) -> None:
        """End it, and tell the client why."""
        self.say_cancelled(code, text)
        self._end()
        self.say_ended(code, error)

    def close(self, reason: str) -> None:
        """End it because of ``reason``."""
        if not self.over:
            self._end()
        self.say_ended(reason)

    def _end(self) -> None:
        if self.over:
            return
        self.over = True
        self.files.downloads.remove(self)
        self.owner.forget(self)
        if not self._reading:
            self._close_handle()

    def _close_handle(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            self.workers.submit(partial(os.close, handle), lambda _: None)

    def say_ended(self, reason: str, error: str | None = None) -> None:
        """Log why it ended, once."""
        if self._said:
            return
        self._said = True
        received = self.outgoing.received
        log.info(
            "download-ended",
            offset=received,
            rate=self.rate(received),
            reason=reason,
            error=error,
            **self.facts,
        )
