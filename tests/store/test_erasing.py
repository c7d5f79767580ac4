"""What was erased is in no file of the store: neither in the database, free parts and all, nor in its log."""

import random
import re
import shutil
import sqlite3
import time
from contextlib import closing

import apsw
import pytest

from chatd.chat.changes.rows import DropFile, Erase, PutFile, PutRoom, Trim
from chatd.chat.storage import Changes, Scope
from chatd.store import scrubbing
from chatd.store.company import Company
from chatd.store.scrubbing import GAP, unused
from chatd.wire.messages import Event
from chatd.wire.stored import pack
from tests.store.driven import PATIENCE
from tests.store.test_upgrade import DUMP

LOGS = range(1, 13)


def mark(log, seq):
    return b"<%d:%d>" % (log, seq)


def marks_in(data):
    """Return the logs and numbers of the events whose marks are in ``data``."""
    found = re.finditer(rb"(<(\d+):(\d+)>)\1*", data)  # most stand there again and again
    return {(int(one[2]), int(one[3])) for one in found}


class Filled:
    """A store in which many logs have grown beside each other, and were cut now and then."""

    def __init__(self, store, seed=1, batches=120, sizes=(80, 200, 300, 900, 9000)):
        self.store, self.chance = store, random.Random(seed)
        self.heads, self.first, self.live = dict.fromkeys(LOGS, 0), dict.fromkeys(LOGS, 1), {}
        store.append(Changes(others=[PutRoom(log, f"#{log}", "", 1) for log in LOGS]))
        for _ in range(batches):
            self.grow(sizes)

    def grow(self, sizes):
        events, files = [], []
        for log in self.chance.sample(LOGS, self.chance.randint(1, 4)):
            first = self.heads[log] + 1
            seqs = range(first, first + self.chance.randint(1, 12))
            frames = [self.frame(log, seq, self.chance.choice(sizes)) for seq in seqs]
            self.live |= zip(((log, seq) for seq in seqs), frames, strict=True)
            self.heads[log] = seqs[-1]
            events.append((log, first, frames))
            files += [PutFile(log, seq, "0" * 64, mark(log, seq).decode(), 1, "a/b") for seq in seqs]
        assert self.store.append(Changes(events=events, others=files)) is None
        if self.chance.random() < 0.1:
            self.cut(self.chance.choice(LOGS))

    @staticmethod
    def frame(log, seq, size):
        return (mark(log, seq) * (size // 5))[:size]

    def cut(self, log):
        self.first[log] = self.chance.randint(self.first[log], self.heads[log] + 1)
        self.store.append(Changes(others=[Trim(log, self.first[log])]))
        self.live = {
            key: frame for key, frame in self.live.items() if key[0] != log or key[1] >= self.first[log]
        }

    def erase(self, count):
        gone = self.chance.sample(sorted(self.live), count)
        changes = [Erase(log, seq, 1 << 20, b"gone") for log, seq in gone]
        changes += [DropFile(log, seq) for log, seq in gone]
        assert self.store.append(Changes(others=changes)) is None
        self.live |= dict.fromkeys(gone, b"gone")
        return gone

    def check(self):
        for log in LOGS:
            wanted = [self.live[log, seq] for seq in range(self.first[log], self.heads[log] + 1)]
            assert self.store.read(log, self.first[log], self.heads[log]) == wanted


def scrubbed(driven):
    end = time.monotonic() + PATIENCE
    while driven.store._scrubbing.due:
        assert time.monotonic() < end
        time.sleep(0.01)


def files_of(folder):
    """Return all bytes of the database's files, and of backups made now."""
    path = folder / "chatd.sqlite"
    with (
        closing(apsw.Connection(str(path))) as source,
        closing(apsw.Connection(str(folder / "copy"))) as copy,
    ):
        with copy.backup("main", source, "main") as backup:
            backup.step()
        source.execute("VACUUM INTO ?", (str(folder / "vacuumed"),))
        assert list(source.execute("PRAGMA integrity_check")) == [("ok",)]
    return b"".join(file.read_bytes() for file in folder.iterdir())


@pytest.mark.slow  # it fills a file, and searches it for each event
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_of_what_was_erased_is_left(open_store, tmp_path, seed):
    driven = open_store()
    filled = Filled(driven, seed)
    gone = filled.erase(len(filled.live) // 4)
    scrubbed(driven)
    data = files_of(tmp_path / "data")
    assert not marks_in(data) & set(gone)
    filled.check()
    for _ in range(20):
        filled.grow((100, 3000))
    filled.check()


def test_one_at_a_time_while_others_write(open_store, tmp_path):
    driven = open_store()
    filled = Filled(driven, batches=60)
    gone = []
    for _ in range(40):
        gone += filled.erase(1)
        filled.grow((80, 300))
    scrubbed(driven)
    data = files_of(tmp_path / "data")
    assert not marks_in(data) & set(gone)
    filled.check()


@pytest.mark.slow  # it fills a file, and searches it for each event
def test_a_crash_ends_nothing_of_it(open_store, tmp_path, monkeypatch):
    driven = open_store()
    filled = Filled(driven, batches=60)
    monkeypatch.setattr(driven.store._scrubbing, "step", lambda: None)
    gone = filled.erase(len(filled.live) // 4)
    driven.close()
    data = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())
    assert marks_in(data) & set(gone), "SQLite overwrites all of it by itself"
    again = open_store()
    scrubbed(again)
    data = files_of(tmp_path / "data")
    assert not marks_in(data) & set(gone)


def test_a_backup_under_way_delays_it(open_store, tmp_path):
    driven = open_store()
    filled = Filled(driven, batches=10)
    with closing(apsw.Connection(str(tmp_path / "data" / "chatd.sqlite"))) as other:
        other.execute("BEGIN")
        list(other.execute("SELECT count(*) FROM events"))
        gone = filled.erase(5)
        filled.grow((80,))
        time.sleep(0.2)
        assert driven.store._scrubbing.due
    scrubbed(driven)
    data = files_of(tmp_path / "data")
    assert not marks_in(data) & set(gone)


def test_who_keeps_it_from_being_done_is_told_of_once(open_store, tmp_path, monkeypatch):
    monkeypatch.setattr(scrubbing, "PATIENCE", 0.2)
    driven = open_store()
    filled = Filled(driven, batches=20)
    with closing(apsw.Connection(str(tmp_path / "data" / "chatd.sqlite"))) as reader:
        reader.execute("BEGIN")
        list(reader.execute("SELECT count(*) FROM events"))
        gone = filled.erase(3)
        driven.await_heard("erasing waits", 1)
        for _ in range(3):
            gone += filled.erase(1)
            time.sleep(scrubbing.BUSY)
    driven.await_heard("erased", 1)
    heard = [(what, *more) for what, *more in driven.heard if what.startswith("eras")]
    assert [what for what, *_ in heard] == ["erasing waits", "erased"]
    assert 0.2 <= heard[0][1] < heard[1][1]
    data = files_of(tmp_path / "data")
    assert not marks_in(data) & set(gone)


def test_an_older_file_is_written_anew_without_what_was_deleted(open_store, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "chatd.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA secure_delete = OFF")
        database.executescript(DUMP.read_text())
        database.execute("PRAGMA user_version = 3")
        database.execute("CREATE TABLE old(text)")
        database.executemany("INSERT INTO old VALUES(?)", [("what was said long ago " * 20,)] * 100)
        database.commit()
        database.execute("DROP TABLE old")
        database.commit()
    assert b"said long ago" in path.read_bytes()
    driven = open_store()
    assert [what for what, *_ in driven.heard] == ["converting", "converted"]
    driven.close()
    assert b"said long ago" not in path.read_bytes()
    assert [what for what, *_ in open_store().heard] == []


@pytest.mark.parametrize("kind", [0, 1, 3, 255])
def test_what_is_no_page_of_a_tree_is_left_alone(kind):
    assert unused(bytes([kind]) + bytes(7) + b"x" * 4088, 0, False, 4096) is None


def test_only_what_lies_between_pointers_and_cells_is_unused():
    page = bytes([13, 0, 0, 0, 2, 0x0F, 0x00, 0]) + bytes([0x0F, 0x80, 0x0F, 0x00])
    page += bytes(100) + b"left" + bytes(0xF00 - 104 - 12) + b"c" * 256
    assert unused(page, 0, False, 4096) == (12, 0xF00)
    assert unused(page.replace(b"left", bytes(4)), 0, False, 4096) is None
    assert unused(bytes([13, 0, 0, 9, 2]) + page[5:], 0, False, 4096) is None


@pytest.mark.slow  # it copies the file at each of many moments
def test_a_kill_at_any_moment_brings_nothing_back(open_store, tmp_path):
    """The folder is copied again and again while all of it goes on, as a kill would leave it."""
    driven = open_store()
    filled = Filled(driven, batches=60)
    gone, copies = [], []
    for number in range(12):
        gone += filled.erase(3)
        filled.grow((80, 900))
        for moment in (0, 1):
            time.sleep(0.01 * moment)
            copy = tmp_path / f"copy {number} {moment}"
            _copy(tmp_path / "data", copy)
            copies.append((copy, list(gone)))
    scrubbed(driven)
    for copy, erased in copies:
        again = open_store(copy)
        for log, seq in erased:
            assert again.read(log, seq, seq) in ([b"gone"], []), "what was erased is back"
        scrubbed(again)
        again.close()
        data = b"".join(file.read_bytes() for file in copy.iterdir())
        assert not marks_in(data) & set(erased)
        with closing(apsw.Connection(str(copy / "chatd.sqlite"))) as database:
            assert list(database.execute("PRAGMA integrity_check")) == [("ok",)]


def _copy(folder, copy):
    """Copy the files as they are at one moment: nothing is written meanwhile that others could see."""
    with closing(apsw.Connection(str(folder / "chatd.sqlite"))) as lock:
        lock.set_busy_timeout(10_000)
        lock.execute("BEGIN IMMEDIATE")
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*-shm", "lock"))
        lock.execute("ROLLBACK")


def test_the_next_search_lets_what_was_erased_be_cleared_first(open_store, tmp_path):
    store = open_store()
    store.append(Changes(others=[PutRoom(1, "#1", "", 1)], events=[(1, 1, pack([_said(1), _said(2)]))]))
    store.settle()
    reader = apsw.Connection(str(tmp_path / "data" / "chatd.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    assert list(reader.execute("SELECT count(*) FROM events"))
    store.append(Changes(others=[Erase(1, 1, 9, pack([_said(1, kind="removed", text="")])[0])]))
    free, end = store.store._scrubbing.free, time.monotonic() + PATIENCE
    while free.is_set():
        assert time.monotonic() < end
        time.sleep(0.01)
    begin = time.monotonic()
    assert len(store.search("word", [Scope(1, 1, 2)]).hits) == 1
    assert time.monotonic() - begin >= 0.9 * GAP
    reader.execute("COMMIT")
    store.settle()
    assert free.is_set()


class Instants:
    """A clock that goes on by itself, so that a step of the real size looks at one slice."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 0.6 * scrubbing.TURN
        return self.now


def room_in(path):
    """Return the last place in the file at ``path`` where nothing is, in the middle of a page of a tree."""
    data = path.read_bytes()
    for page in range(len(data) // 4096 - 1, 0, -1):
        kind, _, cells, content = scrubbing._HEAD.unpack_from(data, page * 4096)
        low = 8 + 2 * cells
        if kind == 13 and content > low + 100 and not any(data[page * 4096 + low : page * 4096 + content]):
            return page * 4096 + low + 50
    raise AssertionError("all pages are full")


def test_all_pages_are_looked_at_however_often_something_is_erased(open_store, tmp_path, monkeypatch):
    store, path = open_store(), tmp_path / "data" / "chatd.sqlite"
    Filled(store, batches=60)
    store.close()
    place = room_in(path)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"what was erased")
    monkeypatch.setattr(scrubbing, "SLICE", 16)
    monkeypatch.setattr(scrubbing, "time", Instants())
    with closing(apsw.Connection(str(path))) as database:
        company = Company(path)
        cleaner = scrubbing.Scrubbing(database, path, company, [].append, [].append)
        steps = place // 4096 // scrubbing.SLICE + 2
        assert steps > 5
        for _ in range(steps):
            cleaner.begin()
            cleaner.step()
        assert b"what was erased" not in path.read_bytes()
        assert cleaner.due
        left = 0
        while cleaner.due:
            cleaner.step()
            left += 1
        assert 2 * steps - 4 <= left <= 3 * steps, "all of it is looked at twice behind the last erasure"
        cleaner.close()
        company.release()


@pytest.mark.parametrize("keys", [[], [3]])
def test_only_what_was_erased_and_not_what_was_cut_has_all_pages_looked_at(open_store, monkeypatch, keys):
    """Rooms are cut every minute, and the file may be large."""
    store = open_store()
    store.append(Changes(others=[PutRoom(1, "#1", "", 1)]))
    store.append(
        Changes(events=[(1, 1, pack([_said(seq, text=f"word {seq}" * 9) for seq in range(1, 400)]))])
    )
    store.settle()
    clearing, scrubs = store.store._index._clearing, []
    monkeypatch.setattr(clearing, "step", lambda: None)  # that the index is written anew is another matter
    monkeypatch.setattr(store.store._scrubbing, "step", lambda: None)
    begin = store.store._scrubbing.begin
    monkeypatch.setattr(store.store._scrubbing, "begin", lambda: (scrubs.append(1), begin()))
    gone = [Erase(1, seq, 999, pack([_said(seq, kind="removed", text="")])[0]) for seq in keys]
    store.append(Changes(others=[*gone, PutRoom(1, "#1", "", 300), Trim(1, 300)]))
    end = time.monotonic() + PATIENCE
    while store.store._index._leaving.due or not clearing.due:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert len(scrubs) >= 2 if keys else not scrubs
    assert store.store._scrubbing.due is bool(keys)


def _said(seq, kind="message", text="word"):
    return Event(room="#1", seq=seq, ts=seq, kind=kind, by="ann", text=text)
