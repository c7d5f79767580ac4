"""Looking: reads events with what became of them, in one transaction, so that all of it is of one moment.

It reads one event after the other, and no more of them than go into one answer: whoever waits for the reader
waits for little.
"""

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

import apsw

from chatd.chat.facts import Facts
from chatd.chat.looked import QUOTED_BYTES, Found, Looked, Pinned, Range, Wanted, within
from chatd.store.schema import key, last_key
from chatd.store.statements import LAST, NEWEST_FIRST, OLDEST_FIRST
from chatd.wire.limits import PAGE_BYTES

_EVENT: Final = "SELECT frame FROM events WHERE key = ?"
_EDIT: Final = (
    "SELECT frame FROM events WHERE key = ? + (SELECT max(by) FROM edits WHERE room = ? AND seq = ?)"
)
_LAST_EDITS: Final = "SELECT seq, max(by) FROM edits WHERE room = ? AND seq BETWEEN ? AND ? GROUP BY seq"
_THREAD: Final = "SELECT seq FROM replies WHERE room = ? AND thread = ? AND seq BETWEEN ? AND ? ORDER BY seq "
_EDITS_OF: Final = "SELECT by FROM edits WHERE room = ? AND seq = ? ORDER BY by"
_COUNTS: Final = "SELECT seq, emoji, count FROM reaction_counts WHERE room = ? AND seq IN carray(?)"
_COUNTS_OF: Final = "SELECT emoji, count FROM reaction_counts WHERE room = ? AND seq = ?"
_MINE: Final = "SELECT seq, emoji FROM reactions WHERE room = ? AND user = ? AND seq IN carray(?)"
_MINE_OF: Final = "SELECT emoji FROM reactions WHERE room = ? AND user = ? AND seq = ?"
_THREADS: Final = "SELECT thread, count, last FROM reply_counts WHERE room = ? AND thread IN carray(?)"
_REFS: Final = "SELECT seq, ref FROM replies WHERE room = ? AND seq IN carray(?) ORDER BY seq"
_PINS: Final = "SELECT seq FROM pins WHERE room = ? AND seq IN carray(?)"
_PINNED: Final = "SELECT seq FROM pins WHERE room = ? AND seq BETWEEN ? AND ? ORDER BY seq"


def look(database: apsw.Connection, log: int, wanted: Wanted, user: int) -> Looked:
    """Return the ``wanted`` events of ``log`` with what became of them, for ``user``."""
    database.execute("BEGIN")
    try:
        return _look(database, log, wanted, user)
    finally:
        database.execute("COMMIT")


def _look(database: apsw.Connection, log: int, wanted: Wanted, user: int) -> Looked:
    last = [found for found, _ in database.execute(LAST, (key(log, 0), last_key(log)))]
    taken, rest = within(_found(database, log, wanted), PAGE_BYTES)
    seqs = _carray(taken)
    refs = dict(database.execute(_REFS, (log, seqs)))
    quotable = dict.fromkeys(refs[seq] for seq in taken if seq in refs)
    quoted, _ = within(_these(database, log, quotable), QUOTED_BYTES)
    reactions: dict[int, dict[str, int]] = {}
    for seq, emoji, count in database.execute(_COUNTS, (log, seqs)):
        reactions.setdefault(seq, {})[emoji] = count
    return Looked(
        at=last[0] - key(log, 0) if last else 0,
        events={seq: one.event for seq, one in taken.items()},
        edits={seq: one.edit for seq, one in (taken | quoted).items() if one.edit},
        reactions=reactions,
        mine=frozenset(database.execute(_MINE, (log, user, seqs))) if reactions else frozenset(),
        threads={thread: (count, last) for thread, count, last in database.execute(_THREADS, (log, seqs))},
        refs=refs,
        quoted={seq: one.event for seq, one in quoted.items()},
        pins=frozenset(seq for (seq,) in database.execute(_PINS, (log, seqs))),
        rest=rest,
    )


def _found(database: apsw.Connection, log: int, wanted: Wanted) -> Iterator[Found]:
    if isinstance(wanted, Pinned):
        return _these(database, log, [seq for (seq,) in database.execute(_PINNED, (log, *wanted))])
    if not isinstance(wanted, Range):
        return _these(database, log, sorted(set(wanted)))
    if not wanted.thread:
        return _run(database, log, wanted)
    order = f"{'DESC' if wanted.newest else 'ASC'} LIMIT ?"
    bounds = (log, wanted.thread, wanted.first, wanted.last, wanted.limit)
    seqs = [seq for (seq,) in database.execute(_THREAD + order, bounds)]
    if wanted.first <= wanted.thread <= wanted.last:
        seqs.append(wanted.thread)
    return _these(database, log, sorted(seqs, reverse=wanted.newest)[: wanted.limit])


def _these(database: apsw.Connection, log: int, seqs: Iterable[int]) -> Iterator[Found]:
    for seq in seqs:
        frame = _frame(database, log, seq)
        if frame:
            yield Found(seq, frame, _edit(database, log, seq))


def _run(database: apsw.Connection, log: int, wanted: Range) -> Iterator[Found]:
    step = -1 if wanted.newest else 1
    seq, left = wanted.last if wanted.newest else wanted.first, wanted.limit
    end = max(wanted.first, seq - left + 1) if wanted.newest else min(wanted.last, seq + left - 1)
    edits = dict(database.execute(_LAST_EDITS, (log, min(seq, end), max(seq, end))))
    statement = NEWEST_FIRST if wanted.newest else OLDEST_FIRST
    for found, frame in database.execute(statement, (key(log, wanted.first), key(log, wanted.last))):
        if found != key(log, seq) or not left:  # no further than a hole (P2)
            return
        yield Found(seq, frame, _frame(database, log, edits[seq]) if seq in edits else b"")
        seq, left = seq + step, left - 1


def _frame(database: apsw.Connection, log: int, seq: int) -> bytes:
    return next((frame for (frame,) in database.execute(_EVENT, (key(log, seq),))), b"")


def _edit(database: apsw.Connection, log: int, seq: int) -> bytes:
    return next((frame for (frame,) in database.execute(_EDIT, (key(log, 0), log, seq))), b"")


def _carray(numbers: Iterable[int]) -> object:
    """Return ``numbers`` as SQLite's carray takes them: at least one, and -1 is nothing's."""
    return apsw.carray(array("q", [*numbers, -1]))


def facts(database: apsw.Connection, log: int, seq: int, user: int, whole: bool) -> Facts:
    """Return what a decision of ``user`` about event ``seq`` of ``log`` needs to know.

    What its edits say is read only if it is wanted ``whole``.
    """
    database.execute("BEGIN")
    try:
        edits = {by: b"" for (by,) in database.execute(_EDITS_OF, (log, seq))}
        if whole:
            read = {by: _frame(database, log, by) for by in edits}
            edits = {by: frame for by, frame in read.items() if frame}
        return Facts(
            log,
            seq,
            _frame(database, log, seq),
            edits,
            dict(database.execute(_COUNTS_OF, (log, seq))),
            frozenset(emoji for (emoji,) in database.execute(_MINE_OF, (log, user, seq))),
        )
    finally:
        database.execute("COMMIT")
