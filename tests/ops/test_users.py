"""chatctl user: accounts in a data folder, while no daemon uses it."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.x509 import load_pem_x509_certificate

from chatd.chat import accounts
from chatd.chatctl import main
from chatd.clock import wall_milliseconds
from chatd.fingerprint import fingerprint, in_words
from chatd.offline import folder as folders
from chatd.offline import users
from chatd.offline.folder import opened
from chatd.server.passwords import OWASP
from chatd.store.archive import Archive
from chatd.store.sqlite import SqliteStore
from tests.end_to_end.harness.certificates import make_certificate
from tests.store.driven import Driven
from tests.store.test_upgrade import folder  # noqa: F401 - a fixture: Ann and ben have accounts, cem has none

PASSWORD = "correct horse"


@pytest.fixture
def data(folder):  # noqa: F811
    return folder


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(f"{PASSWORD}\nand more\n")
    return path


def ctl(command, data, *words):
    done = CliRunner().invoke(main, ["user", command, str(data), *map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def right(*words):
    done = ctl(*words)
    assert done.exit_code == 0, done.output
    return done.output


def wrong(*words):
    done = ctl(*words)
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    return done.output


def account(data, nick):
    with opened(data) as world:
        user = accounts.find(world, nick)
        return user and user.account


def listed(data):
    rows = [json.loads(line) for line in right("list", data, "--json").splitlines()]
    return {row["nick"]: row for row in rows}


def test_an_account_is_made_with_its_password(data, secret):
    assert right("add", data, "Dora", "--operator", "--password-file", secret) == "Dora is an account now.\n"
    assert OWASP.verify(account(data, "dora").password, PASSWORD)
    assert listed(data)["Dora"] == {"nick": "Dora", "password": True, "sessions": 0, "operator": True}
    assert "is an account already" in wrong("add", data, "DORA", "--no-password")
    assert "nick is not possible" in wrong("add", data, "no nick", "--no-password")


def test_one_of_a_guest_who_is_there(data):
    right("add", data, "dan", "--no-password", "--guest")
    assert account(data, "dan").password == ""
    assert listed(data)["dan"]["sessions"] == 1


def test_who_took_the_nick_first_is_given_no_account(data, secret):
    words = ("--operator", "--password-file", secret)
    assert "A guest has the nick dan; --guest makes that guest the account" in wrong(
        "add", data, "DAN", *words
    )
    assert account(data, "dan") is None
    assert "No guest has the nick dora" in wrong("add", data, "dora", "--guest", *words)
    assert account(data, "dora") is None


def test_the_password_comes_from_a_descriptor(data):
    reading, writing = os.pipe()
    os.write(writing, f"{PASSWORD}\n".encode())
    right("passwd", data, "ann", "--password-fd", reading)
    assert OWASP.verify(account(data, "Ann").password, PASSWORD)
    assert listed(data)["Ann"]["sessions"] == 1
    os.write(writing, b"another one\n")
    right("passwd", data, "ann", "--password-fd", reading, "--end-sessions")
    assert listed(data)["Ann"]["sessions"] == 0
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"short\n", "8 to 512 characters"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "not in UTF-8"),
        (b"", "8 to"),
    ],
)
def test_what_is_no_password(data, secret, content, sentence):
    secret.write_bytes(content)
    assert sentence in wrong("passwd", data, "ann", "--password-file", secret)


def test_without_a_terminal_it_is_not_asked_for(data):
    assert "--password-file or --password-fd" in wrong("passwd", data, "ann")
    assert "cannot be read" in wrong("passwd", data, "ann", "--password-file", "/nowhere")
    assert "cannot be read" in wrong("passwd", data, "ann", "--password-fd", 1_000_000)


def test_disabled_and_enabled(data):
    right("disable", data, "ann")
    assert listed(data)["Ann"] == {"nick": "Ann", "password": False, "sessions": 0, "disabled": True}
    right("enable", data, "ann")
    assert "disabled" not in listed(data)["Ann"]


def test_operators(data):
    right("operator", data, "ann")
    assert listed(data)["Ann"]["operator"]
    assert "Ann is no operator any more" in right("operator", data, "ann", "--off")


def test_a_deleted_account_leaves_its_rooms_and_keeps_its_nick(data, secret):
    done = CliRunner().invoke(main, ["user", "delete", str(data), "ann"], input="n\n")
    assert done.exit_code == 1
    assert "deleted" not in listed(data)["Ann"]
    archive = Archive(data, wall_milliseconds, lambda done, *given: done(*given), pytest.fail)
    for nick in ("ann", "ben"):
        archive.keep(wall_milliseconds(), True, nick, "192.0.2.1", 1, f"life of {nick}".encode())
    archive.close()
    right("delete", data, "ann", "--yes")
    kept = (data / "past.sqlite").read_bytes()
    assert (b"life of ann" in kept, b"life of ben" in kept) == (False, True)
    assert listed(data)["Ann"]["deleted"]
    with opened(data) as world:
        (user,) = [user for user in world.users.values() if user.deleted]
        assert {room.name for room in user.direct} == {"@1+2", "@1+3"}
        assert [member.nick for member in world.rooms["#tea"].members] == ["ben"]
        assert world.rooms["#tea"].log.head == 5
    assert "is an account already" in wrong("add", data, "ann", "--no-password")
    assert "no account ann" in wrong("passwd", data, "ann", "--password-file", secret)


def test_an_invitation(data):
    code = right("invite", data, "--uses", "3").strip()
    assert len(code) == 19
    with opened(data) as world:
        (row,) = world.invites.values()
        assert (row.by, row.uses) == (0, 3)


def test_what_is_listed_for_people(data):
    assert right("list", data) == "Ann, 1 session, no password\nben, 1 session, no password\n"


def test_what_the_system_refuses_is_named(data, tmp_path):
    target = tmp_path / "nowhere" / "backup.tar"
    done = CliRunner().invoke(main, ["backup", str(target), "--data", str(data)])
    assert done.exit_code == 1
    assert done.output.startswith(f"chatctl: That is not possible: {target.parent}/")
    assert done.output.endswith(": No such file or directory.\n")


def test_an_empty_list_says_so(tmp_path):
    done = ctl("list", tmp_path)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "There is no account.\n")
    assert right("list", tmp_path, "--json") == ""


def test_a_folder_that_is_in_use_or_none(data, tmp_path):
    store = Driven(data)
    assert "A daemon uses" in wrong("list", data)
    store.close()
    assert "There is no folder" in wrong("list", tmp_path / "nowhere")
    (tmp_path / "new").mkdir()
    right("add", tmp_path / "new", "ann", "--no-password")
    assert list(listed(tmp_path / "new")) == ["ann"]


@pytest.mark.parametrize("words", [("add", "dora"), ("passwd", "ann")])
def test_the_folder_is_free_while_a_password_is_read(data, monkeypatch, words):
    def read(*_, **__):
        Driven(data).close()
        return PASSWORD

    monkeypatch.setattr(users, "read_password", read)
    command, nick = words
    right(command, data, nick)
    assert OWASP.verify(account(data, nick).password, PASSWORD)


def test_a_disk_that_does_not_answer_is_told_in_a_sentence(data, monkeypatch):
    monkeypatch.setattr(folders, "PATIENCE", 0.01)
    monkeypatch.setattr(SqliteStore, "append", lambda *_: None)
    assert "has not answered" in wrong("disable", data, "ann")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")
def test_root_reads_a_password_that_is_its_own(data, secret, run):
    for path in (data, *data.iterdir()):
        os.chown(path, 65534, 65534)
    for parent in data.parents:
        if parent.stat().st_uid == os.geteuid() and len(parent.parts) > 2:
            parent.chmod(0o755)
    secret.chmod(0o600)
    script = "from chatd.chatctl import main; main()"
    done = run("python", "-c", script, "user", "passwd", data, "ann", "--password-file", secret)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")
def test_root_acts_as_the_owner_of_the_folder(data, run):
    for path in (data, *data.iterdir()):
        os.chown(path, 65534, 65534)
    for parent in data.parents:
        if parent.stat().st_uid == os.geteuid() and len(parent.parts) > 2:
            parent.chmod(0o755)
    script = "from chatd.chatctl import main; main()"
    done = run("python", "-c", script, "user", "disable", data, "ann")
    assert done.returncode == 0, done.stderr
    assert {path.stat().st_uid for path in data.iterdir()} == {65534}


def test_certificates_of_an_account(data, tmp_path):
    pem, _ = make_certificate(tmp_path, "ann")
    shown = fingerprint(load_pem_x509_certificate(pem.read_bytes()))

    def certificate(command, *words):
        return CliRunner().invoke(main, ["user", "certificate", command, str(data), *map(str, words)])

    def rows():
        return [json.loads(line) for line in certificate("list", "ann", "--json").output.splitlines()]

    assert certificate("list", "ann").output == "No certificate opens ann.\n"
    assert certificate("add", "ann", pem, "--name", "laptop").exit_code == 0
    assert re.fullmatch(f"{shown}, added [0-9-]{{10}}, laptop\n", certificate("list", "ann").output)
    assert certificate("add", "ann", in_words("ab" * 32)).exit_code == 0
    assert {(row["fingerprint"], row["name"], row["added"] > 0) for row in rows()} == {
        (shown, "laptop", True),
        ("ab" * 32, "", True),
    }
    assert certificate("remove", "ann", shown).exit_code == 0
    assert [row["fingerprint"] for row in rows()] == ["ab" * 32]
    for words, sentence in (
        (("remove", "ann", shown), "No such certificate opens this account"),
        (
            ("add", "ann", "ff"),
            "chatctl: ff cannot be read: No such file or directory; name a file with",
        ),
        (("add", "ann", Path(__file__)), "neither a fingerprint nor a file with a certificate"),
        (("add", "nobody", shown), "There is no account nobody"),
    ):
        done = certificate(*words)
        assert (done.exit_code, done.output.count("\n")) == (1, 1)
        assert sentence in done.output
