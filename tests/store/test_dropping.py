"""Very many reactions go with their event at once for all who look, and from the disk a slice at a time."""

import shutil
import time
from pathlib import Path

import apsw
import pytest

from chatd.chat.changes.rows import (
    DropReactions,
    DropReactionsBelow,
    DropRoom,
    Erase,
    PutReaction,
    PutRoom,
    Trim,
)
from chatd.chat.storage import Changes
from chatd.store.deriving import Deriving
from chatd.store.dropping import SLICE, Dropping
from chatd.wire.messages import Event
from chatd.wire.stored import pack
from tests.store.driven import PATIENCE, Driven

MANY = 3 * SLICE + 17


def nothing(_):
    """Do nothing, and have nothing to do."""


def said(seq):
    return Event(room="#1", seq=seq, ts=seq, kind="message", by="ann", text="word")


def reactions(seq):
    users = range(1, MANY + 1)
    return [PutReaction(1, user, seq, "🍵", 10 + user) for user in users]


@pytest.fixture
def store(open_store):
    store = open_store()
    rows = [PutRoom(1, "#1", "", 1), *reactions(2), *reactions(3)[:5]]
    assert store.append(Changes(events=[(1, 1, pack([said(1), said(2), said(3)]))], others=rows)) is None
    return store


def rows_of(folder):
    database = apsw.Connection(str(folder / "chatd.sqlite"))
    try:
        return next(iter(database.execute("SELECT count(*) FROM reactions")))[0]
    finally:
        database.close()


def await_rows(folder, count):
    end = time.monotonic() + PATIENCE
    while rows_of(folder) != count:
        assert time.monotonic() < end, "they do not go"
        time.sleep(0.01)


def removal():
    gone = pack([Event(room="#1", seq=2, ts=2, kind="removed", by="ann", ref=4)])[0]
    return Changes(others=[Erase(1, 2, 4, gone), DropReactions(1, 2)])


def cut():
    return Changes(others=[PutRoom(1, "#1", "", 3), Trim(1, 3), DropReactionsBelow(1, 3)])


@pytest.mark.parametrize("change", [removal(), cut()], ids=["removal", "cut"])
def test_no_commit_deletes_all_of_them(store, tmp_path, monkeypatch, change):
    with monkeypatch.context() as stopped:
        stopped.setattr(Dropping, "step", nothing)
        assert store.append(change) is None
        looked = store.look(1, (2, 3), 7)
        assert looked.reactions == {3: {"🍵": 5}}
        assert not store.facts(1, 2, 7).reactions
        assert rows_of(tmp_path / "data") == MANY + 5
        folder = tmp_path / "crashed"
        folder.mkdir()
        for name in ("chatd.sqlite", "chatd.sqlite-wal"):
            shutil.copy(tmp_path / "data" / name, folder / name)
    crashed = Driven(folder)
    await_rows(folder, 5)
    assert crashed.look(1, (2, 3), 7).reactions == {3: {"🍵": 5}}
    crashed.close()
    store.append(Changes())
    await_rows(tmp_path / "data", 5)


def test_what_is_still_to_go_is_no_mistake(store, tmp_path, monkeypatch):
    monkeypatch.setattr(Dropping, "step", nothing)
    database = apsw.Connection(str(tmp_path / "data" / "chatd.sqlite"))
    database.set_busy_timeout(5000)  # the store may be writing what nobody waits for
    before = Deriving(database)._rows(1)
    assert store.append(removal()) is None
    after = Deriving(database)._rows(1)
    assert len(before[PutReaction]) == MANY + 5
    assert len(after[PutReaction]) == 5
    database.close()


def test_a_room_with_the_same_number_has_none_of_them(store, tmp_path, monkeypatch):
    monkeypatch.setattr(Dropping, "step", nothing)
    rows = [PutRoom(1, "#1", "", 4), Trim(1, 4), DropReactionsBelow(1, 4), DropRoom(1)]
    assert store.append(Changes(others=rows)) is None
    assert rows_of(Path(tmp_path / "data")) == 0
    again = [PutRoom(1, "#1", "", 1), *reactions(2)[:3]]
    assert store.append(Changes(events=[(1, 1, pack([said(1), said(2)]))], others=again)) is None
    assert store.look(1, (2,), 7).reactions == {2: {"🍵": 3}}
