"""Uploads: contents that clients send."""

from enum import Enum
from typing import Final

from chatd.chat.state import Session
from chatd.files.incoming import Incoming
from chatd.files.partial import MismatchError, Partial
from chatd.ops.log import Log
from chatd.server.files.library import Library
from chatd.server.files.threads import DiskError, in_thread
from chatd.server.files.transfer import BROKEN, DONE, NOT_BEGUN, Owner, Transfer
from chatd.server.files.writer import UploadWriter
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError

log = Log(__name__)

_MISMATCH: Final = "The bytes do not have the SHA-256 that was told; look whether the file changed meanwhile."


class Stage(Enum):
    """The stages of an upload, as its connection sees them."""

    OPENING = "opening"
    """The server looks how much of the content it has; the request has no answer yet."""

    GIVEN_UP = "given up"
    """The same, but the upload ends with the answer."""

    TAKING = "taking"
    """Chunks come."""

    COMPLETE = "complete"
    """All bytes have come. They are checked and get their name even if the connection ends."""

    OVER = "over"
    """It has ended; what came may still be on its way to the disk."""


_NEXT: Final = {
    Stage.OPENING: {Stage.GIVEN_UP, Stage.TAKING, Stage.OVER},
    Stage.GIVEN_UP: {Stage.OVER},
    Stage.TAKING: {Stage.COMPLETE, Stage.OVER},
    Stage.COMPLETE: {Stage.OVER},
    Stage.OVER: set[Stage](),
}
"""The stages that may follow each stage."""


class Upload(Transfer):
    """One upload: it goes on from what there is, takes chunks, and has the content checked and named."""

    def __init__(self, owner: Owner, library: Library, session: Session, request: m.Upload) -> None:
        super().__init__(owner, library, session, request.id, request.transfer, request.sha256, request.size)
        self.stage = Stage.OPENING
        self.writer: UploadWriter | None = None
        self._error = ""

    def begin(self) -> None:
        """Begin with the bytes that are there. Raises `RequestError` if the upload is not allowed."""
        self.library.admit(self.key, self.size)
        self.library.uploads.add(self)
        try:
            self._partial = self.library.partial_uploads.acquire(self.key, self.size)
        except RequestError:
            self.library.uploads.remove(self)
            raise
        self.run(self._course())

    # ---- its course ---------------------------------------------------------------------------------

    async def _course(self) -> None:
        """Answer the request, take chunks, have the content checked and named, and leave nothing held."""
        try:
            part = await self._open()
            if part is not None:
                await self._take(part)
            else:
                self.offset = self.size
                self._end(DONE)
                self.owner.answer(m.Ok(id=self.request, offset=self.size))
        except RequestError as error:
            self._partial.park()
            self._fail(error)
        except MismatchError as error:
            self._partial.removed()
            self._fail(RequestError(Code.HASH_MISMATCH, _MISMATCH), str(error))
        except DiskError as error:
            self._partial.close()
            self.note(error)
            self._fail(RequestError(Code.STORAGE_UNAVAILABLE, BROKEN), str(error))
        except Exception:
            self._partial.close()
            self.library.uploads.remove(self)
            raise

    async def _open(self) -> Partial | None:
        """Return the partial file; None if the content is complete already.

        Raises `RequestError` and `DiskError`.
        """
        while True:
            part = await self._partial.open()
            if self.stage is Stage.GIVEN_UP:
                raise RequestError(Code.CANCELLED, NOT_BEGUN)
            if self.library.brought(*self.key) and self.library.size(self.key.sha256) == self.size:
                self._partial.discard()  # the last bytes came over an earlier link, lost behind them
                return None
            if not part.whole:
                self.library.spend(self.session, self.size - part.stored)
                return part
            try:  # a crash came before the end, or the file is empty
                await in_thread(self.library.workers, part.check)
            except MismatchError:
                self._partial.removed()
                if not self.size:
                    raise RequestError(
                        Code.BAD_FILE, "What has no bytes does not have that SHA-256."
                    ) from None
                self._partial = self.library.partial_uploads.acquire(self.key, self.size)
            else:
                await self.library.place(self._partial, part)
                return None

    async def _take(self, part: Partial) -> None:
        """Take chunks until all bytes are there, then have the content named.

        Raises `MismatchError` and `DiskError`.
        """
        incoming = Incoming(self.number, self.size, part.stored)
        library = self.library
        writer = UploadWriter(incoming, part, self.submit, library.flushers, library.clock, self._tell)
        self.writer = writer
        self.offset = part.stored
        self._enter(Stage.TAKING)
        if self.offset:
            log.info("upload-resumed", offset=self.offset, **self.facts)
        else:
            log.info("upload-began", **self.facts)
        self.owner.answer(m.Ok(id=self.request, offset=self.offset))
        if not await writer.run():
            self._partial.park()
            return
        await library.place(self._partial, part)
        incoming.finish()
        self._tell()
        self._end(DONE)

    # ---- called by its connection -------------------------------------------------------------------

    @property
    def expects_chunks(self) -> bool:
        """Return whether its request was answered and it has not ended."""
        return self.stage is Stage.TAKING or self.stage is Stage.COMPLETE

    def chunk(self, offset: int, data: memoryview) -> None:
        """Take in a chunk; only where it `expects_chunks`. Raises `ProtocolError` ``bad-chunk``."""
        if self.writer is None:
            return
        self.moved = self.library.clock.seconds()
        self.writer.chunk(offset, data)
        if self.writer.incoming.complete and self.stage is Stage.TAKING:
            self._enter(Stage.COMPLETE)

    def turn(self) -> None:
        """Have the bytes of this turn written, and tell the client how far it has come."""
        if self.writer is not None:
            self.writer.flush()
            self._tell()

    def _tell(self) -> None:
        """Tell the client how far it has come, if that is news."""
        if self.writer is None or self.stage is Stage.OVER:
            return
        due = self.writer.incoming.due()
        if due is not None:
            self.owner.say(due)

    def give_way(self) -> None:
        """Give way to transfers that wait.

        An upload whose bytes have all come is finished, but not counted.
        """
        if self.stage is Stage.COMPLETE:
            self.library.uploads.remove(self)
        else:
            super().give_way()

    def cancel(self, code: Code, text: str) -> None:
        """End it, and tell the client why. Bytes that came are kept."""
        self.say_cancelled(code, text)
        self.close(code)

    def close(self, reason: str) -> None:
        """End it because of ``reason``. Bytes that came are kept.

        An upload whose bytes have all come is still finished.
        """
        if self.stage is Stage.OVER or self.stage is Stage.GIVEN_UP:
            return
        self._partial.leave()
        if self.stage is Stage.OPENING:
            self._enter(Stage.GIVEN_UP)
            self.library.uploads.remove(self)
        elif self.writer is not None and self.stage is Stage.TAKING:
            writer = self.writer
            self._end(reason)
            writer.stop()
        elif self.writer is not None:
            self.writer.flush()  # the turn that would have done so may have ended with the connection

    def let_go(self) -> None:
        """Hold the writer no more, which knows the upload."""
        self.writer = None

    # ---- its end ------------------------------------------------------------------------------------

    def _fail(self, why: RequestError, error: str = "") -> None:
        """End it, and tell the client why: as the answer to its request, or with a cancel behind that."""
        if self.stage is Stage.OVER:
            return
        answered = self.expects_chunks
        self._error = error
        self._end(why.code)
        if answered:
            self.say_cancelled(why.code, why.text)
        else:
            self.owner.refuse(self.request, why)

    def _end(self, reason: str) -> None:
        self._enter(Stage.OVER)
        self.library.uploads.remove(self)
        received = self.offset
        if self.writer is not None:
            received = self.writer.incoming.received
            self.library.give_back(self.session, self.size - received)
        self.owner.forget(self)
        log.info(
            "upload-ended",
            offset=received,
            rate=self.rate(received),
            reason=reason,
            error=self._error or None,
            **self.facts,
        )

    def _enter(self, stage: Stage) -> None:
        if stage not in _NEXT[self.stage]:
            raise RuntimeError(f"An upload that is {self.stage.value} cannot be {stage.value}.")
        self.stage = stage
