"""Search: how long a search takes among very many messages, and what it costs to index one.

The store is the real one, in this process, with its threads; what a search adds on the way to a client is
one request and one answer.
"""

import itertools
import queue
import random
import tempfile
import time
from bisect import bisect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import apsw

from bench.common import BenchError, Scale
from bench.paced import quantile
from bench.results import Result, Row, Target
from chatd.chat.changes.rows import PutRoom
from chatd.chat.storage import Changes, HitPage, Scope
from chatd.search.query import parse
from chatd.store.folder import FILE_NAME
from chatd.store.sqlite import SqliteStore
from chatd.wire.messages import Event
from chatd.wire.stored import pack

ROOMS: Final = 20
WORDS: Final = 50_000
"""Words of the language that people speak here; the frequent ones are as frequent as in any (Zipf's law)."""

PEOPLE: Final = 200
TOGETHER: Final = 2000
"""Messages in one commit."""

SEARCHES: Final = 300
PAGE: Final = 50

PATIENCE: Final = 900.0
"""Seconds that all of it may take to be indexed."""


class _Nobody:
    """Is told of nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class _Folk:
    """People who say something; always the same."""

    def __init__(self) -> None:
        self.chance = random.Random(1)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.words = [
            "".join(self.chance.choices(letters, k=self.chance.randint(2, 10))) for _ in range(WORDS)
        ]
        self._shares = list(itertools.accumulate(1 / (rank + 5) for rank in range(WORDS)))

    def word(self) -> str:
        """Return a word."""
        return self.words[bisect(self._shares, self.chance.random() * self._shares[-1])]

    def text(self) -> str:
        """Return what somebody says."""
        return " ".join(self.word() for _ in range(self.chance.randint(3, 20)))

    def query(self, texts: list[str]) -> str:
        """Return what somebody looks for: words that are said together, now and then by somebody."""
        words = self.chance.choice(texts).split()
        chosen = self.chance.sample(words, self.chance.randint(1, 3))
        return " ".join([f"from:u{self.chance.randrange(PEOPLE)}"][: not self.chance.randrange(10)] + chosen)


class _Store:
    """A store whose threads hand their results to whoever waits here."""

    def __init__(self, folder: Path) -> None:
        self._results: queue.SimpleQueue[tuple[Any, tuple[Any, ...]]] = queue.SimpleQueue()
        nobody: Any = _Nobody()
        self.store = SqliteStore(folder, lambda done, *given: self._results.put((done, given)), nobody)

    def append(self, changes: Changes) -> None:
        """Commit ``changes``."""
        self.store.append(changes, lambda _: None)
        self._wait()

    def search(self, query: str, scopes: list[Scope]) -> HitPage:
        """Return a page."""
        self.store.search(parse(query), scopes, None, PAGE, lambda _: None)
        found = self._wait()
        if not isinstance(found, HitPage):
            raise BenchError(f"the search failed: {found}")
        return found

    def _wait(self) -> Any:
        _, given = self._results.get(timeout=PATIENCE)
        return given[0]


def run(scale: Scale) -> Result:
    """Say very much, have it indexed, and search."""
    messages = scale.size(1_000_000, 2000)
    with tempfile.TemporaryDirectory(dir=scale.folder, prefix="chatd-bench-") as folder:
        store = _Store(Path(folder) / "data")
        try:
            return _measured(store, Path(folder) / "data" / FILE_NAME, messages, scale)
        finally:
            store.store.close()


def _measured(store: _Store, path: Path, messages: int, scale: Scale) -> Result:
    folk = _Folk()
    texts = [folk.text() for _ in range(min(messages, 50_000))]
    store.append(Changes(others=[PutRoom(room, f"#{room}", "", 1) for room in range(1, ROOMS + 1)]))
    each = messages // ROOMS
    said = 0
    for first in range(1, each + 1, TOGETHER // ROOMS):
        last = min(each, first + TOGETHER // ROOMS - 1)
        runs = []
        for room in range(1, ROOMS + 1):
            events = [_event(folk, texts, room, seq) for seq in range(first, last + 1)]
            said += sum(len(event.text) for event in events)
            runs.append((room, first, pack(events)))
        store.append(Changes(events=runs))
    scopes = [Scope(room, 1, each) for room in range(1, ROOMS + 1)]
    cost = _index_cost(path, each * ROOMS)
    found = 0
    times, costs = [], []
    for _ in range(scale.size(SEARCHES, 20)):
        query = folk.query(texts)
        begin, used = time.perf_counter(), time.process_time()
        found += len(store.search(query, scopes).hits)
        times.append(time.perf_counter() - begin)
        costs.append(time.process_time() - used)
    times.sort()
    costs.sort()
    if not found:
        raise BenchError("nothing was found")
    what = f"search in {each * ROOMS} messages of {ROOMS} rooms, a page of {PAGE}"
    return Result(
        "search",
        [
            Row(what, "chatd", "ms p50", (1e3 * quantile(times, 0.5),)),
            Row(what, "chatd", "ms p99", (1e3 * quantile(times, 0.99),)),
            Row(what, "chatd", "ms CPU p50", (1e3 * quantile(costs, 0.5),)),
            Row(what, "chatd", "ms CPU p99", (1e3 * quantile(costs, 0.99),)),
            Row("index of words, behind the commits", "chatd", "µs CPU/message", (cost,)),
            Row(
                "index of words",
                "chatd / texts",
                "ratio of bytes",
                (_index_bytes(path) / said,),
                Target(1.5, least=False),
            ),
        ],
    )


def _event(folk: _Folk, texts: list[str], room: int, seq: int) -> Event:
    by = f"u{folk.chance.randrange(PEOPLE)}"
    text = folk.chance.choice(texts)
    return Event(room=f"#{room}", seq=seq, ts=1000 * seq + room, kind="message", by=by, text=text)


def _index_cost(path: Path, messages: int) -> float:
    """Wait until all is indexed; return the microseconds of CPU that one of those took that were left."""
    left, begin = messages - _indexed(path), time.process_time()
    end = time.monotonic() + PATIENCE
    while _indexed(path) < messages:
        if time.monotonic() > end:
            raise BenchError("the index does not get done")
        time.sleep(0.05)
    return 1e6 * (time.process_time() - begin) / max(1, left)


def _indexed(path: Path) -> int:
    return _value(path, "SELECT coalesce(sum(high - low + 1), 0) FROM indexed")


def _index_bytes(path: Path) -> int:
    return _value(path, "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'words%'")


def _value(path: Path, statement: str) -> int:
    database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(next(iter(database.execute(statement)))[0])
    finally:
        database.close()
