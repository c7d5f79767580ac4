"""Strands: run jobs in threads, one after the other; the results arrive in the reactor's thread."""

import os
import sys
from collections import deque
from collections.abc import Callable
from threading import Thread
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.threadpool import ThreadPool

WORKERS: Final = 4
"""Threads that read, write and hash: enough to keep a disk and two processors busy."""

FLUSHERS: Final = 4
"""Threads that wait until the disk has everything."""

NICE: Final = 5
"""How much the threads give way to the reactor's if both want the same processor: chat goes first.

A higher value would do harm: a thread that other programs hold up may have the interpreter's lock meanwhile.
"""

T = TypeVar("T")

Job = Callable[[], Any]
Done = Callable[[Any], None]


class Workers(Protocol):
    """Runs jobs somewhere, any number at once."""

    def submit(self, job: Job, done: Done) -> None:
        """Run ``job``; then call ``done`` in the reactor's thread with its result, or with a `Failure`."""


def work(workers: Workers, job: Callable[[], T]) -> Deferred[T]:
    """Return a Deferred that fires in the reactor's thread with the result of ``job``, or what it raised."""
    done: Deferred[T] = Deferred()
    workers.submit(job, done.callback)
    return done


class _Thread(Thread):
    """A thread that lets others go first. The process does not wait for it when it ends: disks may hang."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, daemon=True)

    def run(self) -> None:
        """Run the jobs, at the back of the queue for a processor."""
        if sys.platform == "linux":  # elsewhere this would be about the whole process
            os.nice(NICE)
        super().run()


class Threads:
    """Workers that are threads; ``call`` runs a function in the reactor's thread."""

    def __init__(self, call: Callable[..., object], count: int = WORKERS) -> None:
        self._call = call
        self._pool = ThreadPool(0, count, "chatd-files")
        self._pool.threadFactory = _Thread
        self._pool.start()

    def submit(self, job: Job, done: Done) -> None:
        """Run ``job`` in a thread as soon as one is free."""
        self._pool.callInThreadWithCallback(lambda _, result: self._call(done, result), job)

    def stop(self) -> None:
        """Finish the jobs that were handed in. Results that are still under way may be lost."""
        self._pool.stop()


class Strand:
    """Workers that run one job after the other."""

    __slots__ = ("_jobs", "_running", "_workers")

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._jobs: deque[tuple[Job, Done]] = deque()
        self._running = False

    def __len__(self) -> int:
        """Return how many jobs have not ended."""
        return len(self._jobs) + self._running

    def submit(self, job: Job, done: Done) -> None:
        """Run ``job`` when those before it have ended; then call ``done`` with its result or a `Failure`."""
        self._jobs.append((job, done))
        self._go_on()

    def _go_on(self) -> None:
        if self._jobs and not self._running:
            self._running = True
            job, done = self._jobs.popleft()
            self._workers.submit(job, lambda result: self._ended(done, result))

    def _ended(self, done: Done, result: Any) -> None:
        self._running = False
        try:
            done(result)
        finally:
            self._go_on()
