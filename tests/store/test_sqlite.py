"""The store: durable as a whole or not at all, pages from both ends, one daemon at a time, private files."""

import os
import shutil
import subprocess
import sys
import time
from threading import Event, Thread

import apsw
import pytest

from chatd.chat.changes.rows import (
    DropMark,
    DropMarks,
    DropMember,
    DropMetadata,
    DropSession,
    DropUpload,
    DropUser,
    PutEmptied,
    PutFile,
    PutMark,
    PutMember,
    PutMetadata,
    PutRoom,
    PutScram,
    PutSession,
    PutTime,
    PutUpload,
    PutUser,
    Trim,
)
from chatd.chat.storage import Changes, Mark, StoreError
from chatd.store import schema
from chatd.store.folder import LOCK_PAUSE, lock_folder
from chatd.store.sqlite import SqliteStore
from tests.store.driven import Heard

FRAMES = [f"frame {n}".encode() * n for n in range(1, 31)]


def events(log, first, frames):
    return Changes(events=[(log, first, frames)])


def put(*changes):
    return Changes(others=list(changes))


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_new_store_is_empty_and_has_a_name(open_store, tmp_path):
    first = open_store()
    snapshot = first.store.load()
    assert not (snapshot.rooms or any(snapshot.rows.values()))
    assert len(snapshot.server) == 16
    first.close()
    assert open_store().store.load().server == snapshot.server
    assert open_store(tmp_path / "other").store.load().server != snapshot.server


def test_what_was_put_is_loaded_again(open_store):
    store = open_store()
    changes = Changes(
        events=[(7, 1, FRAMES[:3]), (9, 1, FRAMES[:1])],
        sends=[(3, 5)],
        others=[
            PutUser(1, "Ann", "ann"),
            PutUser(2, "Bob", None),
            PutSession(5, 1, b"\x00digest\xff", 0, 17),
            PutRoom(7, "#a", "", 1),
            PutRoom(9, "@1+2", "tøpic", 1),
            PutRoom(11, "#empty", "", 1),
            PutMember(7, 1, 3),
            PutMember(9, 2, 0),
        ],
    )
    assert store.append(changes) is None
    before = store.store.load()
    store.close()
    snapshot = open_store().store.load()
    assert snapshot == before
    assert snapshot.of(PutUser) == [PutUser(1, "Ann", "ann"), PutUser(2, "Bob", None)]
    assert snapshot.of(PutSession) == [PutSession(5, 1, b"\x00digest\xff", 3, 17)]
    assert [(room.room.name, room.head) for room in snapshot.rooms] == [("#a", 3), ("@1+2", 1), ("#empty", 0)]
    assert sorted(snapshot.memberships()) == [PutMember(7, 1, 3), PutMember(9, 2, 0)]


def test_a_session_put_again_keeps_its_last_send(open_store):
    store = open_store()
    store.append(put(PutSession(5, 1, b"d", 0, 17)))
    store.append(Changes(sends=[(40, 5)]))
    store.append(put(PutSession(5, 1, b"d", 12, 18)))
    assert store.store.load().of(PutSession) == [PutSession(5, 1, b"d", 40, 18)]


def test_changes_come_in_order(open_store):
    store = open_store()
    store.append(
        put(
            PutMember(7, 1, 3),
            DropMember(7, 1),
            PutMember(7, 1, 4),
            PutSession(5, 1, b"d", 0, 1),
            DropSession(5),
            PutUser(1, "a", "a"),
            PutUser(1, "b", "b"),
            PutRoom(7, "#a", "one", 1),
            PutRoom(7, "#a", "two", 3),
        )
    )
    snapshot = store.store.load()
    assert list(snapshot.memberships()) == [PutMember(7, 1, 4)]
    assert snapshot.of(PutSession) == []
    assert snapshot.of(PutUser) == [PutUser(1, "b", "b")]
    assert [room.room for room in snapshot.rooms] == [PutRoom(7, "#a", "two", 3)]


@pytest.mark.parametrize("newest", [False, True])
def test_pages_hold_about_as_many_bytes_as_wanted(open_store, newest):
    store = open_store()
    store.append(events(7, 1, FRAMES))
    pages, low, high = [], 1, len(FRAMES)
    while low <= high:
        page = store.read(7, low, high, 600, newest=newest)
        assert page
        assert len(page) == 1 or sum(map(len, page)) <= 600
        if newest:
            pages[:0] = page
            high -= len(page)
        else:
            pages += page
            low += len(page)
    assert pages == FRAMES


def test_a_page_has_one_event_at_the_least(open_store):
    store = open_store()
    store.append(events(7, 1, FRAMES))
    assert store.read(7, 10, 30, 1) == FRAMES[9:10]
    assert store.read(7, 10, 20, 1, newest=True) == FRAMES[19:20]


def test_pages_stay_within_one_log(open_store):
    store = open_store()
    for log in (6, 7, 8):
        store.append(events(log, 1, [f"{log}: {n}".encode() for n in range(3)]))
    assert store.read(7, 1, 2**36 - 1) == [b"7: 0", b"7: 1", b"7: 2"]
    assert store.read(7, 4, 9) == []
    assert store.read(99, 1, 9) == []


@pytest.mark.parametrize(
    "wrong",
    [
        Changes(events=[(7, 4, FRAMES[3:5]), (7, 2, FRAMES[:1])]),
        Changes(events=[(7, 4, FRAMES[3:5])], others=[PutUser(2, "Ann", "ann")]),
        Changes(events=[(7, 4, FRAMES[3:5])], others=[PutRoom(8, "#a", "", 1)]),
        Changes(events=[(7, 4, [b"x", None])], sends=[(9, 5)]),
        Changes(events=[(7, 4, FRAMES[3:5])], sends=[(9, 5), (None, 5)]),
        Changes(events=[(7, 3, FRAMES[3:5])], sends=[(9, 5)]),
        Changes(events=[(7, 4, FRAMES[3:5])], sends=[(None, 5)]),
    ],
    ids=[
        "event-twice",
        "nick-twice",
        "room-twice",
        "no-bytes",
        "no-number",
        "run-twice",
        "no-number-of-a-run",
    ],
)
def test_a_commit_that_fails_leaves_nothing(open_store, wrong):
    store = open_store()
    good = Changes(
        events=[(7, 1, FRAMES[:3])],
        sends=[(3, 5)],
        others=[PutUser(1, "Ann", "ann"), PutSession(5, 1, b"d", 0, 1), PutRoom(7, "#a", "", 1)],
    )
    assert store.append(good) is None
    before = store.store.load()
    assert isinstance(store.append(wrong), Exception)
    assert store.store.load() == before
    assert store.read(7, 1, 99) == FRAMES[:3]
    assert store.append(events(7, 4, FRAMES[3:5])) is None
    assert store.read(7, 1, 99) == FRAMES[:5]


def test_appends_and_their_answers_keep_their_order(open_store):
    store = open_store()
    answered = []
    for n in range(1, 21):
        changes = events(7, n, [FRAMES[n]]) if n % 5 else events(7, 1, [b"again"])
        store.store.append(changes, lambda error, n=n: answered.append((n, error is None)))
    for _ in range(20):
        store.wait()
    assert answered == [(n, bool(n % 5)) for n in range(1, 21)]


def test_a_reader_sees_what_was_committed_before(open_store):
    store = open_store()
    for n in range(1, 30):
        store.append(events(7, n, [FRAMES[n]]))
        assert store.read(7, n, n) == [FRAMES[n]]


def test_trimmed_events_are_gone_and_numbers_go_on(open_store):
    store = open_store()
    store.append(Changes(events=[(6, 1, FRAMES), (7, 1, FRAMES), (8, 1, FRAMES)]))
    store.append(put(PutRoom(7, "#a", "", 21), Trim(7, 21)))
    assert store.read(7, 1, 99) == []
    assert store.read(7, 21, 99) == FRAMES[20:]
    assert store.read(6, 1, 99) == store.read(8, 1, 99) == FRAMES
    store.close()
    store = open_store()
    assert [(room.room.first, room.head) for room in store.store.load().rooms] == [(21, 30)]


def test_a_room_trimmed_to_nothing_keeps_its_place(open_store):
    """With no event left the first number to come is all that tells where the log goes on."""
    store = open_store()
    store.append(Changes(events=[(7, 1, FRAMES)], others=[PutRoom(7, "#a", "", 1)]))
    store.append(put(PutRoom(7, "#a", "", 31), Trim(7, 31)))
    store.close()
    rooms = open_store().store.load().rooms
    assert [(room.room.first, room.head) for room in rooms] == [(31, 0)]


def test_a_room_trimmed_to_nothing_keeps_the_time_and_the_check_of_its_last_event(open_store):
    store = open_store()
    store.append(Changes(events=[(7, 1, FRAMES)], others=[PutRoom(7, "#a", "", 1)]))
    store.append(put(PutRoom(7, "#a", "", 31), Trim(7, 31), PutEmptied(7, 30, 1234, "0011aabb")))
    store.close()
    (room,) = open_store().store.load().rooms
    assert room[1:] == (30, 1234, "0011aabb")


def test_what_was_known_of_an_empty_log_counts_no_more_once_it_has_grown(open_store):
    store = open_store()
    store.append(put(PutRoom(7, "#a", "", 31), PutEmptied(7, 30, 1234, "0011aabb")))
    store.append(events(7, 31, FRAMES[:1]))
    (room,) = store.store.load().rooms
    assert (room.head, room.ts == 1234) == (31, False)
    store.append(put(PutRoom(7, "#a", "", 32), Trim(7, 32)))
    (room,) = store.store.load().rooms
    assert (room.head, room.ts, room.check) == (0, 0, "")


def test_the_folder_is_locked(open_store, tmp_path):
    store = open_store()
    with pytest.raises(StoreError, match=r"in use by another daemon.*--data"):
        open_store()
    store.close()
    open_store()


def test_data_that_are_taken_over_are_waited_for(open_store, tmp_path):
    store = open_store()
    waiting = Thread(target=lambda: os.close(lock_folder(tmp_path / "data", patience=60)))
    waiting.start()
    waiting.join(10 * LOCK_PAUSE)
    assert waiting.is_alive()
    store.close()
    waiting.join(60)
    assert not waiting.is_alive()
    open_store()


def test_a_failed_start_lets_go_of_the_folder(open_store, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "chatd.sqlite").write_bytes(b"not a database, whatever its name says" * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"damaged.*backup"):
            open_store()
    (folder / "chatd.sqlite").unlink()
    open_store()


def test_a_newer_format_is_refused_and_left_as_it_is(open_store, tmp_path):
    open_store().close()
    path = tmp_path / "data" / "chatd.sqlite"
    database = apsw.Connection(str(path))
    database.pragma("user_version", schema.VERSION + 1)
    database.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer version of chatd"):
        open_store()
    assert path.read_bytes() == before


def test_files_are_private(open_store, tmp_path):
    previous = os.umask(0)
    try:
        store = open_store()
        store.append(events(7, 1, FRAMES))
        folder = tmp_path / "data"
        assert mode(folder) == 0o700
        assert {path.name: mode(path) for path in folder.iterdir()} == dict.fromkeys(
            ["chatd.sqlite", "chatd.sqlite-wal", "chatd.sqlite-shm", "lock"], 0o600
        )
    finally:
        os.umask(previous)


def test_a_copy_that_was_restored_for_all_to_read_becomes_private(open_store, tmp_path):
    """As sqlite3's .backup and litestream leave one; with [control] group, others may enter the folder."""
    store = open_store()
    store.append(events(7, 1, FRAMES))
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "data", copy)
    for path in copy.iterdir():
        path.chmod(0o644)
    again = open_store(copy)
    assert again.read(7, 1, 99) == FRAMES
    assert {mode(path) for path in copy.glob("chatd.sqlite*")} == {0o600}


def test_closing_finishes_what_was_handed_in(open_store):
    store = open_store()
    for n in range(1, 31):
        store.store.append(events(7, n, [FRAMES[n - 1]]), lambda _: None)
    store.close()
    assert open_store().read(7, 1, 99) == FRAMES


def test_every_commit_is_flushed_to_the_disk(open_store):
    """FULL makes SQLite flush the log at every commit, so that a power cut loses nothing acknowledged."""
    store = open_store()
    assert store.store._writer.pragma("synchronous") == 2
    assert store.store._writer.pragma("journal_mode") == "wal"


def test_commits_that_are_durable_elsewhere_are_not_flushed(tmp_path):
    """NORMAL has SQLite flush the log when it brings it in: a power cut leaves the first ones, each whole."""
    got = []
    store = SqliteStore(tmp_path, lambda done, *given: done(*given), Heard(), flushed=False)
    assert store._writer.pragma("synchronous") == 1
    assert store._writer.pragma("journal_mode") == "wal"
    store.append(events(7, 1, FRAMES[:3]), got.append)
    store.close()
    assert got == [None]


def test_an_unclean_end_loses_no_commit(open_store, tmp_path):
    store = open_store()
    for n in range(1, 31):
        store.append(events(7, n, [FRAMES[n - 1]]))
    shutil.copytree(tmp_path / "data", tmp_path / "image")  # what the disk holds in this moment
    assert (tmp_path / "image" / "chatd.sqlite-wal").stat().st_size
    assert open_store(tmp_path / "image").read(7, 1, 99) == FRAMES


_WRITER = """
import os, signal, sys, time
from pathlib import Path
from chatd.chat.storage import Changes
from chatd.server.space_log import SpaceLog
from chatd.store.sqlite import SqliteStore

def done(n, error):
    os.write(1, b"%d\\n" % n)

store = SqliteStore(Path(sys.argv[1]), lambda call, *given: call(*given), SpaceLog())
n = 0
while True:
    n += 1
    store.append(Changes(events=[(7, n, [b"%d" % n])]), lambda error, n=n: done(n, error))
    time.sleep(0)
"""


def test_a_killed_writer_loses_no_commit(open_store, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "data")], stdout=subprocess.PIPE
    ) as writer:
        try:
            told = [int(writer.stdout.readline()) for _ in range(200)]
        finally:
            writer.kill()
        told += map(int, writer.stdout.read().decode().splitlines())
    store = open_store()
    kept = [int(frame) for frame in store.read(7, 1, 2**36 - 1)]
    assert told == list(range(1, len(told) + 1))
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= len(told)


def test_a_page_ends_at_a_hole(open_store, tmp_path):
    store = open_store()
    store.append(events(7, 1, FRAMES[:9]))
    database = apsw.Connection(str(tmp_path / "data" / "chatd.sqlite"))
    database.set_busy_timeout(5000)  # the store may be writing what nobody waits for
    database.execute("DELETE FROM events WHERE key = ?", (schema.key(7, 5),))
    database.close()
    assert store.read(7, 2, 9) == FRAMES[1:4]
    assert store.read(7, 5, 9) == []
    assert store.read(7, 6, 9) == FRAMES[5:9]
    assert store.read(7, 2, 9, newest=True) == FRAMES[5:9]
    assert store.read(7, 2, 5, newest=True) == []


def test_large_frames_and_many(open_store):
    store = open_store()
    frames = [bytes([n % 256]) * 20_000 for n in range(500)]
    assert store.append(events(7, 1, frames)) is None
    assert store.read(7, 1, 500) == frames


def of_version_one(path, *lacking):
    """Make the file at ``path`` one that version 1 of the tables might have left, with a room in it."""
    database = apsw.Connection(str(path))
    for statement in NO_ROLES:
        database.execute(statement)
    database.execute("INSERT INTO rooms VALUES(7, '#a', 'topic', 3, 0)")
    for statement in (*lacking, *NO_ACCOUNTS, "DROP TABLE marks", "DROP TABLE uploads", "DROP TABLE emptied"):
        database.execute(statement)
    database.pragma("user_version", 1)
    database.close()


RULES = ("kind", "history", "slow", "archived", "posting", "titling", "keep_days", "calling")
NO_ROLES = (
    *(f"ALTER TABLE rooms DROP COLUMN {rule}" for rule in RULES),
    "ALTER TABLE members DROP COLUMN role",
    "ALTER TABLE members DROP COLUMN since",
    "DROP TABLE acts",
    "DROP TABLE blocks",
    "DROP TABLE allows",
    "DROP TABLE statuses",
)
NO_ACCOUNTS = (
    "DROP TABLE accounts",
    "DROP TABLE nicks",
    "DROP TABLE invites",
    "DROP TABLE certificates",
    "DROP TABLE scrams",
    "DROP TABLE metadata",
    "DROP TABLE places",
    "DROP TABLE erasures",
    "DROP TABLE sizes",
    "DROP TABLE address_bans",
    "DROP TABLE edits",
    "DROP TABLE reactions",
    "DROP TABLE reaction_counts",
    "DROP TABLE replies",
    "DROP TABLE reply_counts",
    "DROP TABLE pins",
    "DROP TABLE hooks",
    "DROP TABLE hook_keys",
    "DROP TABLE cursors",
    "DROP TABLE tallies",
    "DROP INDEX members_by_user",
    "DROP TABLE threads",
    "DROP TABLE mentions",
    "DROP TABLE indexed",
    "DROP TABLE words",
    "DROP TABLE dropping",
    "DROP TABLE stale",
    "ALTER TABLE sessions DROP COLUMN address",
    "ALTER TABLE sessions DROP COLUMN software",
    "ALTER TABLE sessions DROP COLUMN label",
)
NO_FILES = "DROP TABLE files"
NO_BEGUN_BY = "ALTER TABLE rooms DROP COLUMN begun_by"


@pytest.mark.parametrize("lacking", [(NO_FILES, NO_BEGUN_BY), (NO_FILES,), ()])
def test_a_file_of_version_one_is_brought_up_to_date_with_nothing_lost(open_store, tmp_path, lacking):
    store = open_store()
    store.append(events(7, 1, FRAMES))
    server = store.store.load().server
    store.close()
    path = tmp_path / "data" / "chatd.sqlite"
    of_version_one(path, *lacking)
    store = open_store()
    known = store.store.load()
    assert known.server == server
    assert [stored.room for stored in known.rooms] == [PutRoom(7, "#a", "topic", 3)]
    assert store.read(7, 1, len(FRAMES)) == FRAMES
    posted = PutFile(7, 4, "ab" * 32, "a.txt", 3, "text/plain")
    assert store.append(put(PutRoom(9, "@1+2", "", 1, 2), posted)) is None
    store.close()
    known = open_store().store.load()
    assert known.rooms[1].room == PutRoom(9, "@1+2", "", 1, 2)
    assert known.of(PutFile) == [posted]
    assert version_of(path) == schema.VERSION


def test_the_highest_id_of_a_dropped_user_is_kept(open_store):
    store = open_store()
    assert store.store.load().last_user == 0
    store.append(put(*[PutUser(n, f"u{n}", f"u{n}") for n in (9, 10, 11)], DropUser(10)))
    store.append(put(DropUser(9), DropUser(70)))
    store.close()
    store = open_store()
    assert (store.store.load().last_user, len(store.store.load().of(PutUser))) == (10, 1)
    store.append(put(DropUser(11)))
    assert store.store.load().last_user == 11


def test_how_old_things_are_is_kept(open_store):
    store = open_store()
    kept = [PutTime(70_000, 1_700_000_000_000), PutMark(7, 3, 500), PutMark(7, 9, 900), PutUpload(1, "ab", 5)]
    store.append(put(*kept, PutMark(7, 2, 1), PutMark(8, 1, 1), PutUpload(2, "cd", 7)))
    store.append(put(PutTime(80_000, 5), PutUpload(1, "ab", 6), DropUpload(2, "cd"), DropMark(7, 2)))
    store.append(put(DropMarks(8, 2), DropMarks(7, 3)))
    store.close()
    snapshot = open_store().store.load()
    assert snapshot.time == PutTime(80_000, 5)
    assert snapshot.of(PutMark) == [PutMark(7, 3, 500), PutMark(7, 9, 900)]
    assert snapshot.of(PutUpload) == [PutUpload(1, "ab", 6)]


def test_in_a_file_of_version_two_everything_counts_as_new(open_store, tmp_path):
    store = open_store()
    store.append(events(7, 1, FRAMES))
    store.close()
    path = tmp_path / "data" / "chatd.sqlite"
    of_version_one(path)
    database = apsw.Connection(str(path))
    database.pragma("user_version", 2)
    database.close()
    snapshot = open_store().store.load()
    assert (snapshot.time, snapshot.of(PutMark), snapshot.of(PutUpload)) == (PutTime(0, 0), [], [])
    assert version_of(path) == schema.VERSION


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(open_store, tmp_path, monkeypatch):
    store = open_store()
    store.append(events(7, 1, FRAMES))
    store.close()
    path = tmp_path / "data" / "chatd.sqlite"
    of_version_one(path, NO_FILES)

    begin, add_files, *_ = schema.STEPS

    def fail(database):
        add_files(database)
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", (begin, fail))
        with pytest.raises(
            StoreError, match="cannot be written: no space is left on the disk; free some, then start"
        ):
            open_store()
    assert version_of(path) == 1
    assert tables_of(path).isdisjoint({"files"})
    assert open_store().read(7, 1, len(FRAMES)) == FRAMES


def version_of(path):
    database = apsw.Connection(str(path))
    try:
        return database.pragma("user_version")
    finally:
        database.close()


def tables_of(path):
    database = apsw.Connection(str(path))
    try:
        return {row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    finally:
        database.close()


def longest_gap(store, first, frames):
    """Return the longest time for which another thread did not run during a commit, and the commit's."""
    gaps = []
    done = Event()

    def tick():
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    ticker = Thread(target=tick)
    ticker.start()
    begin = time.perf_counter()
    store.append(events(1, first, frames))
    taken = time.perf_counter() - begin
    done.set()
    ticker.join()
    return max(gaps), taken


def test_nobody_waits_while_a_commit_waits_for_the_disk(open_store):
    """Whoever holds the interpreter's lock meanwhile does so each time, a busy machine now and then."""
    store = open_store()
    frames = [bytes(100_000)] * 500
    for first in range(1, 5001, 500):
        gap, taken = longest_gap(store, first, frames)
        if gap < taken / 4:
            return
    pytest.fail("another thread waited for a commit, each time")


def test_a_page_that_cannot_be_read_is_no_empty_one(open_store, tmp_path):
    store = open_store()
    store.append(events(7, 1, FRAMES))
    store.store._reader.close()
    assert isinstance(store.read(7, 1, 99), StoreError)
    assert store.append(events(7, 31, FRAMES[:1])) is None


@pytest.mark.parametrize("which", ["_write_jobs", "_read_jobs"])
def test_closing_waits_no_longer_than_told_for_a_disk_that_hangs(open_store, which):
    driven = open_store()
    answers = Event()
    getattr(driven.store, which).put(answers.wait)
    begin = time.monotonic()
    assert driven.store.close(patience=0.2) is False
    assert time.monotonic() - begin < 10
    with pytest.raises(StoreError, match="in use"):
        open_store()
    answers.set()
    driven.store._writing.join(20)
    assert not driven.store._writing.is_alive()
    open_store()


def test_closing_tidies_up(open_store, tmp_path):
    store = open_store()
    store.append(events(7, 1, FRAMES))
    assert store.store.close() is True
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"chatd.sqlite", "lock"}


def test_a_mark_is_kept_with_its_batch_and_told_what_that_did(open_store):
    store = open_store()
    assert store.store.load().mark == Mark("")
    one = Mark("one")
    others = [PutUser(1, "Ann", "ann"), PutRoom(7, "#a", "", 1), PutMark(7, 1, 5), PutMark(7, 2, 6)]
    assert store.append(Changes(events=[(7, 1, FRAMES[:3])], others=others, mark=one)) is None
    assert one.effect == 4
    two = Mark("two")
    others = [DropMarks(7, 3), DropMark(7, 1), Trim(7, 2), PutTime(1, 2)]
    assert store.append(Changes(others=others, mark=two)) is None
    assert two.effect == 2 + 0 + 1 + 2
    assert store.append(Changes(events=[(7, 2, FRAMES[:1])], mark=Mark("never"))) is not None
    assert store.append(put(PutUser(2, "Bob", "bob"))) is None
    store.close()
    assert open_store().store.load().mark == two


def test_nothing_is_left_of_what_a_password_was_verified_by(open_store, tmp_path):
    store = open_store()
    salts = store.store.load().salts
    assert len(salts) == 64
    for number in range(50):
        store.append(
            put(PutScram(number, f"SCRAM-SHA-256$first-{number}"), PutMetadata(f"u{number}", "k", "said"))
        )
    for number in range(50):
        store.append(put(PutScram(number, "SCRAM-SHA-256$again"), DropMetadata(f"u{number}", "k")))
    store.close()
    for path in (tmp_path / "data").iterdir():
        assert b"first-" not in path.read_bytes()
    known = open_store().store.load()
    assert known.salts == salts and len(known.of(PutScram)) == 50 and known.of(PutMetadata) == []
