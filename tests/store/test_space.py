"""What the database no longer needs goes back to the file system, in slices, while everything goes on."""

import itertools
import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import apsw
import pytest

from chatd.chat.changes.rows import Erase, PutRoom, Trim
from chatd.chat.storage import Changes, StoreError
from chatd.offline.vacuuming import compact
from chatd.server.housekeeping import SLICE as EVENTS_PER_COMMIT
from chatd.store import scrubbing, space
from chatd.store.company import Company
from chatd.store.space import SLICE, WAL_LIMIT, Shrinking

FRAME = b"x" * 250
MIB = 1_048_576
PATIENCE = 60.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "chatd.sqlite"


def fill(store, count, log=7):
    for first in range(1, count + 1, 10_000):
        assert store.append(Changes(events=[(log, first, [FRAME] * min(10_000, count + 1 - first))])) is None


def trims(first, last, log=7):
    """Yield what retention asks of the store, commit by commit."""
    for upto in range(first, last + EVENTS_PER_COMMIT, EVENTS_PER_COMMIT):
        yield Changes(others=[PutRoom(log, "#a", "", min(upto, last)), Trim(log, min(upto, last))])


def free_in(path):
    database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return database.pragma("freelist_count")
    finally:
        database.close()


def await_(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


@pytest.mark.slow  # it fills a file of many MiB, and waits between slices
@pytest.mark.parametrize("pause", [0.0, 0.2], ids=["never idle", "now and then idle"])
def test_the_file_shrinks_to_next_to_nothing_while_posts_go_on(open_store, path, pause, monkeypatch):
    monkeypatch.setattr(space, "BUSY_PAUSE", 0.1)
    store = open_store()
    fill(store, 150_100)
    for changes in trims(1, 150_001):
        assert store.append(changes) is None
    n = 0
    end = time.monotonic() + PATIENCE
    while sum(freed for _, _, freed in store.heard) < 35 * MIB:
        n += 1
        assert store.append(Changes(events=[(8, n, [b"%d" % n])])) is None
        assert store.read(7, 150_001, 150_100) == [FRAME] * 100
        time.sleep(pause)
        assert time.monotonic() < end
    assert {what for what, *_ in store.heard} == {"shrunk"}
    assert path.stat().st_size < MIB
    assert store.read(8, 1, n) == [b"%d" % number for number in range(1, n + 1)]
    store.close()
    assert open_store().read(7, 150_001, 150_100) == [FRAME] * 100


def test_whoever_wishes_is_given_all_of_it_and_told_what_is_left(open_store, path):
    store = open_store()
    fill(store, 20_000)
    for changes in trims(1, 10_001):
        assert store.append(changes) is None
    await_(lambda: store.heard, "what is given back anyway")
    assert free_in(path) >= space.SPARE
    left = store.vacuum()
    assert (left.free, left.wal, left.size) == (0, 0, path.stat().st_size)
    assert free_in(path) == 0
    assert store.vacuum() == left
    assert store.read(7, 10_001, 20_000) == [FRAME] * 10_000


def test_a_wish_is_heard_while_commits_follow_each_other_and_others_read(open_store, path):
    store = open_store()
    fill(store, 40_000)
    for changes in trims(1, 30_001):
        assert store.append(changes) is None
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    list(reader.execute("SELECT count(*) FROM events"))
    left = []
    store.store.vacuum(left.append)
    for n in range(1, 100):
        store.store.append(Changes(events=[(8, n, [b"%d" % n])]), lambda _: None)
    for _ in range(99):
        store.wait()
    assert left == []  # the log cannot be emptied while somebody reads from it
    reader.close()
    store.wait()
    assert left[0].free == 0
    assert store.read(8, 1, 99) == [b"%d" % n for n in range(1, 100)]


def test_where_it_cannot_shrink_a_wish_is_refused(old, path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
        store = old()
    assert isinstance(store.vacuum(), StoreError)
    assert store.append(Changes(events=[(7, 20_001, [b"it goes on"])])) is None


_VACUUMING = """
import os, sys, time
from pathlib import Path
import apsw
from chatd.chat.storage import Changes
from chatd.server.space_log import SpaceLog
from chatd.store.sqlite import FILE_NAME, SqliteStore

store = SqliteStore(Path(sys.argv[1]), lambda call, *given: call(*given), SpaceLog())
look = apsw.Connection(str(Path(sys.argv[1], FILE_NAME)), flags=apsw.SQLITE_OPEN_READONLY)
first, n, pages = int(sys.argv[2]), 0, look.pragma("page_count")
store.vacuum(lambda left: os.write(1, b"done\\n"))
while True:
    n += 1
    if n % 10 == 0 and look.pragma("page_count") < pages - 50:
        os.write(1, b"smaller\\n")
    store.append(Changes(events=[(8, first + n, [b"%d" % n])]), lambda error, n=n: os.write(1, b"%d\\n" % n))
    time.sleep(0.002)
"""


@pytest.mark.slow  # it works for a second
def test_a_kill_while_room_is_given_back_loses_nothing(open_store, path):
    store = open_store()
    fill(store, 90_000)
    for changes in trims(1, 80_001):
        assert store.append(changes) is None
    store.close()
    heads, sizes = [0], [path.stat().st_size]
    for acknowledged in (2, 30, None):
        command = [sys.executable, "-c", _VACUUMING, str(path.parent), str(heads[-1])]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            try:
                lines = itertools.islice(writer.stdout, acknowledged)
                told = [*itertools.takewhile(lambda line: line != b"smaller\n", lines)]
            finally:
                writer.kill()
            told += writer.stdout.read().splitlines()
        database = apsw.Connection(str(path))
        assert database.pragma("integrity_check") == "ok"
        sizes.append(database.pragma("page_count") * database.pragma("page_size"))
        kept = database.execute("SELECT count(*) FROM events WHERE key >> 36 = 8").get
        database.close()
        assert kept >= heads[-1] + len([line for line in told if line.strip().isdigit()])
        heads.append(kept)
    assert sizes[-1] < sizes[0]
    store = open_store()
    assert store.vacuum().free == 0
    assert store.read(7, 80_001, 90_000) == [FRAME] * 10_000
    assert len(store.read(8, 1, 2**36 - 1)) == heads[-1]


def test_no_slice_is_larger_than_told(tmp_path):
    """Live pages at the end of the file have to be moved: that is the most work."""
    path = tmp_path / "db"
    database = apsw.Connection(str(path))
    space.prepare(database)
    database.pragma("journal_mode", "wal")
    database.execute("CREATE TABLE events(key INTEGER PRIMARY KEY, frame BLOB NOT NULL)")
    with database:
        database.executemany("INSERT INTO events VALUES(?, ?)", ((n, FRAME) for n in range(60_000)))
    database.execute("DELETE FROM events WHERE key < 30000")
    told = []
    shrinking = Shrinking(database, path, Company(path), lambda *what: told.append(what))
    pages, seconds, wait = [database.pragma("page_count")], [], 0.0
    while wait is not None:
        begin = time.thread_time()
        wait = shrinking.idle()
        seconds.append(time.thread_time() - begin)
        pages.append(database.pragma("page_count"))
    steps = [before - after for before, after in itertools.pairwise(pages)]
    assert max(steps) <= SLICE + 2  # and a page of the map of pages with them
    assert len(steps) > 5
    assert len(told) == 1
    assert database.pragma("freelist_count") <= database.pragma("page_count") / 15
    assert list(database.execute("SELECT count(*), min(key) FROM events")) == [(30_000, 30_000)]
    assert database.pragma("integrity_check") == "ok"
    database.close()
    assert sorted(seconds)[len(seconds) // 2] < 0.02  # of work: others may have processor and disk meanwhile


def test_what_is_needed_again_soon_stays(open_store, path):
    """A room that grows as fast as it is cut makes no work."""
    store = open_store()
    fill(store, 20_000)
    first = 1
    for n in range(20_001, 22_001, 100):
        assert store.append(Changes(events=[(7, n, [FRAME] * 100)])) is None
        first += 100
        assert store.append(Changes(others=[Trim(7, first)])) is None
        time.sleep(0.06 if n % 500 == 1 else 0)
    assert store.heard == []


@pytest.mark.parametrize("pause", [0.005, 0.1], ids=["never idle", "now and then idle"])
def test_it_is_given_back_while_more_and_more_is_erased(open_store, path, pause, monkeypatch):
    """All pages of a large file are not looked through before something else is erased."""
    monkeypatch.setattr(scrubbing, "TURN", 0.0)
    store = open_store()
    fill(store, 40_000)
    for changes in trims(1, 30_001):
        assert store.append(changes) is None
    end = time.monotonic() + PATIENCE
    for seq in range(30_001, 40_001):
        assert store.append(Changes(others=[Erase(7, seq, 1 << 20, b"gone")])) is None
        if "shrunk" in {what for what, *_ in store.heard}:
            break
        assert time.monotonic() < end
        time.sleep(pause)
    assert store.store._scrubbing.due
    assert path.stat().st_size < 20_000 * 300


def test_the_log_is_cut_after_a_burst(open_store, path):
    store = open_store()
    wal = path.with_name("chatd.sqlite-wal")
    store.append(Changes(events=[(7, 1, [bytes(50_000)] * 800)]))
    assert wal.stat().st_size > 8 * WAL_LIMIT
    await_(lambda: wal.stat().st_size <= WAL_LIMIT, "a shorter log")
    assert path.stat().st_size > 8 * WAL_LIMIT


def test_a_reader_elsewhere_only_puts_it_off(open_store, path, monkeypatch):
    monkeypatch.setattr(space, "LATER", 0.1)
    store = open_store()
    fill(store, 20_000)
    other = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    other.execute("BEGIN")
    kept = list(other.execute("SELECT count(*) FROM events"))
    for changes in trims(1, 20_000):
        assert store.append(changes) is None
    time.sleep(1)
    assert store.heard == []
    assert list(other.execute("SELECT count(*) FROM events")) == kept
    other.execute("COMMIT")
    other.close()
    await_(lambda: store.heard, "the shorter file")
    assert path.stat().st_size < MIB


# ---- files of earlier versions --------------------------------------------------------------------------


def make_old(path):
    """Make the database at ``path`` one that cannot shrink, as earlier versions made it."""
    database = apsw.Connection(str(path))
    assert database.pragma("journal_mode", "delete") == "delete"
    database.pragma("auto_vacuum", 0)
    database.execute("VACUUM")
    assert database.pragma("auto_vacuum") == 0
    database.pragma("journal_mode", "wal")
    database.close()


@pytest.fixture
def old(open_store, path):
    """Return what an old, mostly empty database holds."""
    store = open_store()
    fill(store, 20_000)
    store.close()
    make_old(path)
    database = apsw.Connection(str(path))
    database.execute("DELETE FROM events WHERE key < ?", ((7 << 36) + 19_001,))
    database.close()
    assert free_in(path) > 1000
    return open_store


def test_an_old_file_is_written_anew_once(old, path):
    os.umask(os.umask(0o022))
    path.with_name("chatd.sqlite.new").write_bytes(b"what a crash left")
    before = path.stat().st_size
    store = old()
    assert [what for what, *_ in store.heard] == ["converting", "converted"]
    _, size, freed = store.heard[1]
    assert (size, size + freed) == (path.stat().st_size, before)
    assert size < before / 5
    assert path.stat().st_mode & 0o777 == 0o600
    assert not path.with_name("chatd.sqlite.new").exists()
    server = store.store.load().server
    assert store.read(7, 19_001, 20_000) == [FRAME] * 1000
    store.close()
    again = old()
    assert again.heard == []
    assert again.store.load().server == server
    for changes in trims(19_001, 20_001):
        assert again.append(changes) is None
    assert again.append(Changes(events=[(9, 1, [b"later"])])) is None


def check_unconverted(store, why):
    assert [what for what, *_ in store.heard][-1] == "not converted"
    assert why in store.heard[-1][1]
    assert store.read(7, 19_001, 20_000) == [FRAME] * 1000
    assert store.append(Changes(events=[(7, 20_001, [b"it goes on"])])) is None
    assert store.read(7, 20_001, 20_001) == [b"it goes on"]
    store.close()


_COMPACTING = """
import sys
from pathlib import Path
from chatd.offline.vacuuming import compact

compact(Path(sys.argv[1]), lambda row: None)
"""


@pytest.mark.slow  # it works for a second
def test_a_kill_while_the_file_is_written_anew_leaves_it_whole_and_no_rubbish(open_store, path):
    store = open_store()
    fill(store, 60_000)
    store.close()
    database = apsw.Connection(str(path))
    database.execute("DELETE FROM events WHERE key < ?", ((7 << 36) + 30_001,))
    database.close()
    new = path.with_name("chatd.sqlite.new")
    with subprocess.Popen([sys.executable, "-c", _COMPACTING, str(path.parent)]) as writer:
        await_(lambda: new.exists() or writer.poll() is not None, "the new file")
        writer.kill()
    store = open_store()
    assert not new.exists()
    assert store.read(7, 30_001, 60_000) == [FRAME] * 30_000
    store.close()
    compact(path.parent, lambda _: None)
    assert path.stat().st_size < 30_000 * 400
    assert open_store().read(7, 30_001, 60_000) == [FRAME] * 30_000


def test_where_there_is_no_room_it_goes_on_as_it_is(old, path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
        check_unconverted(old(), "of room on the disk, and 1000 are there")
    assert [what for what, *_ in old().heard] == ["converting", "converted"]


def test_where_another_program_reads_it_goes_on_as_it_is(old, path):
    other = apsw.Connection(str(path))
    other.execute("BEGIN")
    list(other.execute("SELECT count(*) FROM events"))
    check_unconverted(old(), "")
    other.close()


def test_where_writing_it_anew_fails_it_goes_on_as_it_is(old, path, monkeypatch):
    def full(*_):
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(space, "_write_anew", full)
        check_unconverted(old(), "database or disk is full")
    assert not path.with_name("chatd.sqlite.new").exists()
