"""The side thread: a loop of asyncio beside the reactor, for a client library that needs one."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any

Call = Callable[..., object]


class Side:
    """A thread with a loop; what comes of work there goes back by ``call``, one crossing for each.

    ``call`` runs a function in the reactor's thread. A fault of the work goes to ``fault``, there as well.
    What is to be done behind `stop` is not done.
    """

    def __init__(self, call: Call, fault: Callable[[Exception], object]) -> None:
        self._call = call
        self._fault = fault
        self._loop = asyncio.new_event_loop()
        self._stopped = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = Thread(target=self._run, name="chatd-cluster", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, object], done: Callable[[Any], object] | None = None) -> None:
        """Do ``work`` in the loop, then call ``done`` with what it returns."""
        if self._stopped:
            work.close()
        else:
            self._loop.call_soon_threadsafe(self._begin, work, done)

    def soon(self, function: Callable[[], object]) -> None:
        """Call ``function`` in the loop."""
        if not self._stopped:
            self._loop.call_soon_threadsafe(function)

    def _begin(self, work: Coroutine[Any, Any, object], done: Callable[[Any], object] | None) -> None:
        task = self._loop.create_task(self._finish(work, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # one that is cancelled before it began has not begun

    async def _finish(self, work: Coroutine[Any, Any, object], done: Callable[[Any], object] | None) -> None:
        try:
            result = await work
        except Exception as error:  # noqa: BLE001 - it is told where faults are logged
            self._call(self._fault, error)
            return
        if done is not None:
            self._call(done, result)

    def stop(self, farewell: Coroutine[Any, Any, object], patience: float) -> bool:
        """Give up all work, then do ``farewell``, and end; return whether that took at most ``patience``."""
        self._stopped = True
        self._loop.call_soon_threadsafe(self._end, farewell)
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _end(self, farewell: Coroutine[Any, Any, object]) -> None:
        for task in self._tasks:
            task.cancel()
        ending = self._loop.create_task(self._part(farewell))
        ending.add_done_callback(lambda _: self._loop.stop())

    async def _part(self, farewell: Coroutine[Any, Any, object]) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await farewell
        except Exception as error:  # noqa: BLE001 - as above
            self._call(self._fault, error)
