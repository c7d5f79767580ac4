"""Tallying: which events count, as rows tell it, and of the events themselves what these do not tell.

Likewise which replies may be unread in the threads that are followed.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

import apsw

from chatd.chat.changes.rows import PutTally
from chatd.chat.counting import completed
from chatd.chat.storage import StoredRoom
from chatd.store.schema import key
from chatd.store.statements import LOADS

_COUNTED: Final = """
SELECT group_concat(key - ?1) FROM events WHERE key BETWEEN ?1 + ?2 AND ?1 + ?3
    AND (instr(frame, CAST(',"kind":"message",' AS BLOB)) OR instr(frame, CAST(',"kind":"file",' AS BLOB)))
"""
"""Finds the events that count. Nothing else looks so in JSON: within a string quotes are escaped."""

_REPLIES: Final = """
SELECT replies.room, replies.thread, replies.seq FROM (
    SELECT threads.room AS room, threads.seq AS thread, min(max(threads.read, members.read)) AS read
    FROM threads JOIN members USING(room, user) GROUP BY threads.room, threads.seq
) AS wanted CROSS JOIN replies
ON replies.room = wanted.room AND replies.thread = wanted.thread AND replies.seq > wanted.read
ORDER BY replies.room, replies.thread, replies.seq
"""


def unread_replies(database: apsw.Connection) -> list[tuple[int, int, int]]:
    """Return log, thread and number of each reply that some follower may not have read, in order."""
    return list(database.execute(_REPLIES))


def tallies(database: apsw.Connection, rooms: Iterable[StoredRoom]) -> tuple[list[PutTally], dict[int, int]]:
    """Return the rows of ``rooms``, complete, and by log the first event that the disk's did not tell."""
    known: dict[int, dict[int, PutTally]] = {}
    for row in database.execute(LOADS[PutTally]):
        known.setdefault(row[0], {})[row[1]] = PutTally(*row)
    found: list[PutTally] = []
    lacking: dict[int, int] = {}
    counted = partial(_counted, database)
    for stored in rooms:
        log, first = stored.room.id, stored.room.first
        rows, lacks = completed(log, first, max(stored.head, first - 1), known.get(log, {}), counted)
        found += rows
        if lacks:
            lacking[log] = lacks
    return found, lacking


def _counted(database: apsw.Connection, log: int, first: int, last: int) -> list[int]:
    ((found,),) = database.execute(_COUNTED, (key(log, 0), first, last))
    return [] if found is None else list(map(int, found.split(",")))
