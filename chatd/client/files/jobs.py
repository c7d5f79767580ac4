"""Jobs: one transfer with its file and the row of threads' work on it.

`chatd.client.files.carrier` drives them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.client.core.agreements import Moving
from chatd.client.core.notices import Begun
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Stage, Transfer
from chatd.client.files.sources import Source
from chatd.client.files.targets import Target, Wanted
from chatd.files.strand import Strand
from chatd.wire.messages import File

T = TypeVar("T")


class Job:
    """A transfer as the program knows it; ``moving`` is the key of its present attempt on the wire."""

    def __init__(self, key: int, name: str, room: str, strand: Strand) -> None:
        self.key = key
        self.sending = False
        self.name = name
        self.room = room
        self.path = ""
        self.stage = Stage.OFFERING
        self.size: int | None = None
        self.done = 0
        self.seq: int | None = None
        self.reason = ""
        self.farewell = ""
        self.kept: int | None = None
        self.moving: int | None = None
        self.over: Deferred[None] | None = None
        self.begun: Begun | None = None
        self.wanted = Wanted()
        self._strand = strand
        self._source: Source | None = None
        self._target: Target | None = None
        self._closing = False
        self._running: Deferred[Any] = Deferred()
        self._done: Deferred[Any] = Deferred()

    def transfer(self) -> Transfer:
        """Return how far it is."""
        return Transfer(
            key=self.key,
            sending=self.sending,
            name=self.name,
            room=self.room,
            stage=self.stage,
            size=self.size,
            done=self.done,
            seq=self.seq,
            path=self.path,
            reason=self.reason,
        )

    def follow(self, moving: Moving) -> None:
        """Take over how far its attempt on the wire is."""
        self.stage, self.done, self.reason = moving.stage, moving.done, moving.reason
        if moving.file is not None:
            self.name, self.size = moving.file.name, moving.file.size
        if not self.sending:
            self.seq = getattr(moving, "seq", None)

    # ---- its end --------------------------------------------------------------------------------------

    def attach(self, running: Deferred[Any], done: Deferred[Any]) -> None:
        """Note what runs it, and who waits for it."""
        self._running, self._done = running, done

    def end(self, error: ClientError) -> None:
        """Fail it with ``error``."""
        self.farewell = error.text
        if not self._done.called:
            self._done.errback(error)
        self._running.cancel()

    def succeeded(self, result: Any) -> None:
        """Tell who waits."""
        if not self._done.called:
            self._done.callback(result)

    def failed(self, failure: Failure) -> None:
        """Tell who waits."""
        if not self._done.called:
            self._done.errback(failure)

    def close(self) -> Deferred[Any]:
        """Close its file, behind everything that is still being done with it."""
        self._closing = True
        if self._source is not None:
            self._source.stop()
        return self._do(self._close)

    def _close(self) -> None:
        if self._source is not None:
            self._source.close()
        if self._target is not None:
            self._target.close()

    # ---- its file -------------------------------------------------------------------------------------

    async def open_source(self, path: Path) -> File:
        """Open and read what is to be sent; return what it is."""
        source = await self._do(lambda: self._open_source(path))
        while (file := await self._do(source.describe)) is None:
            self.done = source.hashed
        self.done = 0
        return file

    def _open_source(self, path: Path) -> Source:
        if self._closing:
            raise ClientError("cancelled", "The transfer was stopped.")
        self._source = source = Source(path)
        self.size = source.size
        return source

    def read(self, offset: int, size: int) -> Deferred[bytes]:
        """Read a part of what is sent."""
        source = self._source
        assert source is not None  # noqa: S101 - it was described before
        return self._do(lambda: source.read(offset, size))

    def check_target(self) -> Deferred[None]:
        """See whether there can be a place where the file is wanted."""
        return self._do(self.wanted.check)

    @property
    def place(self) -> Path | None:
        """Return where the file is to be, once that is known."""
        return None if self._target is None else self._target.place

    def open_target(self, file: File) -> Deferred[int]:
        """Find a place for ``file``; fires with how much of it lies there."""
        return self._do(lambda: self._open_target(file))

    def _open_target(self, file: File) -> int:
        self._target = Target(self.wanted, file)
        return self._target.stored

    def write(self, data: tuple[bytes | memoryview, ...]) -> Deferred[tuple[int, int]]:
        """Write ``data``; fires with how much is written, and on the disk."""
        return self._do(lambda: self._opened().write(data))

    def sync(self) -> Deferred[int]:
        """Bring to the disk what is written; fires with how much that is."""
        return self._do(lambda: self._opened().sync())

    def finish(self) -> Deferred[None]:
        """Verify what was written and put it in its place."""
        return self._do(self._finish)

    def _finish(self) -> None:
        self.path = str(self._opened().finish())

    def _opened(self) -> Target:
        assert self._target is not None  # noqa: S101 - nothing is written before it was found
        return self._target

    def _do(self, work: Callable[[], T]) -> Deferred[T]:
        """Do ``work`` in a thread, behind what was begun before."""
        done: Deferred[T] = Deferred()
        self._strand.submit(work, lambda result: _tell(done, result))
        return done


def _tell(done: Deferred[Any], result: Any) -> None:
    if isinstance(result, Failure):
        done.errback(result)
    else:
        done.callback(result)
