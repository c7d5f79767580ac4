"""Who we are where, remembered across processes."""

import os
import stat

import apsw
import pytest

from chatd.client.address import parse_address
from chatd.client.outbox import Entry
from chatd.client.problems import ClientError
from chatd.client.profile import open_slot, state_folder
from chatd.client.session import Changes, Session
from chatd.wire.messages import File

HERE = parse_address("127.0.0.1:7411")
MOVED = parse_address("127.0.0.1:7499")
ELSEWHERE = parse_address("example.org")


@pytest.fixture
def take(tmp_path):
    """Return a function that opens slots of one profile; they are closed at the end."""
    slots = []

    def take(nick="", address=HERE, named=False):
        slots.append(open_slot("p", address, nick, "login", named=named, folder=tmp_path / "chatd"))
        return slots[-1]

    yield take
    for slot in slots:
        slot.close()


def session(nick, server="s1", token=None, number=1):
    return Session(server, number, f"{nick}-{server}" if token is None else token, nick)


def changes(who, last=0, cursors=(), stored=(), deleted=()):
    return Changes(who, last, dict(cursors), tuple(stored), tuple(deleted))


def visit(take, nick, server="s1", address=HERE):
    slot = take(nick, address)
    slot.save(changes(session(nick, server)), cursors=True)
    slot.close()


def test_a_new_profile_is_nobody_but_the_login_name(take):
    remembered = take().remembered()
    assert remembered.session == Session(nick="login")
    assert not remembered.outbox


def test_what_was_saved_is_remembered(take):
    slot = take("ann")
    file = File(name="ü.txt", size=3, sha256="ab" * 32, media="text/plain")
    entries = (Entry(1, "#a", "one"), Entry(2, "#a", "two\tü", withdrawn=True, file=file))
    slot.save(changes(session("ann"), 5, {"#a": (9, "#a"), "@1+2": (3, "@bob")}, entries), cursors=True)
    slot.save(changes(session("ann"), 6, {"#b": (1, "#b"), "#a": (None, "#a")}, (), (1,)), cursors=True)
    slot.close()
    again = take("ann").remembered()
    assert again.session == session("ann")
    assert again.last == 6
    assert again.cursors == {"#b": 1, "@1+2": 3}
    assert again.names["@1+2"] == "@bob"
    assert again.outbox == entries[1:]


def test_cursors_are_saved_only_where_they_are_wanted(take):
    slot = take("ann")
    slot.save(changes(session("ann"), 0, {"#a": (9, "#a")}), cursors=False)
    slot.close()
    assert take("ann").remembered().cursors == {}


def test_two_nicks_on_one_profile_are_two_people(take):
    visit(take, "alice")
    visit(take, "bob")
    assert take("alice").remembered().session.token == "alice-s1"
    assert take("BOB").remembered().session.token == "bob-s1"


def test_without_a_nick_the_last_used_one_there_is_meant(take):
    visit(take, "alice")
    visit(take, "bob")
    visit(take, "carol", "s2", ELSEWHERE)
    assert take().remembered().session.nick == "bob"
    assert take("", ELSEWHERE).remembered().session.nick == "carol"


def test_a_token_goes_to_the_same_address_or_host_alone(take):
    visit(take, "alice")
    assert take("alice", MOVED).remembered().session.token == "alice-s1"
    assert take("alice", ELSEWHERE).remembered().session.token == ""


def test_a_profile_asked_for_by_name_serves_a_new_host(take):
    visit(take, "alice")
    assert take("", ELSEWHERE, named=True).remembered().session.token == "alice-s1"


def test_a_second_process_is_a_further_device(take):
    first = take("alice")
    first.save(changes(session("alice")), cursors=True)
    second = take("alice")
    found = second.remembered().session
    assert (found.token, found.sibling) == ("", "alice-s1")
    assert second.has_company()
    second.save(changes(session("alice", token="device", number=2)), cursors=True)
    first.close()
    third = take("alice")
    assert third.remembered().session.token == "alice-s1"
    assert second.sibling() == "alice-s1"


def test_a_sibling_that_is_still_connecting_is_seen_when_it_has_its_token(take):
    first, second = take("alice"), take("alice")
    assert second.remembered().session.sibling == ""
    assert second.sibling() == ""
    assert second.has_company()
    first.save(changes(session("alice")), cursors=True)
    assert second.sibling() == "alice-s1"


def test_another_server_at_the_same_address_gets_its_own_identity(take):
    visit(take, "alice")
    slot = take("alice")
    old = slot.remembered()
    assert old.session.token == "alice-s1"
    slot.save(changes(session("alice", "s2")), cursors=True)
    slot.close()
    again = take("alice").remembered().session
    assert (again.server, again.token) == ("s2", "alice-s2")
    assert take("alice").sibling() == "alice-s2"


def test_what_was_typed_for_one_server_stays_with_it(take):
    slot = take("alice")
    slot.save(changes(session("alice"), 0, (), [Entry(1, "#a", "old")]), cursors=True)
    slot.close()
    slot = take("alice")
    slot.remembered()
    slot.save(changes(session("alice", ""), 0, (), [Entry(2, "#a", "new")]), cursors=True)
    slot.save(changes(session("alice", "s2")), cursors=True)
    slot.close()
    assert [entry.text for entry in take("alice").remembered().outbox] == ["new"]


def test_a_server_that_is_back_at_its_address_is_known_again(take):
    visit(take, "alice", "s1")
    visit(take, "alice", "s2")
    slot = take("alice")
    assert slot.remembered().session.server == "s2"
    assert slot.sibling() == "alice-s1"


def test_a_nick_that_another_device_changed_is_not_changed_back(take):
    first = take("alice")
    first.remembered()
    first.save(changes(session("alice")), cursors=True)
    second = take("alice")
    second.remembered()
    second.save(changes(session("alice", token="device")), cursors=True)
    first.save(changes(session("alicia", token="alice-s1")), cursors=True)
    second.save(changes(session("alice", token="device"), 1), cursors=True)
    first.close()
    assert take("alicia").remembered().session.token == "alice-s1"


def test_nobody_else_can_read_it(take, tmp_path):
    take("alice")
    assert stat.S_IMODE((tmp_path / "chatd").stat().st_mode) == 0o700
    for path in (tmp_path / "chatd").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "new\nline"])
def test_a_name_that_is_no_name_is_refused(name, tmp_path):
    with pytest.raises(ClientError, match="cannot name a profile"):
        open_slot(name, HERE, "", "login", named=True, folder=tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "p.sqlite").write_bytes(b"this is no database, but long enough to look at" * 50)
    with pytest.raises(ClientError, match=r"p\.sqlite is damaged; move it away"):
        open_slot("p", HERE, "", "login", named=False, folder=tmp_path)


def test_a_file_of_a_newer_version_is_left_alone(take, tmp_path):
    take().close()
    connection = apsw.Connection(str(tmp_path / "chatd" / "p.sqlite"))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ClientError, match="newer chatc"):
        take()


def test_a_file_from_before_there_were_files_is_read_and_brought_up_to_date(take, tmp_path):
    slot = take("ann")
    slot.save(changes(session("ann"), 5, (), [Entry(1, "#a", "one")]), cursors=True)
    slot.close()
    connection = apsw.Connection(str(tmp_path / "chatd" / "p.sqlite"))
    connection.execute("ALTER TABLE outbox DROP COLUMN file; DROP TABLE upload; PRAGMA user_version = 1")
    connection.close()
    slot = take("ann")
    assert slot.remembered().outbox == (Entry(1, "#a", "one"),)
    entry = Entry(2, "#a", "", file=File(name="x", size=0, sha256="00" * 32))
    slot.save(changes(session("ann"), 5, (), [entry]), cursors=True)
    assert slot.remembered().outbox[1] == entry


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ClientError, match="cannot be written"):
        open_slot("p", HERE, "", "login", named=False, folder=tmp_path / "file" / "chatd")


def test_the_folder_follows_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "chatd"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "chatd"


def test_a_slot_is_free_again_when_its_process_dies(take, tmp_path):
    pid = os.fork()
    if pid == 0:
        open_slot("p", HERE, "alice", "login", named=False, folder=tmp_path / "chatd")
        os._exit(0)
    os.waitpid(pid, 0)
    take("alice")
    assert len(list((tmp_path / "chatd").glob("*.lock"))) == 1
