"""The index: keeps the terms of what was said, behind the commits, for the thread that writes.

Of each log the events ``low`` to ``high`` are in it. New events lengthen that at the upper end, as soon as
the thread has time; what an older chatd has stored is taken in from the newest on downwards. The range is
kept in the transaction that indexes, so that a crash leaves no event out and none in twice. What is erased or
cut leaves the index in the transaction that does it, or soon after if it is much.

An index can be thrown away at any time: all of it comes from the events.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import apsw

from chatd.chat.changes.rows import Change, DropRoom, Erase, Trim
from chatd.chat.storage import Changes
from chatd.search.said import Edit, Said, said_in_all
from chatd.search.words import RULES
from chatd.store import schema
from chatd.store.index.clearing import PAGES, PAUSE, Clearing
from chatd.store.index.fresh import Fresh
from chatd.store.index.leaving import Leaving
from chatd.store.index.pace import Pace
from chatd.store.index.sayings import Sayings
from chatd.store.index.slices import Range, Slice
from chatd.store.index.table import Row, Table, as_json
from chatd.store.transaction import Transaction
from chatd.wire.stored import text_of

PIECE: Final = 200
"""Events that are read at once."""

FEW: Final = 40
"""The same of those that are in memory, so that few are looked at that a slice has no place for."""

MERGED: Final = 32
"""Pages of the index that are merged behind a slice at the most."""

LATER: Final = 10.0
"""Seconds to wait if it cannot be done now: the disk is full, mostly; commits tell of that."""

TELL_EVERY: Final = 600.0
"""Seconds between two times that it is told that it cannot be done."""

_RULES: Final = "INSERT INTO meta VALUES('rules', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value"
_RULES_NOW: Final = "SELECT value FROM meta WHERE name = 'rules'"
_RANGES: Final = "SELECT room, low, high FROM indexed"
_PUT_RANGES: Final = (
    "INSERT INTO indexed SELECT value->>0, value->>1, value->>2 FROM json_each(?) WHERE true"
    " ON CONFLICT(room) DO UPDATE SET low = excluded.low, high = excluded.high"
)
_DROP_RANGE: Final = "DELETE FROM indexed WHERE room = ?"
_LOGS: Final = """
SELECT id, first, (SELECT max(key) FROM events WHERE key >= id << 36 AND key < (id + 1) << 36) FROM rooms
"""


class Index:
    """Indexes what ``database`` holds; what is left to do is found there at the start.

    ``cleared`` is called when nothing is left in the index of what has left it, and when what was kept of
    erased events goes, within that transaction; ``failed`` now and then with why a step was not possible, and
    how many events the index lacks. One that is ``damaged`` is made anew, as is one of other rules.
    """

    def __init__(
        self,
        database: apsw.Connection,
        cleared: Callable[[], object],
        failed: Callable[[str, int], object],
        *,
        damaged: bool = False,
    ) -> None:
        self._database = database
        self._table = Table(database)
        self._sayings = Sayings(database)
        self._clearing = Clearing(database, self._table, cleared)
        self._leaving = Leaving(database)
        self._cleared = cleared
        self._failed = failed
        self._tell_next = self._again = 0.0
        self._ranges: dict[int, Range] = {}
        self._heads: dict[int, int] = {}
        self._firsts: dict[int, int] = {}
        self._pace = Pace(time.monotonic())
        self._fresh = Fresh()
        self._taken = 0
        self._own = 0.0
        self._merging = True
        self._later = False
        if damaged or [value for (value,) in database.execute(_RULES_NOW)] != [RULES]:
            self.throw_away()
        self._look()

    @property
    def due(self) -> bool:
        """Return whether something is left to do, besides what waits for its time."""
        return bool(self._heads or self._firsts or self._merging or self._leaving.due or self._clearing.due)

    def until_clearing(self) -> float | None:
        """Return the seconds until the index is to be written anew, None if it need not be."""
        return self._clearing.until()

    def throw_away(self) -> None:
        """Throw the index away, to be made anew."""
        with Transaction(self._database):
            self._table.throw_away()
            self._database.execute("DELETE FROM indexed")
            self._database.execute("DELETE FROM stale")
            self._database.execute(_RULES, (RULES,))

    def _look(self) -> None:
        """See what is in the index and what is not."""
        database = self._database
        self._ranges = {room: Range(low, high) for room, low, high in database.execute(_RANGES)}
        self._heads, self._firsts = {}, {}
        for room, first, key in database.execute(_LOGS):
            head = first - 1 if key is None else key - schema.key(room, 0)
            low, high = self._ranges.setdefault(room, Range(head + 1, head))
            if head > high:
                self._heads[room] = head
            if first < low and head >= first:
                self._firsts[room] = first
        self._clearing.look()
        self._leaving.look()

    # ---- within a commit and behind it ----------------------------------------------------------------

    def touched(self, changes: Changes) -> dict[int, Said | None]:
        """Return what the index has of the events that ``changes`` erase or cut, by key; before they do.

        If it is much, that is kept for later, and nothing is returned. `retouch` follows, in the same
        transaction.
        """
        keys, cuts = set(), []
        for change in changes.others:
            if isinstance(change, Erase) and change.by:
                keys.add(self._concerned(change.room, change.seq))
            elif isinstance(change, Trim) and change.room in self._ranges:
                low, high = self._ranges[change.room]
                last = min(high, change.first - 1)
                if low <= last:
                    cuts.append((schema.key(change.room, low), schema.key(change.room, last)))
        self._later = bool(keys or cuts) and (self._leaving.due or self._leaving.is_much(keys, cuts))
        if self._later:
            self._leaving.keep(keys, cuts)
            return {}
        before = {key: self._now(*_place(key)) for key in keys if self._has(*_place(key))}
        for first, last in cuts:
            room, low = _place(first)
            before |= self._sayings.present(room, low, _place(last)[1], self._ranges[room].high)
        return before

    def _concerned(self, room: int, seq: int) -> int:
        """Return the key of the event whose words change if event ``seq`` of ``room`` goes, maybe an edit."""
        going = self._sayings.at(room, seq)
        return schema.key(room, going.ref if isinstance(going, Edit) else seq)

    def retouch(self, before: dict[int, Said | None], changes: Changes) -> None:
        """Have the index follow ``changes``, which were just made; `touched` has returned ``before``."""
        for change in changes.others:
            if isinstance(change, DropRoom):
                self._database.execute(_DROP_RANGE, change)
            elif isinstance(change, Trim) and change.room in self._ranges:
                low, high = self._ranges[change.room]
                low = max(low, change.first)
                self._put({change.room: Range(low, max(high, low - 1))})
        if before:
            after = [(key, self._now(*_place(key))) for key in before]
            self._exchange(_rows(before.items()), _rows(after))

    def _exchange(self, old: list[Row], new: list[Row]) -> None:
        """Take rows out of the index, and put others into it."""
        if old:
            self._clearing.mark()
            self._table.remove(old)
        if new:
            self._table.add(new)

    def _has(self, room: int, seq: int) -> bool:
        low, high = self._ranges.get(room, (1, 0))
        return low <= seq <= high

    def _now(self, room: int, seq: int) -> Said | None:
        """Return what event ``seq`` of ``room``, which the index has, says as far as the index is."""
        return self._sayings.now(room, seq, self._ranges[room].high)

    def committed(self, changes: Changes) -> None:
        """Note that ``changes`` are on the disk: what they add, and what has left."""
        changed = self._left(changes.others) if changes.others else ()
        count = 0
        for log, first, frames in changes.events:
            if log not in changed:
                self._fresh.come(log, first, frames)
            if log not in self._ranges:
                self._ranges[log] = Range(first, first - 1)
            self._heads[log] = first + len(frames) - 1
            count += len(frames)
        if count:
            now = time.monotonic()
            self._pace.come(count, now)
            if self._pace.measures(now):
                self._pace.measure(now, time.process_time() - self._own)

    def _left(self, others: Iterable[Change]) -> set[int]:
        """Note that these are on the disk; return the logs from which something has left."""
        changed = set()
        for change in others:
            if isinstance(change, Trim):
                self._trimmed(change.room, change.first)
            elif isinstance(change, DropRoom):
                for of_log in (self._ranges, self._heads, self._firsts):
                    of_log.pop(change.id, None)
            if isinstance(change, Trim | Erase | DropRoom):
                changed.add(change.id if isinstance(change, DropRoom) else change.room)
            if isinstance(change, Trim | Erase) and not self._later:
                self._clearing.left()
        self._leaving.due = self._leaving.due or self._later
        for room in changed:
            self._fresh.forget(room)
        return changed

    def _trimmed(self, room: int, first: int) -> None:
        if room not in self._ranges:
            return
        low, high = self._ranges[room]
        low = max(low, first)
        self._ranges[room] = Range(low, max(high, low - 1))
        if room in self._firsts:
            self._firsts[room] = max(self._firsts[room], first)
            if low <= self._firsts[room]:
                del self._firsts[room]

    def renew(self) -> bool:
        """Throw a damaged index away, if that is what is damaged; return whether it was possible."""
        try:
            self.throw_away()
            self._look()
        except apsw.Error:
            return False
        return True

    # ---- when there is time -------------------------------------------------------------------------

    def between(self) -> None:
        """Index a slice of what is new between two commits, if its share of the time has come."""
        now = time.monotonic()
        if now >= self._pace.next if self._leaving.due else self._heads and self._pace.between(now):
            self.news()

    def news(self) -> float | None:
        """Index a slice of what is new if that is worth it; what is to leave comes first.

        Return the seconds until another slice may be, 0 if this was one, None if nothing is left.
        """
        now = time.monotonic()
        if self._leaving.due:
            return max(0.0, self._again - now) or self._careful(self._take_leaving, 0.0)
        if not self._heads:
            return None
        return max(0.0, self._pace.until(now), self._again - now) or self._careful(self._take_news, 0.0)

    def rest(self) -> float | None:
        """Do a step of what nobody waits for; return the seconds until the next one, None if nothing is."""
        if self._firsts:
            return self._careful(self._take_old, PAUSE)
        if self._merging:
            return self._careful(self._merge, PAUSE)
        if self._clearing.due:
            return self._careful(self._clearing.step, PAUSE)
        return None

    def _careful(self, step: Callable[[], object], wait: float) -> float:
        begin, used, self._taken = time.monotonic(), time.thread_time(), 0
        try:
            step()
        except (apsw.CorruptError, apsw.SQLError) as error:
            self.renew()
            self._again = begin + LATER
            self._tell(error, begin)
            return LATER
        except Exception as error:  # noqa: BLE001 - whatever prevents it, commits go on
            self._again = begin + LATER
            self._tell(error, begin)
            return LATER
        self._own += time.thread_time() - used
        self._pace.took(self._taken, begin, time.monotonic())
        return wait

    def _tell(self, error: Exception, now: float) -> None:
        """Tell why a step was not possible, unless that was told lately."""
        if now >= self._tell_next:
            self._tell_next = now + TELL_EVERY
            new = sum(head - self._ranges[room].high for room, head in self._heads.items())
            old = sum(self._ranges[room].low - first for room, first in self._firsts.items())
            self._failed(f"{type(error).__name__}: {error}", new + old)

    def _take_leaving(self) -> None:
        taken = Slice()
        keys = []
        for key, old in self._leaving.some(PIECE):
            keys.append(key)
            if old is not None:
                taken.leave(key, old)
            said = self._now(*_place(key)) if self._has(*_place(key)) else None
            if said is not None:
                taken.take(key, said)
            if taken.is_full():
                break
        self._add(taken, keys)
        self._leaving.look()

    def _take_news(self) -> None:
        taken = Slice()
        for room, head in self._heads.items():
            taken.ranges[room] = self._take_room(taken, room, head)
            if taken.is_full():
                break
        self._add(taken)
        self._taken = taken.count
        for room, (_, high) in taken.ranges.items():
            self._fresh.indexed(room, high)
            if high >= self._heads[room]:
                del self._heads[room]
            else:
                self._heads[room] = self._heads.pop(room)  # the others come first
        if not self._heads:
            self._pace.done()

    def _take_room(self, taken: Slice, room: int, head: int) -> Range:
        """Take in what is new in ``room``; return what the index has then."""
        low, high = self._ranges[room]
        while high < head and not taken.is_full():
            before = high
            for key, one in self._new(room, high + 1, head):
                if isinstance(one, Edit):
                    self._take_edit(taken, room, one)
                elif one is not None:
                    taken.take(key, one)
                high = _place(key)[1]
                taken.count += 1
                if taken.is_full():
                    break
            if high == before:  # what should be there is not
                high = head
        return Range(low, high)

    def _new(self, room: int, first: int, last: int) -> Iterable[tuple[int, Said | Edit | None]]:
        """Return what a piece of events ``first`` to ``last`` of ``room`` says, by their keys."""
        stored = self._fresh.of(room, first, FEW)
        if not stored:
            return self._sayings.between(room, first, last, PIECE)
        return enumerate(said_in_all([text_of(one) for one in stored]), schema.key(room, first))

    def _take_edit(self, taken: Slice, room: int, edit: Edit) -> None:
        """Take in what the edited event says now, if the index or the slice has it."""
        key = schema.key(room, edit.ref)
        said = taken.said(key)
        if said is None and self._has(room, edit.ref):
            said = self._now(room, edit.ref)
            if said is not None:
                taken.leave(key, said)
        if said is not None:
            taken.take(key, said._replace(text=edit.text))

    def _take_old(self) -> None:
        room, first = next(iter(self._firsts.items()))
        before, high = self._ranges[room]
        taken, low = Slice(), before
        events = list(self._sayings.between(room, first, low - 1, PIECE, newest=True))
        lowest = min((_place(key)[1] for key, _ in events), default=low)
        edited = self._sayings.edited(room, lowest, low - 1)
        for key, one in events:
            low = _place(key)[1]
            said = self._now(room, low) if low in edited else one
            if isinstance(said, Said):
                taken.take(key, said)
            if taken.is_full():
                break
        if low == before:  # what should be there is not
            low = first
        taken.ranges[room] = Range(low, high)
        self._add(taken)
        if low <= first:
            del self._firsts[room]
            self._merging = True

    def _add(self, taken: Slice, gone: Sequence[int] = ()) -> None:
        database = self._database
        database.execute("PRAGMA synchronous = NORMAL")  # the next commit's flush makes it durable as well
        try:
            with Transaction(self._database):
                new = taken.rows
                self._exchange(taken.old, new)
                self._leaving.gone(gone)
                if gone and self._leaving.erased:
                    self._cleared()
                self._put(taken.ranges)
            self._merging = True
            self._table.merge_some(min(MERGED, 2 + len(new) * PAGES // PIECE))
        finally:
            database.execute("PRAGMA synchronous = FULL")
        if taken.old:
            self._clearing.left()
        self._ranges |= taken.ranges

    def _put(self, ranges: dict[int, Range]) -> None:
        self._database.execute(_PUT_RANGES, (as_json([(room, *one) for room, one in ranges.items()]),))

    def _merge(self) -> None:
        """Merge a few pages."""
        if not self._table.merge(PAGES):
            self._merging = False


def _place(key: int) -> tuple[int, int]:
    """Return the log and the number of the event with ``key``."""
    return key >> schema.SEQ_BITS, key & ((1 << schema.SEQ_BITS) - 1)


def _rows(said: Iterable[tuple[int, Said | None]]) -> list[Row]:
    """Return the rows of the index for what was said."""
    return [(key, one.indexed) for key, one in said if one is not None]
