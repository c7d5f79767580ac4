"""Strands: run jobs in threads, one after the other; the results arrive in the reactor's thread."""

import os
import sys
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

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
    """Workers that are at most ``count`` threads; ``call`` runs a function in the reactor's thread.

    Twisted's pool leaves a circle of four objects behind each job, which the garbage collector has to find:
    that of twenty thousand jobs at once held the reactor for 50 ms.
    """

    def __init__(self, call: Callable[..., object], count: int = WORKERS) -> None:
        self._call = call
        self._count = count
        self._jobs: SimpleQueue[tuple[Job, Done] | None] = SimpleQueue()
        self._threads: list[_Thread] = []
        self._stopped = False

    def submit(self, job: Job, done: Done) -> None:
        """Run ``job`` in a thread as soon as one is free, unless they were stopped."""
        if self._stopped:
            return
        self._jobs.put((job, done))
        if len(self._threads) < self._count:
            thread = _Thread(target=self._work, name=f"chatd-files-{len(self._threads)}")
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (handed := self._jobs.get()) is not None:
            job, done = handed
            try:
                result = job()
            except BaseException:  # noqa: BLE001 - whoever handed it in is told of whatever it raised
                result = Failure()
            self._call(done, result)
            del handed, job, done, result  # nothing is held while there is nothing to do

    def stop(self) -> None:
        """Finish the jobs that were handed in. Results that are still under way may be lost."""
        self._stopped = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()


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
