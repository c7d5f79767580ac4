"""Searching: finds what a query means, the newest first, by the index and a check of each text.

For a thread and a connection of its own: neither the thread that writes nor anybody who reads waits for it.
Candidates of all logs are looked at in one order, by time. So an answer can end after any of them, and the
next one goes on behind it.
"""

import heapq
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import Final

import apsw

from chatd.chat.storage import Hit, HitPage, Position, Scope
from chatd.search.query import Query
from chatd.search.said import Edit, Said, means, said_in, wanted
from chatd.store import schema
from chatd.wire.stored import known_time_of, text_of

CANDIDATES: Final = 500
"""Events of which one answer checks the text at the most."""

SECONDS: Final = 0.25
"""Seconds after which an answer ends, if it has a hit, or has asked about each log once."""

PATIENCE: Final = 1.0
"""Seconds after which it ends without, once it has looked at a candidate."""

MAX_ASKED: Final = 4
"""Words that the index is asked for at the most, at 0.2 ms each in each log."""

FRESH: Final = 500
"""Events of one log that are not in the index yet and are looked at one by one: seconds of talk."""

_RANGE: Final = "SELECT low, high FROM indexed WHERE room = ?"
_FIND: Final = "SELECT rowid FROM words(?) WHERE rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?"
_LAST_EDIT: Final = "SELECT max(by) FROM edits WHERE room = ? AND seq = ?"
_FRAME: Final = "SELECT frame FROM events WHERE key = ?"

_APART: Final = re.compile("[^a-z0-9\u0080-\U0010ffff]")
"""What ends a word for the index (`chatd.store.schema`), quotation marks too."""

_NOWHERE: Final = "\ue001"
"""A character that no term has."""

_PIECES: Final = (4, 64)
"""Events that the index is asked for at first, and later: most logs are looked at once."""


class Searching:
    """One search in ``database``: of ``scopes``, what ``query`` means and stands ``before`` a place."""

    def __init__(
        self, database: apsw.Connection, query: Query, scopes: Sequence[Scope], before: Position | None
    ) -> None:
        self._database = database
        self._query = query
        self._wanted = _expression(query)
        self._scopes = scopes
        self._before = before
        self._behind = False
        ends = [ts for ts in (query.before, None if before is None else before.ts + 1) if ts is not None]
        self._end = min(ends, default=None)

    def found(self, limit: int) -> HitPage:
        """Return at most ``limit`` hits."""
        self._database.execute("BEGIN")  # one moment for the index and the events
        try:
            return self._found(limit)
        finally:
            self._database.execute("COMMIT")

    def _found(self, limit: int) -> HitPage:
        heap = [
            _first_out(newest, None, self._candidates(*one))
            for one in self._scopes
            for newest in self._newest(*one)
        ]
        heapq.heapify(heap)
        hits: list[Hit] = []
        last: Position | None = None
        looked, unasked, begin = 0, len(heap), time.monotonic()
        while heap:
            *_, place, way = heap[0]
            if place is None:
                unasked -= 1
            else:
                hits += self._hit(place)
                last, looked = place, looked + 1
            for following in _next(way):
                heapq.heapreplace(heap, _first_out(following, following, way))
                break
            else:
                heapq.heappop(heap)
            late = time.monotonic() - begin >= (SECONDS if hits or not unasked else PATIENCE)
            if last is not None and (late or len(hits) == limit or looked == CANDIDATES):
                break
        return HitPage(hits, last if heap else None, self._behind)

    def _newest(self, log: int, first: int, head: int) -> list[Position]:
        """Return where the newest event of ``log`` stands that may be meant, nothing if none may.

        The index is asked about the log when all newer candidates were looked at: mostly of few logs.
        """
        last = head if self._end is None else self._last_before(log, first, head, self._end)
        ts = self._time(log, last) if first <= last else -1
        return [Position(ts, log, last)] if ts >= self._query.after else []

    def _hit(self, place: Position) -> list[Hit]:
        """Return the event at ``place`` as a hit if it is one, as it is now."""
        stored, edit = self._stored(place.log, place.seq), b""
        said = said_in(text_of(stored))
        if not isinstance(said, Said):
            return []
        for (by,) in self._database.execute(_LAST_EDIT, (place.log, place.seq)):
            edited = None if by is None else said_in(text_of(self._stored(place.log, by)))
            if isinstance(edited, Edit):
                said, edit = said._replace(text=edited.text), self._stored(place.log, by)
        return [Hit(place, stored, edit)] if means(self._query, said) else []

    def _candidates(self, log: int, first: int, head: int) -> Iterator[Position]:
        """Yield where events ``first`` to ``head`` of ``log`` stand that may be meant, the newest first."""
        last = head if self._end is None else self._last_before(log, first, head, self._end)
        for seq in self._numbers(log, first, last, head):
            ts = self._time(log, seq)
            if ts < self._query.after:
                return
            place = Position(ts, log, seq)
            if self._before is None or place < self._before:
                yield place

    def _numbers(self, log: int, first: int, last: int, head: int) -> Iterator[int]:
        """Yield the same from ``first`` to ``last`` by number; events up to ``head`` may edit them."""
        low, high = next(self._database.execute(_RANGE, (log,)), (first, first - 1))
        fresh = max(first, high + 1, head - FRESH + 1)
        skipped = fresh - 1 if fresh > max(first, high + 1) else low - 1
        if first <= skipped <= last and self._time(log, skipped) >= self._query.after:
            self._behind = True
        yield from range(last, fresh - 1, -1)
        bottom, top = max(low, first), min(high, last)
        before = 0
        for seq in heapq.merge(
            self._indexed(log, bottom, top), self._edited(log, fresh, head, bottom, top), reverse=True
        ):
            if seq != before:
                yield seq
            before = seq

    def _indexed(self, log: int, first: int, last: int) -> Iterator[int]:
        """Yield what the index has, the newest first."""
        bottom, top = schema.key(log, first), schema.key(log, last)
        for size in chain(_PIECES, repeat(_PIECES[-1])):
            keys = [key for (key,) in self._database.execute(_FIND, (self._wanted, bottom, top, size))]
            yield from (key - schema.key(log, 0) for key in keys)
            if len(keys) < size:
                return
            top = keys[-1] - 1

    def _edited(self, log: int, fresh: int, head: int, first: int, last: int) -> list[int]:
        """Return which of events ``first`` to ``last`` are edited by those that the index does not have."""
        edits = (said_in(text_of(self._stored(log, seq))) for seq in range(fresh, head + 1))
        refs = {one.ref for one in edits if isinstance(one, Edit)}
        return sorted((ref for ref in refs if first <= ref <= last), reverse=True)

    def _last_before(self, log: int, first: int, last: int, end: int) -> int:
        """Return the last of events ``first`` to ``last`` that is older than ``end``: they are in order."""
        if first > last or self._time(log, last) < end:
            return last
        low, high = first - 1, last  # the one is older, or there is none; the other is not
        while high - low > 1:
            middle = (low + high) // 2
            if self._time(log, middle) < end:
                low = middle
            else:
                high = middle
        return low

    def _stored(self, log: int, seq: int) -> bytes:
        return next((frame for (frame,) in self._database.execute(_FRAME, (schema.key(log, seq),))), b"")

    def _time(self, log: int, seq: int) -> int:
        return known_time_of(self._stored(log, seq))


def _next(way: Iterator[Position]) -> list[Position]:
    """Return the next place of ``way``, nothing at its end."""
    return list(islice(way, 1))


_Next = tuple[int, int, int, Position | None, Iterator[Position]]
"""A candidate in the heap, None as long as the index was not asked about the log; and those behind it."""


def _first_out(bound: Position, place: Position | None, way: Iterator[Position]) -> _Next:
    """Return what stands in the heap in front of all that is older than ``bound``."""
    return -bound.ts, -bound.log, -bound.seq, place, way


def _expression(query: Query) -> str:
    """Return what the index is asked for, in the language of SQLite's FTS5.

    Each term costs in each log. So it is a few that are long, and the check of the texts does the rest.
    """
    words, marks = wanted(query)
    longest = sorted(words, key=lambda clause: -min(len(_longest(form)[0]) for form in clause))
    clauses: list[list[list[str]]] = []
    terms = 0
    for clause in longest:
        few = [_longest(form)[: max(1, MAX_ASKED // len(clause))] for form in clause]
        terms += sum(map(len, few))
        if clauses and terms > MAX_ASKED:
            break
        clauses.append(few)
    clauses += [[sorted(form) for form in clause] for clause in marks]
    return _joined("AND", [_joined("OR", map(_all, clause)) for clause in clauses])


def _longest(terms: set[str]) -> list[str]:
    return sorted(terms, key=lambda term: (-len(term), term))


def _all(terms: Iterable[str]) -> str:
    """Return the same for all of ``terms``; one that the index would take apart it cannot have."""
    return _joined("AND", [f'"{_APART.sub(_NOWHERE, term)}"' for term in terms])


def _joined(operator: str, parts: Iterable[str]) -> str:
    return f"({f' {operator} '.join(parts)})"
