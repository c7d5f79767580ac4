"""Dropping: deletes the reactions to events that go, however many they are, without counting them down.

SQLite's triggers count each reaction that is deleted (`chatd.store.schema`). Where all of an event go, that
would take most of the time of the commit.
"""

from typing import Final

import apsw

from chatd.chat.changes.rows import DropReactions, DropReactionsBelow
from chatd.store.schema import STATEMENTS

_COUNTED: Final = "SELECT 1 FROM reaction_counts WHERE room = ? AND seq {} ? LIMIT 1"
_FORGET: Final = "DELETE FROM reaction_counts WHERE room = ? AND seq {} ?"


def drop_reactions(database: apsw.Connection, change: DropReactions | DropReactionsBelow) -> None:
    """Delete the reactions that ``change`` drops, and how many they were."""
    sign = "=" if isinstance(change, DropReactions) else "<"
    if not any(database.execute(_COUNTED.format(sign), change)):
        return
    database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    try:
        database.execute(_FORGET.format(sign), change)
        database.execute(STATEMENTS[type(change)], change)
    finally:
        database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
