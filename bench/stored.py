"""The real store in this process, with its threads, for whoever measures it alone."""

import queue
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.common import BenchError, Scale
from chatd.chat.looked import Looked, Wanted
from chatd.chat.storage import Changes, HitPage, Scope
from chatd.search.query import parse
from chatd.store.folder import FILE_NAME
from chatd.store.sqlite import SqliteStore

PATIENCE: Final = 900.0
"""Seconds that one thing may take."""


class _Nobody:
    """Is told of nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class Stored:
    """A store whose threads hand their results to whoever waits here; ``path`` is its database."""

    def __init__(self, folder: Path) -> None:
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.path = folder / FILE_NAME
        nobody: Any = _Nobody()
        self.store = SqliteStore(folder, lambda done, *given: done(*given), nobody)

    def append(self, changes: Changes) -> None:
        """Commit ``changes``."""
        self.store.append(changes, self._results.put)
        failed = self._results.get(timeout=PATIENCE)
        if failed is not None:
            raise BenchError(f"the commit failed: {failed}")

    def search(self, query: str, scopes: list[Scope], limit: int) -> HitPage:
        """Return a page."""
        self.store.search(parse(query), scopes, None, limit, self._results.put)
        found = self._results.get(timeout=PATIENCE)
        if not isinstance(found, HitPage):
            raise BenchError(f"the search failed: {found}")
        return found

    def look(self, log: int, wanted: Wanted, user: int) -> Looked:
        """Return events with what became of them."""
        self.store.look(log, wanted, user, self._results.put)
        found = self._results.get(timeout=PATIENCE)
        if not isinstance(found, Looked):
            raise BenchError(f"the page cannot be read: {found}")
        return found


@contextmanager
def stored(scale: Scale) -> Iterator[Stored]:
    """Give a store in a temporary folder, which goes with it."""
    with tempfile.TemporaryDirectory(dir=scale.folder, prefix="chatd-bench-") as folder:
        store = Stored(Path(folder) / "data")
        try:
            yield store
        finally:
            store.store.close()
