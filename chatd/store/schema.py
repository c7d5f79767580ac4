"""The tables, and the steps to them from older ones."""

from collections.abc import Callable
from typing import Final

import apsw

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
"""What version 2 lacks: since when events and uploads are there. Existing ones count as new."""

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
"""What version 3 lacks: accounts.

Whoever has a session by then becomes an account without a password; only a session whose client may never
have received its token counts as none.
"""

_EMPTIED: Final = """
CREATE TABLE emptied(
    room INTEGER PRIMARY KEY, last INTEGER NOT NULL, ts INTEGER NOT NULL, proof TEXT NOT NULL
) STRICT;
"""
"""What version 4 lacks: the last events of logs of which nothing is left, from now on."""

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
"""What version 5 lacks: rules of rooms, roles of members, bans, mutes, invitations and blocks.

Rooms stay public and have no owner.
"""

_SHOWN: Final = """
ALTER TABLE nicks ADD COLUMN shown TEXT NOT NULL DEFAULT '';
"""
"""What version 6 lacks: how the nicks that an account had were shown, from now on."""

_CERTIFICATES: Final = """
CREATE TABLE certificates(
    user INTEGER NOT NULL, fingerprint TEXT NOT NULL, name TEXT NOT NULL, added INTEGER NOT NULL,
    PRIMARY KEY (user, fingerprint)
) STRICT, WITHOUT ROWID;
"""
"""What version 7 lacks: certificates that open accounts."""

_PLACES: Final = """
CREATE TABLE places(
    user INTEGER NOT NULL, network TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (user, network)
) STRICT, WITHOUT ROWID;
"""
"""What version 8 lacks: the networks from which accounts are logged in to, from now on."""

_SINCE: Final = """
ALTER TABLE nicks ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
"""
"""What version 9 lacks: since when a nick is an account's. The file was written anew before.

Its free parts may have held what was said; from now on what is deleted is overwritten too.
"""

_ERASURES: Final = """
CREATE TABLE erasures(
    user INTEGER PRIMARY KEY, room INTEGER NOT NULL, seq INTEGER NOT NULL, sessions TEXT NOT NULL
) STRICT;
"""
"""What version 10 lacks: how far the erasure of what accounts have said has come."""

_SIZES: Final = """
CREATE TABLE sizes(room INTEGER PRIMARY KEY, seq INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
"""
"""What version 11 lacks: how many bytes the events of each log take; they are counted once."""

_ADDRESS_BANS: Final = """
CREATE TABLE address_bans(
    network TEXT PRIMARY KEY, until INTEGER NOT NULL, since INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
"""What version 12 lacks: bans of addresses from the server."""

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
"""What version 13 lacks: edits, reactions, replies and pins, and how many of them there are."""

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
"""What version 15 lacks: who may mention everybody in a room."""

_LABELS: Final = "ALTER TABLE sessions ADD COLUMN label TEXT NOT NULL DEFAULT ''"
"""What version 16 lacks: what people call the devices of their sessions."""

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
"""What version 17 lacks: hooks, and the keys of their posts."""

_STATUSES: Final = """
CREATE TABLE statuses(
    user INTEGER PRIMARY KEY, state TEXT NOT NULL, text TEXT NOT NULL, until INTEGER NOT NULL
) STRICT;
"""
"""What version 18 lacks: who is away or busy."""

_COUNTS: Final = """
CREATE TABLE tallies(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, upto INTEGER NOT NULL, bits BLOB NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE mentions(
    room INTEGER NOT NULL, user INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (room, user, seq)
) STRICT, WITHOUT ROWID;
"""
"""What version 19 lacks: which events count, still empty, and unread mentions, from now on.

What is not in there is counted when the daemon starts.
"""

_DROPPING: Final = """
CREATE TABLE dropping(
    room INTEGER NOT NULL, seq INTEGER NOT NULL, below INTEGER NOT NULL, PRIMARY KEY (room, seq, below)
) STRICT, WITHOUT ROWID;
"""
"""What version 20 lacks: which reactions are still to be deleted (`chatd.store.dropping`)."""

_STALE: Final = "CREATE TABLE stale(key INTEGER PRIMARY KEY, frame BLOB NOT NULL, edit BLOB) STRICT"
"""What version 21 lacks: what is still to leave the index of words (`chatd.store.index.leaving`)."""

_THREADS: Final = """
CREATE TABLE threads(
    room INTEGER NOT NULL, user INTEGER NOT NULL, seq INTEGER NOT NULL, read INTEGER NOT NULL,
    at INTEGER NOT NULL, off INTEGER NOT NULL, PRIMARY KEY (room, user, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX threads_by_event ON threads(room, seq);
"""
"""What version 22 lacks: the threads that users follow, from now on."""

_CURSORS: Final = """
CREATE TABLE cursors(
    session INTEGER NOT NULL, room INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (session, room)
) STRICT, WITHOUT ROWID;
"""
"""What version 23 lacks: how far clients are that keep no cursors themselves."""

_BY_USER: Final = "CREATE INDEX members_by_user ON members(user)"
"""What version 24 lacks: which rooms somebody is in, without a look at all memberships."""

_SCRAMS: Final = """
CREATE TABLE scrams(user INTEGER PRIMARY KEY, verifier TEXT NOT NULL) STRICT;
INSERT INTO meta VALUES('salts', lower(hex(randomblob(32)))) ON CONFLICT DO NOTHING;
"""
"""What version 25 lacks: what passwords are verified by over SCRAM, and the secret that salts are made of."""

_METADATA: Final = """
CREATE TABLE metadata(
    owner TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
"""
"""What version 26 lacks: what users and rooms say of themselves by keys."""

Step = str | Callable[[apsw.Connection], object]
"""What is executed, or what does it."""


def _add_files(database: apsw.Connection) -> None:
    """Add the tables and columns that version 1 lacks.

    Some files of version 1, made before anything was released, have parts of them.
    """
    if "begun_by" not in {row[1] for row in database.execute("PRAGMA table_info(rooms)")}:
        database.execute("ALTER TABLE rooms ADD COLUMN begun_by INTEGER NOT NULL DEFAULT 0")
    database.execute(_FILES)


def _add_index(database: apsw.Connection) -> None:
    """Add what version 14 lacks: the index of words, still empty. It is filled while the daemon runs."""
    database.execute(_INDEXED)
    add_words(database)


def add_words(database: apsw.Connection) -> None:
    """Add an empty index of words."""
    for statement in _WORDS:
        database.execute(statement)


STEPS: Final[tuple[Step, ...]] = (
    _TABLES,
    _add_files,
    _AGES,
    _ACCOUNTS,
    _EMPTIED,
    _ROLES,
    _SHOWN,
    _CERTIFICATES,
    _PLACES,
    _SINCE,
    _ERASURES,
    _SIZES,
    _ADDRESS_BANS,
    _RELATIONS,
    _add_index,
    _CALLING,
    _LABELS,
    _HOOKS,
    _STATUSES,
    _COUNTS,
    _DROPPING,
    _STALE,
    _THREADS,
    _CURSORS,
    _BY_USER,
    _SCRAMS,
    _METADATA,
)
"""The steps from each version of the tables to the next."""

VERSION: Final = len(STEPS)
"""The version of the tables, kept in SQLite's user_version; a file with a higher one is refused."""


OVERWRITING: Final = 10
"""The first version in whose files all that is deleted is overwritten; older files are written anew."""


def is_of_index(fault: str) -> bool:
    """Return whether what SQLite finds wrong with a file is in the index of words, which can be made anew."""
    return fault.startswith("fts5:") and fault.endswith('table "words"')


def key(log: int, seq: int) -> int:
    """Return the key of event ``seq`` of ``log``: one log's events lie side by side."""
    return (log << SEQ_BITS) + seq


def last_key(log: int) -> int:
    """Return the highest key that ``log`` may have."""
    return ((log + 1) << SEQ_BITS) - 1
