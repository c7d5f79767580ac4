"""Uploads: contents on their way in."""

from typing import Any

from chatd.chat.state import Session
from chatd.files.incoming import Incoming
from chatd.files.partial import MismatchError, Partial
from chatd.files.strand import error_of
from chatd.ops.log import Log
from chatd.server.files.library import Files
from chatd.server.files.transfer import BROKEN, DONE, NOT_BEGUN, Owner, Transfer, note_fault
from chatd.server.files.writer import Intake
from chatd.wire.errors import Code, RequestError
from chatd.wire.messages import Cancel, Ok, Upload

log = Log(__name__)

_MISMATCH = "The bytes do not have the SHA-256 that was told; look whether the file changed meanwhile."


class Arriving(Transfer):
    """One upload: a partial file is opened, takes in chunks, is checked and gets its name."""

    def __init__(self, owner: Owner, files: Files, session: Session, request: Upload) -> None:
        super().__init__(owner, files, session, request.id, request.transfer, request.sha256, request.size)
        self.intake: Intake | None = None
        self._error = ""

    # ---- the beginning ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Look what there is. Raises `RequestError` where it may not be."""
        self.files.admit(self.key, self.size)
        self.files.uploads.add(self)
        try:
            self.files.acquire(self.key, self.size, self.workers.hears(self._opened))
        except RequestError:
            self.files.uploads.remove(self)
            raise

    def _opened(self, part: Any) -> None:
        error = error_of(part)
        if error is not None:
            note_fault(error, self)
            self.files.release(self.key, None)
            self._refuse(Code.STORAGE_UNAVAILABLE, BROKEN, str(error))
        elif self.over:
            self.files.release(self.key, part)
            self._refuse(Code.CANCELLED, NOT_BEGUN)
        elif self._came_meanwhile:
            self.workers.submit(part.discard, self._discarded)
        elif part.whole:
            self.workers.submit(part.check, lambda result: self._was_whole(part, result))
        else:
            self._go_on(part)

    @property
    def _came_meanwhile(self) -> bool:
        """Return whether the last bytes came over an earlier link, which was lost behind them."""
        return self.files.brought(*self.key) and self.files.size(self.key.sha256) == self.size

    def _discarded(self, _: Any) -> None:
        self.files.release(self.key, None, keep=False)
        self._placed_at_once(None)

    def _was_whole(self, part: Partial, result: Any) -> None:
        """Go on where every byte was there already: a crash came before the end, or the file is empty."""
        error = error_of(result)
        if error is None:
            self.files.place(self.key, part, self.workers.hears(self._placed_at_once))
        elif not isinstance(error, MismatchError):
            self._close_part(part)
            self._refuse(Code.STORAGE_UNAVAILABLE, BROKEN, str(error))
        elif self.size and not self.over:
            self.files.release(self.key, None, keep=False)
            self._begin_anew()
        else:
            self.files.release(self.key, None, keep=False)
            self._refuse(Code.BAD_FILE, "What has no bytes does not have that SHA-256.")

    def _begin_anew(self) -> None:
        try:
            self.files.acquire(self.key, self.size, self.workers.hears(self._opened))
        except RequestError as error:
            self._refuse(error.code, error.text)

    def _placed_at_once(self, result: Any) -> None:
        error = error_of(result)
        if error is not None:
            self._refuse(Code.STORAGE_UNAVAILABLE, BROKEN, str(error))
            return
        self.offset = self.size
        self._end(DONE)
        self.owner.answer(Ok(id=self.request, offset=self.size))

    def _go_on(self, part: Partial) -> None:
        try:
            self.files.spend(self.session, self.size - part.stored)
        except RequestError as error:
            self.files.release(self.key, part)
            self._refuse(error.code, error.text)
            return
        self.offset = part.stored
        self.intake = Intake(
            Incoming(self.number, self.size, part.stored),
            part,
            self.workers,
            self.flushers,
            self.files.clock,
            self.tell,
            self._ended,
        )
        if self.offset:
            log.info("upload-resumed", offset=self.offset, **self.facts)
        else:
            log.info("upload-began", **self.facts)
        self.owner.answer(Ok(id=self.request, offset=self.offset))

    def _refuse(self, code: Code, text: str, error: str = "") -> None:
        self._error = error
        self._end(code)  # first of all: what is given back may not be told to leave any more
        self.owner.refuse(self.request, RequestError(code, text))

    # ---- chunks -------------------------------------------------------------------------------------

    def chunk(self, offset: int, data: memoryview) -> None:
        """Take in a chunk; only where `intake` is. Raises `ProtocolError` ``bad-chunk``."""
        self.moved = self.files.clock.seconds()
        if self.intake is not None:
            self.intake.chunk(offset, data)

    def turn(self) -> None:
        """Have written what came in this turn, and tell the client how far it has come."""
        if self.intake is not None:
            self.intake.flush()
            self.tell()

    def tell(self) -> None:
        """Tell the client how far it has come, where that is news."""
        due = None if self.over or self.intake is None else self.intake.incoming.due()
        if due is not None:
            self.owner.say(due)

    # ---- the end ------------------------------------------------------------------------------------

    def _ended(self, error: BaseException | None) -> None:
        """Hear from the intake that all bytes are right, or what is wrong."""
        intake = self.intake
        if intake is None:
            return
        if error is None:
            self.files.place(self.key, intake.part, self.workers.hears(self._placed))
        elif isinstance(error, MismatchError):
            self.files.release(self.key, None, keep=False)
            self._break(Code.HASH_MISMATCH, _MISMATCH, error)
        else:
            self._close_part(intake.part)
            self._break(Code.STORAGE_UNAVAILABLE, BROKEN, error)

    def _placed(self, result: Any) -> None:
        error = error_of(result)
        if error is not None:
            self._break(Code.STORAGE_UNAVAILABLE, BROKEN, error)
            return
        if self.intake is not None:
            self.intake.incoming.finish()
        self.tell()
        self._end(DONE)

    def _break(self, code: Code, text: str, error: BaseException) -> None:
        if not isinstance(error, MismatchError):
            note_fault(error, self)
        self._error = str(error)
        if not self.over:
            self.owner.say(Cancel(transfer=self.number, code=code, text=text))
        self.cut = True
        self._end(code)

    def give_way(self) -> None:
        """End, because others wait and this one does not move; one of which all has come waits for none."""
        if self.intake is not None and self.intake.incoming.complete:
            self.files.uploads.remove(self)
        else:
            super().give_way()

    def cancel(self, code: Code, text: str) -> None:
        """End it, and tell the client why; what came is kept."""
        self.say_cancelled(code, text)
        self.close(code)

    def close(self, reason: str) -> None:
        """End it because of ``reason``; what came is kept.

        One of which every byte has come is still finished.
        """
        if self.over:
            return
        self.files.leaving(self.key)
        intake = self.intake
        if intake is None:
            self.over = True
            self.files.uploads.remove(self)
        elif not intake.incoming.complete:
            intake.stop(self._stopped)
            self._end(reason)
        else:
            intake.flush()  # the turn that would have done so may have ended with the connection

    def _stopped(self, error: BaseException | None) -> None:
        if self.intake is None:
            return
        if error is None:
            self.files.release(self.key, self.intake.part)
        else:
            note_fault(error, self)
            self._close_part(self.intake.part)

    def _close_part(self, part: Partial) -> None:
        self.workers.submit(part.close, lambda _: self.files.release(self.key, None, left=part.written))

    def _end(self, reason: str) -> None:
        if not self.over:
            self.over = True
            self.files.uploads.remove(self)
        self.owner.forget(self)
        self._say_ended(reason)

    def _say_ended(self, reason: str) -> None:
        received = self.offset
        if self.intake is not None:
            received = self.intake.incoming.received
            self.files.give_back(self.session, self.size - received)
        log.info(
            "upload-ended",
            offset=received,
            rate=self.rate(received),
            reason=reason,
            error=self._error or None,
            **self.facts,
        )
