"""The writer: puts one upload on the disk without letting the reactor wait.

Chunks are collected while a thread writes and hashes those before them. Meanwhile another thread flushes now
and then, so that little is lost of an upload that is cut off. When all bytes are there they are compared with
the digest that was promised.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from chatd.clock import Clock
from chatd.files.incoming import Incoming
from chatd.files.partial import Mark, Partial
from chatd.files.strand import Workers
from chatd.server.files.threads import DiskError, in_thread

T = TypeVar("T")

KEEP_BYTES: Final = 8_388_608
"""Bytes after which what was written is flushed to the disk."""

KEEP_SECONDS: Final = 1.0
"""Seconds after which what was written is flushed to the disk."""

SMALL: Final = 8_192
"""Bytes below which a chunk is copied together with others: each object costs memory of its own (P5)."""

PIECE: Final = 65_536
"""Bytes up to which small chunks are copied together."""


class Submit(Protocol):
    """Has a thread do a job."""

    def __call__(
        self, job: Callable[[], T], done: Callable[[T], None], failed: Callable[[DiskError], None]
    ) -> None:
        """Run ``job`` in a thread, then ``done`` with its result or ``failed`` with why there is none."""


class UploadWriter:
    """Takes in the bytes of ``incoming`` and puts them into ``part``.

    ``submit`` has a thread write; ``flushers`` flush and check. ``changed`` is called when the sender may
    have to be told something.
    """

    def __init__(
        self,
        incoming: Incoming,
        part: Partial,
        submit: Submit,
        flushers: Workers,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.incoming = incoming
        self._part = part
        self._submit = submit
        self._flushers = flushers
        self._clock = clock
        self._changed = changed
        self._pieces: list[bytearray | memoryview] = []
        self._writing = False
        self._stopping = False
        self._error: Exception | None = None
        self._mark = Mark(part.written, "")
        self._kept = part.stored
        self._kept_at = clock.seconds()
        self._timer: IDelayedCall | None = None
        self._waiting: Deferred[None] | None = None

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
        """Have the collected bytes written, unless a thread is still writing those before them."""
        if self._pieces and not self._writing and self._error is None:
            pieces, self._pieces = self._pieces, []
            self._writing = True
            self._submit(partial(self._write, pieces), self._wrote, self._not_written)

    def _write(self, pieces: list[bytearray | memoryview]) -> Mark:
        self._part.write(pieces)
        return self._part.mark()

    def _wrote(self, mark: Mark) -> None:
        self._writing = False
        self._mark = mark
        self.incoming.wrote(mark.offset)
        self.flush()
        ending = self.incoming.complete or self._stopping or self._error is not None
        if ending or self._timer is None or self._is_due():
            self._wake()
        self._changed()

    def _not_written(self, error: DiskError) -> None:
        self._writing = False
        self._fail(error)

    # ---- to the disk --------------------------------------------------------------------------------

    async def run(self) -> bool:
        """Put the bytes on the disk until all are there and right; return False if `stop` comes before.

        Raises `DiskError` and `MismatchError`. No thread works on the file any more afterwards.
        """
        try:
            return await self._run()
        except Exception as error:
            self._fail(error)
            while self._writing:
                await self._news()
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _run(self) -> bool:
        while self._error is None:
            busy = self._writing or bool(self._pieces)
            behind = self._mark.offset - self._kept
            if self.incoming.complete:
                if not busy:
                    await in_thread(self._flushers, self._part.check)
                    return True
            elif self._stopping and not busy and not behind:
                return False
            elif behind and ((self._stopping and not busy) or self._is_due()):
                await self._keep()
                continue
            elif behind and self._timer is None:
                self._timer = self._clock.callLater(KEEP_SECONDS, self._on_time)
            await self._news()
        raise self._error

    def _is_due(self) -> bool:
        late = self._clock.seconds() - self._kept_at >= KEEP_SECONDS
        return late or self._mark.offset - self._kept >= KEEP_BYTES

    async def _keep(self) -> None:
        self._kept_at = self._clock.seconds()
        self._kept = await in_thread(self._flushers, partial(self._part.keep, self._mark))
        self.incoming.keep(self._kept)
        self._changed()

    def stop(self) -> None:
        """Have the last bytes flushed, and `run` return. Only to be called while bytes are missing."""
        self._stopping = True
        self.flush()
        self._wake()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._pieces = []
        self._wake()

    # ---- waking `run` -------------------------------------------------------------------------------

    def _news(self) -> Deferred[None]:
        """Return a Deferred that fires when `run` may have something to do."""
        self._waiting = Deferred()
        return self._waiting

    def _on_time(self) -> None:
        self._timer = None
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)
