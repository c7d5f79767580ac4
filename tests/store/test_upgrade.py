"""A data folder of the build before accounts: whoever has a session becomes an account, and goes on."""

import sqlite3
from pathlib import Path

import pytest

from chatd.chat.changes.rows import PutAccount, PutNick
from chatd.chat.hub import Hub
from chatd.chat.quota import Quota
from chatd.chat.rules import Rules, Standing
from chatd.chat.world import Terms
from tests.store.driven import Driven

DUMP = Path(__file__).with_name("version3.sql")
TOKEN = "e627FpSAQNvadqFuVNjSQV33OAe7veK9BQD_FcO5NmE"
"""The token that this folder's client had of it."""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    database = sqlite3.connect(folder / "chatd.sqlite")
    database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    database.executescript(DUMP.read_text())
    database.execute("PRAGMA user_version = 3")
    database.close()
    return folder


@pytest.fixture
def hub(folder):
    store = Driven(folder)
    try:
        yield Hub(store.store.load(), Terms(Quota(), show_addresses=False), lambda: None)
    finally:
        store.close()


def test_who_had_a_session_has_an_account_without_a_password(hub):
    users = {user.nick: user for user in hub.world.users.values()}
    assert {nick: user.account for nick, user in users.items()} == {
        "Ann": PutAccount(1),
        "ben": PutAccount(2),
        "cem": None,
        "dan": None,
    }
    assert {nick: user.kept for nick, user in users.items() if user.kept} == {
        "Ann": {"ann": 0},
        "ben": {"ben": 0},
    }


def test_their_sessions_go_on_and_nothing_else_changes(hub):
    session = hub.session(TOKEN)
    assert (session.user.nick, session.last, session.address, session.software) == ("Ann", 1, "", "")
    known = (*session.user.rooms, *session.user.direct)
    rooms = {room.name: (room.log.head, {user.nick for user in room.members}) for room in known}
    assert rooms == {"#tea": (4, {"Ann", "ben"}), "@1+2": (1, {"Ann", "ben"}), "@1+3": (0, {"Ann", "cem"})}


def test_rooms_stay_public_and_have_no_owner(hub):
    for room in hub.world.rooms.values():
        assert room.rules == Rules()
        assert {member.role for member in room.members.values()} == {Standing.MEMBER}
        assert {room.floor(user) for user in room.members} == {0}
        assert not room.acts


def test_the_upgrade_is_made_once(folder):
    store = Driven(folder)
    before = store.store.load()
    store.close()
    store = Driven(folder)
    assert store.store.load() == before
    assert before.of(PutNick) == [PutNick("ann", 1), PutNick("ben", 2)]
    store.close()
