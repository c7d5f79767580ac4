"""A store that is driven by a test instead of a reactor."""

import queue
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chatd.chat.facts import Facts
from chatd.chat.looked import Looked, Wanted
from chatd.chat.storage import Changes, HitPage, Position, Scope
from chatd.search.query import parse
from chatd.store.sqlite import SqliteStore

PATIENCE = 20.0


class Heard(list[tuple[Any, ...]]):
    """What a listener was told of the database's room."""

    def converting(self, size: int, written: int) -> None:
        self.append(("converting", size, written))

    def converted(self, *what: Any) -> None:
        self.append(("converted", *what[:2]))

    def not_converted(self, error: str) -> None:
        self.append(("not converted", error))

    def shrunk(self, *what: Any) -> None:
        self.append(("shrunk", *what[:2]))

    def erasing_waits(self, duration: float) -> None:
        self.append(("erasing waits", duration))

    def erased(self, duration: float) -> None:
        self.append(("erased", duration))

    def index_failed(self, error: str, lacking: int) -> None:
        self.append(("index failed", error, lacking))


class Driven:
    """A store whose threads hand their results to whoever waits here instead of a reactor."""

    def __init__(self, folder: Path) -> None:
        self._results: queue.SimpleQueue[tuple[Any, tuple[Any, ...]]] = queue.SimpleQueue()
        self.heard = Heard()
        self.store = SqliteStore(folder, self._call, self.heard)
        self.store._index._pace.gather = 0.0  # nobody has the time

    def _call(self, done: Any, *given: Any) -> None:
        heard = self.heard
        if done in (heard.shrunk, heard.erasing_waits, heard.erased, heard.index_failed):
            done(*given)
        else:
            self._results.put((done, given))

    def _wait(self) -> Any:
        done, given = self._results.get(timeout=PATIENCE)
        done(*given)
        return given[0]

    def append(self, changes: Changes) -> Exception | None:
        """Commit ``changes`` and return what prevented it."""
        got: list[Exception | None] = []
        self.store.append(changes, got.append)
        self._wait()
        return got[0]

    def read(
        self, log: int, first: int, last: int, limit: int = 1 << 30, *, newest: bool = False
    ) -> list[bytes]:
        """Return a page."""
        got: list[list[bytes]] = []
        self.store.read(log, first, last, limit, newest, got.append)
        self._wait()
        return got[0]

    def vacuum(self) -> Any:
        """Have all that is free given back; return what is left."""
        got: list[Any] = []
        self.store.vacuum(got.append)
        self._wait()
        return got[0]

    def look(self, log: int, wanted: Wanted, user: int) -> Looked:
        """Return events with what became of them."""
        got: list[Any] = []
        self.store.look(log, wanted, user, got.append)
        self._wait()
        return got[0]

    def facts(self, log: int, seq: int, user: int, *, whole: bool = False) -> Facts:
        """Return what is known of an event."""
        got: list[Any] = []
        self.store.facts(log, seq, user, whole, got.append)
        self._wait()
        return got[0]

    def search(
        self,
        text: str,
        scopes: Sequence[Scope] | None = None,
        before: Position | None = None,
        limit: int = 50,
    ) -> HitPage:
        """Return a page of what is found in ``scopes``, in everything without them."""
        if scopes is None:
            scopes = [Scope(one.room.id, one.room.first, one.head) for one in self.store.load().rooms]
        got: list[HitPage] = []
        self.store.search(parse(text), scopes, before, limit, got.append)
        self._wait()
        return got[0]

    def settle(self) -> None:
        """Wait until the index has all, and nothing of what has left it is in any file."""
        end = time.monotonic() + PATIENCE
        while self.store._index.due or self.store._scrubbing.due:
            assert time.monotonic() < end, "the store does not get done"
            time.sleep(0.01)

    def wait(self) -> Any:
        """Wait for the next result and return it."""
        return self._wait()

    def await_heard(self, what: str, count: int) -> None:
        """Wait until the listener has heard ``what`` so many times."""
        end = time.monotonic() + PATIENCE
        while [heard for heard, *_ in self.heard].count(what) < count:
            assert time.monotonic() < end, f"waited in vain for {what}: {self.heard}"
            time.sleep(0.01)

    def close(self) -> None:
        """Close the store."""
        self.store.close()
