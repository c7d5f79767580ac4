"""An engine with whoever hears of it, in the thread of a test instead of a reactor's."""

import queue
import time
from typing import Any

from chatd.cluster.engine import Engine
from chatd.cluster.jetstream import Options
from chatd.cluster.journal import Outcome
from tests.cluster.servers import PATIENCE


class Ear:
    """An open engine, and what it has told: ``told`` by kind, ``messages`` with their positions."""

    def __init__(self, options: Options, name: str = "node", *, opened: bool = True) -> None:
        self._calls: queue.SimpleQueue[tuple[Any, tuple[Any, ...]]] = queue.SimpleQueue()
        self.told: dict[str, list[Any]] = {kind: [] for kind in ("opened", "chosen", "lost", "failed")}
        self.messages: list[tuple[int, bytes]] = []
        self.engine = Engine(options, name, lambda *call: self._calls.put((call[0], call[1:])), self)
        self.engine.open()
        if opened:
            self.wait("opened")

    def opened(self) -> None:
        self.told["opened"].append(None)

    def took(self, run: list[tuple[int, bytes]]) -> None:
        self.messages += run
        self.engine.go_on()

    def chosen(self, epoch: int) -> None:
        self.told["chosen"].append(epoch)

    def lost(self) -> None:
        self.told["lost"].append(None)

    def failed(self, error: Exception) -> None:
        self.told["failed"].append(error)

    def pump(self, patience: float) -> None:
        """Make the next call that the engine asks for, if there is one within ``patience`` seconds."""
        try:
            function, given = self._calls.get(timeout=max(0.0, patience))
        except queue.Empty:
            return
        function(*given)

    def until(self, condition: Any, what: str, patience: float = PATIENCE) -> Any:
        """Make calls until ``condition`` holds."""
        end = time.monotonic() + patience
        while not (found := condition()):
            assert time.monotonic() < end, f"waited in vain for {what}; {self.told}; {self.trouble}"
            self.pump(min(0.1, end - time.monotonic()))
        return found

    def wait(self, kind: str, count: int = 1) -> Any:
        """Wait until it has told of that so many times; return what came with the last."""
        self.until(lambda: len(self.told[kind]) >= count, kind)
        return self.told[kind][-1]

    @property
    def trouble(self) -> str:
        return self.engine._jetstream.trouble

    def append(self, parts: list[bytes], expected: int) -> Outcome:
        """Append and return the outcome."""
        got: list[Outcome] = []
        self.engine.append(parts, expected, got.append)
        return self.until(lambda: got, "an outcome")[0]

    def run(self, work: Any) -> Any:
        """Do ``work`` in the engine's thread and return what it returns."""
        got: list[Any] = []
        self.engine._side.do(work, got.append)
        return self.until(lambda: got or self.told["failed"], "work")[0]

    def stop(self) -> None:
        assert self.engine.stop()

    def die(self) -> None:
        """End as a process does that is killed: nobody is told."""
        self.engine._holds = False
        self.stop()
