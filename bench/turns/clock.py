"""The reactor of the benchmark: real time that can be skipped, and the CPU that each call takes."""

import gc
import heapq
import queue
import threading
import time
from collections.abc import Callable
from inspect import iscoroutine
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from chatd.testing.network import Network

QUIET = 0.05
"""Seconds without any call after which everything that was begun is taken for done."""


class MeasuringReactor:
    """Runs calls when they are due, notes how long each holds the thread, and can skip time.

    ``longest`` are the longest calls since `begin`, in seconds of CPU, by their names; ``turns`` counts all.
    """

    def __init__(self) -> None:
        self._calls: list[tuple[float, int, DelayedCall]] = []
        self._from_threads: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = (
            queue.SimpleQueue()
        )
        self._skipped = 0.0
        self._number = 0
        self._thread = threading.get_ident()
        self._collecting = self._collection = 0.0
        self.begin()
        gc.callbacks.append(self._collects)

    def begin(self) -> None:
        """Forget what was noted."""
        self.longest: dict[str, float] = {}
        self.turns = 0
        self.total = 0.0

    # ---- IReactorTime -------------------------------------------------------------------------------

    def seconds(self) -> float:
        """Return the time, without what was skipped."""
        return time.monotonic() + self._skipped

    def callLater(self, delay: float, call: Callable[..., object], *args: Any, **kwargs: Any) -> DelayedCall:
        """Call ``call`` after ``delay`` seconds."""
        made = DelayedCall(
            self.seconds() + delay, call, args, kwargs, lambda _: None, self._moved, self.seconds
        )
        self._push(made)
        return made

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:
        """Call ``call`` in the reactor's thread."""
        self._from_threads.put((call, args))

    def _push(self, call: DelayedCall) -> None:
        self._number += 1
        heapq.heappush(self._calls, (call.getTime(), self._number, call))

    def _moved(self, call: DelayedCall) -> None:
        self._push(call)

    # ---- running ------------------------------------------------------------------------------------

    def measure(self, call: Callable[..., Any], *args: Any, name: str = "", **kwargs: Any) -> None:
        """Call ``call`` and note how long it took."""
        named = name or _name(call)
        self._collecting = 0.0
        begin = time.thread_time()
        call(*args, **kwargs)
        took = time.thread_time() - begin
        self.turns += 1
        self.total += took
        self._note(named, took - self._collecting)

    def _note(self, name: str, took: float) -> None:
        if took > self.longest.get(name, 0.0):
            self.longest[name] = took

    def _collects(self, phase: str, _: dict[str, int]) -> None:
        """Note how long the garbage collector holds the thread, which is no doing of the call's."""
        if threading.get_ident() != self._thread:
            return
        now = time.thread_time()
        if phase == "start":
            self._collection = now
        else:
            self._collecting += now - self._collection
            self._note("the garbage collector", now - self._collection)

    def _once(self) -> bool:
        """Run what is due now; return whether there was something that is no timer of the daemon's."""
        busy = False
        while not self._from_threads.empty():
            call, args = self._from_threads.get()
            self.measure(call, *args)
            busy = True
        now = self.seconds()
        while self._calls and self._calls[0][0] <= now:
            at, _, due = heapq.heappop(self._calls)
            if due.cancelled or due.called:
                continue
            if due.getTime() > at:
                self._push(due)
                continue
            due.called = 1
            owner = getattr(due.func, "__self__", None)
            busy = busy or not isinstance(owner, LoopingCall)
            if getattr(due.func, "__name__", "") == "_flush_ready":
                due.func(*due.args, **due.kw)
            else:
                self.measure(due.func, *due.args, **due.kw)
        return busy

    def settle(self, patience: float = 60.0) -> None:
        """Run until nothing but timers has run for a moment."""
        end = time.monotonic() + patience
        quiet = time.monotonic()
        while time.monotonic() < end and time.monotonic() - quiet < QUIET:
            if self._once():
                quiet = time.monotonic()
            else:
                time.sleep(0.001)

    def skip(self, seconds: float, step: float) -> None:
        """Let ``seconds`` go by, ``step`` of them at a time, without waiting for them."""
        while seconds > 0:
            self._skipped += min(step, seconds)
            seconds -= step
            self.settle()


class MeasuredNetwork(Network):
    """A network in memory that has ``reactor`` measure what each connection does with its bytes."""

    def __init__(self, reactor: MeasuringReactor) -> None:
        super().__init__(reactor)  # type: ignore[arg-type]
        self._reactor = reactor

    def _flush_ready(self) -> None:
        ready, self._ready = self._ready, {}
        for pipe in ready:
            self._reactor.measure(pipe.flush, name="one connection's bytes")


def _name(call: Callable[..., Any]) -> str:
    owner = getattr(call, "__self__", None)
    if isinstance(owner, LoopingCall):
        call = owner.f
    if isinstance(owner, Deferred):
        call = next((arg for step in owner.callbacks for arg in step[0][1] if iscoroutine(arg)), call)
    name: str = getattr(call, "__qualname__", repr(call))
    return name.replace(".<locals>", "").replace(".<lambda>", "")
