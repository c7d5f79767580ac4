"""While another process has the database open, its write-ahead log is left alone."""

import subprocess
import sys
import time
from contextlib import contextmanager

import apsw
import pytest

from chatd.chat.changes.rows import Trim
from chatd.chat.storage import Changes
from chatd.store import space
from chatd.store.company import PAUSE, Company
from chatd.store.space import WAL_LIMIT
from tests.store.driven import PATIENCE

OTHER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("SELECT count(*) FROM sqlite_master").fetchall()
print(flush=True)
sys.stdin.read()
"""
"""Another program, which has the database open and reads nothing now."""


@contextmanager
def other(path):
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline()
        yield
        process.stdin.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "chatd.sqlite"


def test_others_are_seen_and_our_own_connections_are_not(open_store, path):
    store = open_store()
    more = apsw.Connection(str(path))
    list(more.execute("SELECT count(*) FROM events"))
    company = store.store._company
    assert isinstance(company, Company)
    assert not company.is_there()
    with other(path):
        assert company.is_there()
    assert not company.is_there()
    more.close()


def test_the_log_is_brought_in_by_nobody_but_them(open_store, path, monkeypatch):
    monkeypatch.setattr(space, "LATER", 0.1)
    store = open_store()
    wal = path.with_name("chatd.sqlite-wal")
    with other(path):
        time.sleep(PAUSE)
        store.append(Changes(others=[Trim(1, 1)]))  # it looks around
        before = path.stat().st_size
        for n in range(1, 9):
            store.append(Changes(events=[(7, n, [bytes(1_000_000)])]))
        store.vacuum()
        assert wal.stat().st_size > 8_000_000
        assert path.stat().st_size == before, "a commit or a pause has brought the log in"
    store.append(Changes(events=[(7, 9, [b"frame"])]))
    end = time.monotonic() + PATIENCE
    while wal.stat().st_size > WAL_LIMIT:
        assert time.monotonic() < end, "the log is as long as it was"
        time.sleep(0.01)
    assert path.stat().st_size > 8_000_000


def test_closing_leaves_the_log_to_them(open_store, path):
    store = open_store()
    with other(path):
        time.sleep(PAUSE)
        store.append(Changes(events=[(7, 1, [b"frame"])]))
        before = path.with_name("chatd.sqlite-wal").read_bytes()
        store.close()
        assert path.with_name("chatd.sqlite-wal").read_bytes()[: len(before)] == before
    assert open_store().read(7, 1, 9) == [b"frame"]
