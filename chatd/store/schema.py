"""The tables, the steps to them from older ones, and the rows that a change of chat becomes."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import apsw

from chatd.chat.changes.rows import Change, Erase, PutTime, Reword, Trim
from chatd.chat.storage import TABLES, Table

SEQ_BITS: Final = 36
"""Bits of an event's key below its log's id: 68 thousand million events in each of 134 million logs."""

_TABLES: Final = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE users(id INTEGER PRIMARY KEY, nick TEXT NOT NULL, key TEXT UNIQUE);
CREATE TABLE sessions(
    id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, digest BLOB NOT NULL UNIQUE,
    last INTEGER NOT NULL, seen INTEGER NOT NULL
);
CREATE TABLE rooms(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, first INTEGER NOT NULL,
    begun_by INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE members(
    room INTEGER NOT NULL, user INTEGER NOT NULL, read INTEGER NOT NULL, PRIMARY KEY (room, user)
) WITHOUT ROWID;
CREATE TABLE events(key INTEGER PRIMARY KEY, frame BLOB NOT NULL);
"""

_FILES: Final = """
CREATE TABLE IF NOT EXISTS files(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, sha256 TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, media TEXT NOT NULL, PRIMARY KEY (room, seq)
) WITHOUT ROWID;
"""

_AGES: Final = """
CREATE TABLE marks(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (room, seq)
) WITHOUT ROWID;
CREATE TABLE uploads(
    user INTEGER NOT NULL, sha256 TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (user, sha256)
) WITHOUT ROWID;
"""

_ACCOUNTS: Final = """
CREATE TABLE accounts(
    user INTEGER PRIMARY KEY, password TEXT NOT NULL, flags INTEGER NOT NULL, created INTEGER NOT NULL,
    invited_by INTEGER NOT NULL, failed INTEGER NOT NULL
) STRICT;
CREATE TABLE nicks(key TEXT PRIMARY KEY, user INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE invites(
    digest BLOB PRIMARY KEY, by INTEGER NOT NULL, uses INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN software TEXT NOT NULL DEFAULT '';
INSERT INTO accounts SELECT id, '', 0, 0, 0, 0 FROM users
    WHERE key IS NOT NULL AND id IN (SELECT user FROM sessions WHERE seen > 0);
INSERT INTO nicks SELECT key, id FROM users WHERE id IN (SELECT user FROM accounts);
"""

_EMPTIED: Final = """
CREATE TABLE emptied(
    room INTEGER PRIMARY KEY, last INTEGER NOT NULL, ts INTEGER NOT NULL, proof TEXT NOT NULL
) STRICT;
"""

_ROLES: Final = """
ALTER TABLE rooms ADD COLUMN kind TEXT NOT NULL DEFAULT 'public';
ALTER TABLE rooms ADD COLUMN history TEXT NOT NULL DEFAULT 'all';
ALTER TABLE rooms ADD COLUMN slow INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN posting INTEGER NOT NULL DEFAULT 3;
ALTER TABLE rooms ADD COLUMN titling INTEGER NOT NULL DEFAULT 3;
ALTER TABLE rooms ADD COLUMN keep_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN role INTEGER NOT NULL DEFAULT 3;
ALTER TABLE members ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
CREATE TABLE acts(
    room INTEGER NOT NULL, what TEXT NOT NULL, whom TEXT NOT NULL, user INTEGER NOT NULL,
    until INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (room, what, whom)
) STRICT, WITHOUT ROWID;
CREATE TABLE blocks(
    user INTEGER NOT NULL, whom INTEGER NOT NULL, PRIMARY KEY (user, whom)
) STRICT, WITHOUT ROWID;
CREATE TABLE allows(user INTEGER PRIMARY KEY, direct TEXT NOT NULL) STRICT;
"""

_SHOWN: Final = """
ALTER TABLE nicks ADD COLUMN shown TEXT NOT NULL DEFAULT '';
"""

_CERTIFICATES: Final = """
CREATE TABLE certificates(
    user INTEGER NOT NULL, fingerprint TEXT NOT NULL, name TEXT NOT NULL, added INTEGER NOT NULL,
    PRIMARY KEY (user, fingerprint)
) STRICT, WITHOUT ROWID;
"""

_PLACES: Final = """
CREATE TABLE places(
    user INTEGER NOT NULL, network TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (user, network)
) STRICT, WITHOUT ROWID;
"""

_SINCE: Final = """
ALTER TABLE nicks ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
"""

_ERASURES: Final = """
CREATE TABLE erasures(
    user INTEGER PRIMARY KEY, room INTEGER NOT NULL, seq INTEGER NOT NULL, sessions TEXT NOT NULL
) STRICT;
"""

_SIZES: Final = """
CREATE TABLE sizes(room INTEGER PRIMARY KEY, seq INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
"""

_ADDRESS_BANS: Final = """
CREATE TABLE address_bans(
    network TEXT PRIMARY KEY, until INTEGER NOT NULL, since INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

_RELATIONS: Final = """
CREATE TABLE edits(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, by INTEGER NOT NULL, PRIMARY KEY (room, seq, by)
) STRICT, WITHOUT ROWID;
CREATE TABLE reactions(
    room INTEGER NOT NULL, user INTEGER NOT NULL, seq INTEGER NOT NULL, emoji TEXT NOT NULL,
    by INTEGER NOT NULL, PRIMARY KEY (room, user, seq, emoji)
) STRICT, WITHOUT ROWID;
CREATE INDEX reactions_by_event ON reactions(room, seq);
CREATE TABLE reaction_counts(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, emoji TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (room, seq, emoji)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER reacted AFTER INSERT ON reactions BEGIN
    INSERT INTO reaction_counts VALUES(NEW.room, NEW.seq, NEW.emoji, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER unreacted AFTER DELETE ON reactions BEGIN
    UPDATE reaction_counts SET count = count - 1
        WHERE room = OLD.room AND seq = OLD.seq AND emoji = OLD.emoji;
    DELETE FROM reaction_counts
        WHERE room = OLD.room AND seq = OLD.seq AND emoji = OLD.emoji AND count = 0;
END;
CREATE TABLE replies(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, thread INTEGER NOT NULL, ref INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX replies_by_thread ON replies(room, thread, seq);
CREATE TABLE reply_counts(
    room INTEGER NOT NULL, thread INTEGER NOT NULL, count INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (room, thread)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER replied AFTER INSERT ON replies BEGIN
    INSERT INTO reply_counts VALUES(NEW.room, NEW.thread, 1, NEW.seq)
    ON CONFLICT DO UPDATE SET count = count + 1, last = max(last, excluded.last);
END;
CREATE TRIGGER unreplied AFTER DELETE ON replies BEGIN
    UPDATE reply_counts SET count = count - 1, last = coalesce(
        (SELECT max(seq) FROM replies WHERE room = OLD.room AND thread = OLD.thread), 0
    ) WHERE room = OLD.room AND thread = OLD.thread;
    DELETE FROM reply_counts WHERE room = OLD.room AND thread = OLD.thread AND count = 0;
END;
CREATE TABLE pins(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, by INTEGER NOT NULL, PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
"""

_INDEXED: Final = (
    "CREATE TABLE indexed(room INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL) STRICT"
)
"""Which events of each log the index of words has."""

_WORDS: Final = (
    """CREATE VIRTUAL TABLE words USING fts5(
        terms, content='', columnsize=0, detail=none, tokenize=ascii
    )""",
    "INSERT INTO words(words, rank) VALUES('secure-delete', 1)",
    "INSERT INTO words(words, rank) VALUES('automerge', 0)",
    "INSERT INTO words(words, rank) VALUES('usermerge', 8)",
    "INSERT INTO words(words, rank) VALUES('crisismerge', 1000000)",
)
"""The index of words: by the key of an event its terms, which `chatd.search` makes.

What is merged and when is `chatd.store.index.index`'s to say, since nobody waits for that.
"""

_CALLING: Final = "ALTER TABLE rooms ADD COLUMN calling INTEGER NOT NULL DEFAULT 4"

_STATUSES: Final = """
CREATE TABLE statuses(
    user INTEGER PRIMARY KEY, state TEXT NOT NULL, text TEXT NOT NULL, until INTEGER NOT NULL
) STRICT;
"""

_LABELS: Final = "ALTER TABLE sessions ADD COLUMN label TEXT NOT NULL DEFAULT ''"

_HOOKS: Final = """
CREATE TABLE hooks(
    id INTEGER PRIMARY KEY, room INTEGER NOT NULL, name TEXT NOT NULL, user INTEGER NOT NULL,
    digest BLOB NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, by TEXT NOT NULL, made INTEGER NOT NULL,
    cursor INTEGER NOT NULL, failing INTEGER NOT NULL, off INTEGER NOT NULL
) STRICT;
CREATE TABLE hook_keys(
    hook INTEGER NOT NULL, key BLOB NOT NULL, seq INTEGER NOT NULL, ts INTEGER NOT NULL,
    PRIMARY KEY (hook, key)
) STRICT, WITHOUT ROWID;
"""

_COUNTS: Final = """
CREATE TABLE tallies(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, upto INTEGER NOT NULL, bits BLOB NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE mentions(
    room INTEGER NOT NULL, user INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (room, user, seq)
) STRICT, WITHOUT ROWID;
"""


_DROPPING: Final = """
CREATE TABLE dropping(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, below INTEGER NOT NULL, PRIMARY KEY (room, seq, below)
) STRICT, WITHOUT ROWID;
"""
"""The reactions that go behind the commit that took them away: see `chatd.store.dropping`."""

_STALE: Final = "CREATE TABLE stale(key INTEGER PRIMARY KEY, frame BLOB NOT NULL, edit BLOB) STRICT"
"""What the index of words still has of events that were erased or cut: see `chatd.store.index.leaving`."""


_THREADS: Final = """
CREATE TABLE threads(
    room INTEGER NOT NULL, user INTEGER NOT NULL, seq INTEGER NOT NULL, read INTEGER NOT NULL,
    at INTEGER NOT NULL, off INTEGER NOT NULL, PRIMARY KEY (room, user, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX threads_by_event ON threads(room, seq);
"""

Step = Callable[[apsw.Connection], object]


def _begin(database: apsw.Connection) -> None:
    database.execute(_TABLES)


def _add_files(database: apsw.Connection) -> None:
    """Add the tables and columns that version 1 lacks.

    Some files of version 1, made before anything was released, have parts of them.
    """
    if "begun_by" not in {row[1] for row in database.execute("PRAGMA table_info(rooms)")}:
        database.execute("ALTER TABLE rooms ADD COLUMN begun_by INTEGER NOT NULL DEFAULT 0")
    database.execute(_FILES)


def _add_ages(database: apsw.Connection) -> None:
    """Add what version 2 lacks: since when events and uploads are there. Existing ones count as new."""
    database.execute(_AGES)


def _add_accounts(database: apsw.Connection) -> None:
    """Add what version 3 lacks: accounts.

    Whoever has a session by then becomes an account without a password; only a session whose client may never
    have received its token counts as none.
    """
    database.execute(_ACCOUNTS)


def _add_emptied(database: apsw.Connection) -> None:
    """Add what version 4 lacks: the last events of logs of which nothing is left, from now on."""
    database.execute(_EMPTIED)


def _add_roles(database: apsw.Connection) -> None:
    """Add what version 5 lacks: rules of rooms, roles of members, bans, mutes, invitations and blocks.

    Rooms stay public and have no owner.
    """
    database.execute(_ROLES)


def _add_shown(database: apsw.Connection) -> None:
    """Add what version 6 lacks: how the nicks that an account had were shown, from now on."""
    database.execute(_SHOWN)


def _add_certificates(database: apsw.Connection) -> None:
    """Add what version 7 lacks: certificates that open accounts."""
    database.execute(_CERTIFICATES)


def _add_places(database: apsw.Connection) -> None:
    """Add what version 8 lacks: the networks from which accounts are logged in to, from now on."""
    database.execute(_PLACES)


def _add_since(database: apsw.Connection) -> None:
    """Add what version 9 lacks: since when a nick is an account's. The file was written anew before.

    Its free parts may have held what was said; from now on what is deleted is overwritten too.
    """
    database.execute(_SINCE)


def _add_erasures(database: apsw.Connection) -> None:
    """Add what version 10 lacks: how far the erasure of what accounts have said has come."""
    database.execute(_ERASURES)


def _add_sizes(database: apsw.Connection) -> None:
    """Add what version 11 lacks: how many bytes the events of each log take; they are counted once."""
    database.execute(_SIZES)


def _add_address_bans(database: apsw.Connection) -> None:
    """Add what version 12 lacks: bans of addresses from the server."""
    database.execute(_ADDRESS_BANS)


def _add_relations(database: apsw.Connection) -> None:
    """Add what version 13 lacks: edits, reactions, replies and pins, and how many of them there are."""
    database.execute(_RELATIONS)


def _add_index(database: apsw.Connection) -> None:
    """Add what version 14 lacks: the index of words, still empty. It is filled while the daemon runs."""
    database.execute(_INDEXED)
    add_words(database)


def add_words(database: apsw.Connection) -> None:
    """Add an empty index of words."""
    for statement in _WORDS:
        database.execute(statement)


def _add_calling(database: apsw.Connection) -> None:
    """Add what version 15 lacks: who may mention everybody in a room."""
    database.execute(_CALLING)


def _add_labels(database: apsw.Connection) -> None:
    """Add what version 16 lacks: what people call the devices of their sessions."""
    database.execute(_LABELS)


def _add_hooks(database: apsw.Connection) -> None:
    """Add what version 17 lacks: hooks, and the keys of their posts."""
    database.execute(_HOOKS)


def _add_statuses(database: apsw.Connection) -> None:
    """Add what version 18 lacks: who is away or busy."""
    database.execute(_STATUSES)


def _add_counts(database: apsw.Connection) -> None:
    """Add what version 19 lacks: which events count, still empty, and unread mentions, from now on.

    What is not in there is counted when the daemon starts.
    """
    database.execute(_COUNTS)


def _add_dropping(database: apsw.Connection) -> None:
    """Add what version 20 lacks: which reactions are still to be deleted."""
    database.execute(_DROPPING)


def _add_stale(database: apsw.Connection) -> None:
    """Add what version 21 lacks: what is still to leave the index of words."""
    database.execute(_STALE)


def _add_threads(database: apsw.Connection) -> None:
    """Add what version 22 lacks: the threads that users follow, from now on."""
    database.execute(_THREADS)


STEPS: Final[tuple[Step, ...]] = (
    _begin,
    _add_files,
    _add_ages,
    _add_accounts,
    _add_emptied,
    _add_roles,
    _add_shown,
    _add_certificates,
    _add_places,
    _add_since,
    _add_erasures,
    _add_sizes,
    _add_address_bans,
    _add_relations,
    _add_index,
    _add_calling,
    _add_labels,
    _add_hooks,
    _add_statuses,
    _add_counts,
    _add_dropping,
    _add_stale,
    _add_threads,
)
"""The steps from each version of the tables to the next."""

VERSION: Final = len(STEPS)
"""The version of the tables, kept in SQLite's user_version; a file with a higher one is refused."""


OVERWRITING: Final = 10
"""The first version in whose files all that is deleted is overwritten; older files are written anew."""


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


def is_of_index(fault: str) -> bool:
    """Return whether what SQLite finds wrong with a file is in the index of words, which can be made anew."""
    return fault.startswith("fts5:") and fault.endswith('table "words"')


def key(log: int, seq: int) -> int:
    """Return the key of event ``seq`` of ``log``: one log's events lie side by side."""
    return (log << SEQ_BITS) + seq


def last_key(log: int) -> int:
    """Return the highest key that ``log`` may have."""
    return ((log + 1) << SEQ_BITS) - 1
