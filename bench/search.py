"""Search: how long a search takes among very many messages, and what it costs to index one.

The store is the real one, in this process, with its threads; what a search adds on the way to a client is
one request and one answer.
"""

import itertools
import random
import time
from bisect import bisect
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread
from typing import Final

import apsw

from bench.common import BenchError, Scale
from bench.paced import quantile
from bench.results import Result, Row, Target
from bench.stored import PATIENCE, Stored, stored
from chatd.chat.changes.rows import PutRoom
from chatd.chat.storage import Changes, Scope
from chatd.search.query import parse
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


def run(scale: Scale) -> Result:
    """Say very much, have it indexed, and search."""
    messages = scale.size(1_000_000, 2000)
    folk = _Folk()
    texts = [folk.text() for _ in range(min(messages, 50_000))]
    each = messages // ROOMS
    with stored(scale) as store:
        size = _say(store, folk, texts, each)
        cost = _index_cost(store, each * ROOMS)
        scopes = [Scope(room, 1, each) for room in range(1, ROOMS + 1)]
        what = f"search in {each * ROOMS} messages of {ROOMS} rooms, a page of {PAGE}"
        rows = [
            row
            for kind, make in KINDS.items()
            for row in _searches(
                store, f"{what}: {kind}", [make(folk, texts) for _ in range(scale.size(SEARCHES, 5))], scopes
            )
        ]
        rows += _holds(store, [folk.query(texts) for _ in range(scale.size(SEARCHES, 5))], scopes, each)
        index = _value(store, "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'words%'")
    rows += [
        Row("index of words, behind the commits", "chatd", "µs CPU/message", (cost,)),
        Row("index of words", "chatd / texts", "ratio of bytes", (index / size,), Target(1.5, least=False)),
    ]
    return Result("search", rows)


def _say(store: Stored, folk: _Folk, texts: list[str], each: int) -> int:
    """Say so much in each room; return the bytes of the texts."""
    store.append(Changes(others=[PutRoom(room, f"#{room}", "", 1) for room in range(1, ROOMS + 1)]))
    said = 0
    for first in range(1, each + 1, TOGETHER // ROOMS):
        last = min(each, first + TOGETHER // ROOMS - 1)
        runs = []
        for room in range(1, ROOMS + 1):
            events = [_event(folk, texts, room, seq) for seq in range(first, last + 1)]
            said += sum(len(event.text) for event in events)
            runs.append((room, first, pack(events)))
        store.append(Changes(events=runs))
    return said


def _together(folk: _Folk, texts: list[str]) -> list[str]:
    """Return words that somebody has said together."""
    return folk.chance.choice(texts).split()


KINDS: Final[dict[str, Callable[[_Folk, list[str]], str]]] = {
    "1 to 3 words, now and then of one person": lambda folk, texts: folk.query(texts),
    "a frequent word": lambda folk, _: folk.words[folk.chance.randrange(20)],
    "a rare word": lambda folk, _: folk.words[-1 - folk.chance.randrange(WORDS // 2)],
    "two frequent words": lambda folk, _: " ".join(folk.chance.sample(folk.words[:20], 2)),
    "a phrase": lambda folk, texts: '"' + " ".join(_together(folk, texts)[:2]) + '"',
    "what one person says": lambda folk, _: f"from:u{folk.chance.randrange(PEOPLE)}",
}
"""What people look for."""


def _searches(store: Stored, what: str, queries: list[str], scopes: list[Scope]) -> list[Row]:
    times, costs, found = [], [], 0
    for query in queries:
        begin, used = time.perf_counter(), time.process_time()
        found += len(store.search(query, scopes, PAGE).hits)
        times.append(time.perf_counter() - begin)
        costs.append(time.process_time() - used)
    if not found and "rare" not in what:
        raise BenchError(f"nothing was found: {what}")
    times.sort()
    costs.sort()
    return [
        Row(what, "chatd", f"{unit} {name}", (1e3 * quantile(values, part),))
        for unit, values in (("ms", times), ("ms CPU", costs))
        for name, part in (("p50", 0.5), ("p99", 0.99))
    ]


def _holds(store: Stored, queries: list[str], scopes: list[Scope], seq: int) -> list[Row]:
    """Measure how long another thread waits for the interpreter, and a commit takes, while searches run."""
    over = Flag()
    gaps: list[float] = []

    def tick() -> None:
        last = time.perf_counter()
        while not over.wait(0.001):
            now = time.perf_counter()
            gaps.append(now - last - 0.001)
            last = now

    def look() -> None:
        for query in queries:
            store.search(query, scopes, PAGE)

    def meanwhile(busy: Callable[[], None]) -> float:
        over.clear()
        gaps.clear()
        ticker = Thread(target=tick)
        ticker.start()
        busy()
        over.set()
        ticker.join()
        gaps.sort()
        return 1e3 * quantile(gaps, 0.999) if gaps else 0.0

    begin = time.perf_counter()
    searching = meanwhile(look)
    length = time.perf_counter() - begin
    idle = meanwhile(lambda: time.sleep(length))
    commits = []
    for number in range(1, len(queries) + 1):
        event = _said(1, seq + number, "u1", "something new")
        store.store.search(parse(queries[number - 1]), scopes, None, PAGE, lambda _: None)
        begin = time.perf_counter()
        store.append(Changes(events=[(1, seq + number, pack([event]))]))
        commits.append(time.perf_counter() - begin)
    commits.sort()
    what = "another thread waits while searches run"
    return [
        Row(what, "chatd", "ms p99.9", (searching,), Target(20, least=False)),
        Row("the same while nothing runs", "chatd", "ms p99.9", (idle,)),
        Row("a commit while a search runs", "chatd", "ms p50", (1e3 * quantile(commits, 0.5),)),
        Row("a commit while a search runs", "chatd", "ms p99", (1e3 * quantile(commits, 0.99),)),
    ]


def _event(folk: _Folk, texts: list[str], room: int, seq: int) -> Event:
    return _said(room, seq, f"u{folk.chance.randrange(PEOPLE)}", folk.chance.choice(texts))


def _said(room: int, seq: int, by: str, text: str) -> Event:
    return Event(room=f"#{room}", seq=seq, ts=1000 * seq + room, kind="message", by=by, text=text)


def _index_cost(store: Stored, messages: int) -> float:
    """Wait until all is indexed; return the microseconds of CPU that one of those took that were left."""
    left, begin = messages - _indexed(store), time.process_time()
    end = time.monotonic() + PATIENCE
    while _indexed(store) < messages:
        if time.monotonic() > end:
            raise BenchError("the index does not get done")
        time.sleep(0.05)
    return 1e6 * (time.process_time() - begin) / max(1, left)


def _indexed(store: Stored) -> int:
    return _value(store, "SELECT coalesce(sum(high - low + 1), 0) FROM indexed")


def _value(store: Stored, statement: str) -> int:
    database = apsw.Connection(str(store.path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(next(iter(database.execute(statement)))[0])
    finally:
        database.close()
