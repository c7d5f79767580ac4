"""Intake: one upload on its way to the disk, without the reactor ever waiting for it.

Chunks are collected while a thread writes and hashes those before them. Beside that another thread flushes,
now and then, what was written, so that little is lost of an upload that is cut off. When all bytes are there
they are compared with what was promised.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall

from chatd.clock import Clock
from chatd.files.incoming import Incoming
from chatd.files.partial import Mark, Partial
from chatd.files.strand import Strand, Workers, error_of

KEEP_BYTES: Final = 8_388_608
"""Bytes after which what was written is flushed to the disk."""

KEEP_SECONDS: Final = 1.0
"""Seconds after which what was written is flushed to the disk."""

SMALL: Final = 8_192
"""Bytes below which a chunk is copied together with others: each object costs memory of its own (P5)."""

PIECE: Final = 65_536
"""Bytes up to which small chunks are copied together."""


class Intake:
    """Takes in the bytes of ``incoming`` and puts them into ``part``.

    ``changed`` is called when the sender may have to be told something, ``ended`` once, with what went wrong,
    or None where all bytes are right. Nothing else happens to ``part`` afterwards, nor after `stop` has said
    that it is done.
    """

    def __init__(
        self,
        incoming: Incoming,
        part: Partial,
        workers: Workers,
        flushers: Workers,
        clock: Clock,
        changed: Callable[[], None],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self.incoming = incoming
        self.part = part
        self._clock = clock
        self._changed = changed
        self._ended = ended
        self._writes = Strand(workers)
        self._flushes = Strand(flushers)
        self._pieces: list[bytearray | memoryview] = []
        self._mark = Mark(part.written, "")
        self._kept = part.stored
        self._kept_at = clock.seconds()
        self._timer: IDelayedCall | None = None
        self._over = False
        self._error: BaseException | None = None
        self._stopped: Callable[[BaseException | None], None] | None = None

    # ---- chunks in ----------------------------------------------------------------------------------

    def chunk(self, offset: int, data: memoryview) -> None:
        """Take in a chunk. Raises `ProtocolError` ``bad-chunk``."""
        self.incoming.chunk(offset, len(data))
        pieces = self._pieces
        if len(data) >= SMALL:
            pieces.append(data)
        elif pieces and isinstance(pieces[-1], bytearray) and len(pieces[-1]) < PIECE:
            pieces[-1] += data
        else:
            pieces.append(bytearray(data))

    def flush(self) -> None:
        """Have what was collected written, unless a thread is still at what came before."""
        if self._pieces and not len(self._writes) and not self._over:
            pieces, self._pieces = self._pieces, []
            self._writes.run(lambda: self._write(pieces), self._wrote)

    def _write(self, pieces: list[bytearray | memoryview]) -> Mark:
        self.part.write(pieces)
        return self.part.mark()

    def _wrote(self, result: Any) -> None:
        error = error_of(result)
        if error is not None:
            self._end(error)
            return
        self._mark = result
        self.incoming.wrote(result.offset)
        self.flush()
        self._go_on()
        self._changed()

    def _go_on(self) -> None:
        """Flush, check or end, whichever has its time; nothing of that happens at once with another."""
        if self._over or len(self._flushes):
            return
        if self.incoming.complete:
            if not self._busy:
                self._flushes.run(self.part.check, lambda result: self._end(error_of(result)))
        elif self._stopped is not None and not self._busy:
            self._keep_rest()
        elif self._due:
            self._keep()
        elif self._mark.offset > self._kept and self._timer is None:
            self._timer = self._clock.callLater(KEEP_SECONDS, self._on_time)

    @property
    def _busy(self) -> bool:
        return bool(self._pieces) or len(self._writes) > 0

    @property
    def _due(self) -> bool:
        behind = self._mark.offset - self._kept
        late = self._clock.seconds() - self._kept_at >= KEEP_SECONDS
        return behind >= KEEP_BYTES or (behind > 0 and late)

    def _on_time(self) -> None:
        self._timer = None
        self._go_on()

    # ---- to the disk --------------------------------------------------------------------------------

    def _keep_rest(self) -> None:
        if self._mark.offset > self._kept:
            self._keep()
        else:
            self._end(None)

    def _keep(self) -> None:
        self._kept_at = self._clock.seconds()
        self._flushes.run(partial(self.part.keep, self._mark), self._was_kept)

    def _was_kept(self, result: Any) -> None:
        error = error_of(result)
        if self._over or error is not None:
            self._end(error)
            return
        self._kept = result
        self.incoming.keep(result)
        self._go_on()
        self._changed()

    # ---- the end ------------------------------------------------------------------------------------

    def stop(self, done: Callable[[BaseException | None], None]) -> None:
        """Take nothing more; flush what came, then say ``done``, with what went wrong or None.

        Where all bytes have come they are still checked, and ``ended`` tells of it: ``done`` is not called.
        """
        if self._over or self.incoming.complete:
            return
        self._stopped = done
        self.flush()
        self._go_on()

    def _end(self, error: BaseException | None) -> None:
        self._error = self._error or error
        self._over = True
        self._pieces = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not len(self._flushes):  # else this is called again: a thread is still at the file
            stopped = self._stopped
            (self._ended if stopped is None else stopped)(self._error)
