"""Looking: reads events with what became of them, in one transaction, so that all of it is of one moment."""

from array import array
from collections.abc import Iterable, Mapping
from typing import Any, Final

import apsw

from chatd.chat.facts import Facts
from chatd.chat.looked import Looked, Range, Wanted
from chatd.store.schema import LAST, NEWEST_FIRST, OLDEST_FIRST, SEQ_BITS, key, last_key

_EVENTS: Final = "SELECT key, frame FROM events WHERE key IN carray(?)"
_EVENT: Final = "SELECT frame FROM events WHERE key = ?"
_THREAD: Final = "SELECT seq FROM replies WHERE room = ? AND thread = ? AND seq BETWEEN ? AND ? ORDER BY seq "
_EDITS: Final = "SELECT seq, max(by) FROM edits WHERE room = ? AND seq IN carray(?) GROUP BY seq"
_EDITS_OF: Final = "SELECT by FROM edits WHERE room = ? AND seq = ? ORDER BY by"
_COUNTS: Final = "SELECT seq, emoji, count FROM reaction_counts WHERE room = ? AND seq IN carray(?)"
_COUNTS_OF: Final = "SELECT emoji, count FROM reaction_counts WHERE room = ? AND seq = ?"
_MINE: Final = "SELECT seq, emoji FROM reactions WHERE room = ? AND user = ? AND seq IN carray(?)"
_MINE_OF: Final = "SELECT emoji FROM reactions WHERE room = ? AND user = ? AND seq = ?"
_THREADS: Final = "SELECT thread, count, last FROM reply_counts WHERE room = ? AND thread IN carray(?)"
_REFS: Final = "SELECT seq, ref FROM replies WHERE room = ? AND seq IN carray(?)"


def look(database: apsw.Connection, log: int, wanted: Wanted, user: int) -> Looked:
    """Return the ``wanted`` events of ``log`` with what became of them, for ``user``."""
    database.execute("BEGIN")
    try:
        return _look(database, log, wanted, user)
    finally:
        database.execute("COMMIT")


def _look(database: apsw.Connection, log: int, wanted: Wanted, user: int) -> Looked:
    last = [found for found, _ in database.execute(LAST, (key(log, 0), last_key(log)))]
    events = _wanted(database, log, wanted)
    seqs = _carray(events)
    refs = dict(database.execute(_REFS, (log, seqs)))
    edited = dict(database.execute(_EDITS, (log, _carray({*events, *refs.values()}))))
    edits = _events(database, log, edited.values())
    reactions: dict[int, dict[str, int]] = {}
    for seq, emoji, count in database.execute(_COUNTS, (log, seqs)):
        reactions.setdefault(seq, {})[emoji] = count
    return Looked(
        at=last[0] - key(log, 0) if last else 0,
        events=events,
        edits={seq: edits[by] for seq, by in edited.items() if by in edits},
        reactions=reactions,
        mine=frozenset(database.execute(_MINE, (log, user, seqs))) if reactions else frozenset(),
        threads={thread: (count, last) for thread, count, last in database.execute(_THREADS, (log, seqs))},
        refs=refs,
        quoted=_events(database, log, refs.values()),
    )


def _wanted(database: apsw.Connection, log: int, wanted: Wanted) -> dict[int, bytes]:
    if not isinstance(wanted, Range):
        return _events(database, log, wanted)
    if wanted.thread:
        order = f"{'DESC' if wanted.newest else 'ASC'} LIMIT ?"
        bounds = (log, wanted.thread, wanted.first, wanted.last, wanted.limit)
        seqs = [seq for (seq,) in database.execute(_THREAD + order, bounds)]
        if wanted.first <= wanted.thread <= wanted.last:
            seqs.append(wanted.thread)
        return _events(database, log, sorted(seqs, reverse=wanted.newest)[: wanted.limit])
    statement = NEWEST_FIRST if wanted.newest else OLDEST_FIRST
    step = -1 if wanted.newest else 1
    awaited = wanted.last if wanted.newest else wanted.first
    events: dict[int, bytes] = {}
    for found, frame in database.execute(statement, (key(log, wanted.first), key(log, wanted.last))):
        if found != key(log, awaited) or len(events) == wanted.limit:  # no further than a hole (P2)
            break
        events[awaited] = frame
        awaited += step
    return events


def _events(database: apsw.Connection, log: int, seqs: Iterable[int]) -> dict[int, bytes]:
    rows: Iterable[Any] = database.execute(_EVENTS, (_carray(key(log, seq) for seq in seqs),))
    return {found - (log << SEQ_BITS): frame for found, frame in rows}


def _carray(numbers: Iterable[int]) -> object:
    """Return ``numbers`` as SQLite's carray takes them: at least one, and -1 is nothing's."""
    return apsw.carray(array("q", [*numbers, -1]))


def facts(database: apsw.Connection, log: int, seq: int, user: int) -> Facts:
    """Return what a decision of ``user`` about event ``seq`` of ``log`` needs to know."""
    database.execute("BEGIN")
    try:
        stored = next((frame for (frame,) in database.execute(_EVENT, (key(log, seq),))), b"")
        numbers = [by for (by,) in database.execute(_EDITS_OF, (log, seq))]
        edits: Mapping[int, bytes] = _events(database, log, numbers)
        return Facts(
            log,
            seq,
            stored,
            {by: edits[by] for by in numbers if by in edits},
            dict(database.execute(_COUNTS_OF, (log, seq))),
            frozenset(emoji for (emoji,) in database.execute(_MINE_OF, (log, user, seq))),
        )
    finally:
        database.execute("COMMIT")
