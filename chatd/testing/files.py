"""The files of a playground: a real folder, simulated threads, and handles that are lost with the daemon."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from chatd.files.blobs import BlobStore, Key
from chatd.files.partial import Partial


class ClockWorkers:
    """Workers whose jobs run when time goes on. While ``held``, jobs wait for `release`."""

    def __init__(self, clock: IReactorTime) -> None:
        self.held = False
        self._clock = clock
        self._jobs: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []
        self._dead = False

    def submit(self, job: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run ``job`` as soon as time goes on."""
        if not self._dead:
            self._jobs.append((job, done))
            self._clock.callLater(0, self._run)

    def release(self) -> None:
        """Run the jobs that were held."""
        self.held = False
        self._run()

    def run_one(self, place: int = 0) -> None:
        """Run one of the jobs that are held; threads end in any order."""
        if self._jobs:
            self._do(*self._jobs.pop(place))

    def die(self) -> None:
        """Run no more jobs, because the daemon is gone."""
        self._dead = True
        self._jobs.clear()

    def _run(self) -> None:
        while self._jobs and not self.held:
            self._do(*self._jobs.pop(0))

    @staticmethod
    def _do(job: Callable[[], Any], done: Callable[[Any], None]) -> None:
        try:
            result = job()
        except Exception:  # noqa: BLE001 - it is handed on, as threads do
            result = Failure()
        done(result)


class MortalBlobStore(BlobStore):
    """A blob store whose handles are lost with the daemon."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._open_parts: list[Partial] = []

    def open(self, key: Key, size: int) -> Partial:
        """Open the partial content of ``key``, and remember its handle."""
        part = super().open(key, size)
        self._open_parts.append(part)
        return part

    def die(self) -> None:
        """Close every file, as the system does when a process ends."""
        for part in self._open_parts:
            part.close()
