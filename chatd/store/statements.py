"""Statements: what writes each change, and what reads the rows and the events."""

from collections.abc import Iterator
from typing import Any, Final

from chatd.chat.changes.rows import Change, Erase, PutTime, Reword, Trim
from chatd.chat.storage import TABLES, Table


def _put(table: Table) -> str:
    fields = table.put._fields
    statement = f"INSERT INTO {table.name} VALUES({', '.join('?' * len(fields))})"
    if not table.mutable:
        return statement
    changed = ", ".join(f"{field} = excluded.{field}" for field in table.mutable)
    return f"{statement} ON CONFLICT({', '.join(fields[: table.key])}) DO UPDATE SET {changed}"


def _drop(table: Table, change: type[Any]) -> str:
    """Return what deletes the rows that have the fields of ``change``."""
    return f"DELETE FROM {table.name} WHERE {' = ? AND '.join(change._fields)} = ?"  # noqa: S608


def _statements() -> Iterator[tuple[type[Change], str]]:
    for table in TABLES:
        yield table.put, _put(table)
        for change in (table.drop, table.drop_all):
            if change is not None:
                yield change, _drop(table, change)
        if table.drop_below is not None:
            yield table.drop_below, f"DELETE FROM {table.name} WHERE room = ? AND seq < ?"  # noqa: S608


STATEMENTS: Final[dict[type[Change], str]] = {
    **dict(_statements()),
    Trim: "DELETE FROM events WHERE key >= ?1 << 36 AND key < (?1 << 36) + ?2",
    **dict.fromkeys((Erase, Reword), "UPDATE events SET frame = ?4 WHERE key = (?1 << 36) + ?2 AND ?3"),
    PutTime: (
        "INSERT INTO meta VALUES('lived', ?), ('clock', ?)"
        " ON CONFLICT(name) DO UPDATE SET value = excluded.value"
    ),
}
"""What writes each change; the fields of the change are the parameters, in order."""

LOADS: Final[dict[type[Any], str]] = {
    table.put: f"SELECT {', '.join(table.put._fields)} FROM {table.name}"  # noqa: S608
    for table in TABLES
}
"""What reads all rows of a table, as the fields of the change that puts them."""

ADD_EVENTS: Final = "INSERT INTO events SELECT ? + rowid, value FROM carray(?)"
SET_LAST: Final = "UPDATE sessions SET last = ? WHERE id = ?"
ADD_RUN: Final = f"BEGIN IMMEDIATE; {ADD_EVENTS}; {SET_LAST}"
"""Begins a transaction with what one session has said in one room: most have nothing else."""

SET_MARK: Final = (
    "INSERT INTO meta VALUES('place', ?), ('effect', ?)"
    " ON CONFLICT(name) DO UPDATE SET value = excluded.value"
)

COUNT_USERS: Final = """
CREATE TEMP TRIGGER last_user AFTER DELETE ON main.users BEGIN
    INSERT INTO meta VALUES('last_user', OLD.id) ON CONFLICT(name)
    DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER));
END
"""
"""What keeps the highest id of users who were dropped, for the connection that writes."""

LAST_SESSION: Final = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'sessions'"

OLDEST_FIRST: Final = "SELECT key, frame FROM events WHERE key BETWEEN ? AND ? ORDER BY key"
NEWEST_FIRST: Final = "SELECT key, frame FROM events WHERE key BETWEEN ? AND ? ORDER BY key DESC"
LAST: Final = "SELECT key, frame FROM events WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1"
