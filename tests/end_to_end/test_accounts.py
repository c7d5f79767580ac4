"""Accounts with whole programs: chatctl makes them, chatc logs in, and no password is left anywhere."""

import json
import os
import pty
import termios
import time

import pytest

from tests.end_to_end.harness.processes import LOOPBACK, environment, script
from tests.end_to_end.harness.program import Program, run, take_terminal
from tests.end_to_end.harness.typist import Typist

SECRETS = ("correct horse", "battery staple")


@pytest.fixture
def site(make_daemon, tmp_path):
    """A daemon with an operator's account, and two files with passwords."""
    for number, secret in enumerate(SECRETS):
        (tmp_path / f"pw{number}").write_text(f"{secret}\n")
    daemon = make_daemon("guests = 'read-only'\n[accounts]\nregistration = 'invite'\n")
    daemon.data.mkdir()
    add = ("add", str(daemon.data), "op", "--operator", "--password-file", "pw0")
    done = run(*script("python"), "-c", "from chatd.chatctl import main; main()", "user", *add, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return daemon.start()


@pytest.fixture
def chatc(site, tmp_path):
    def chatc(profile, *words):
        server = ("--server", f"{LOOPBACK}:{site.port}", "--state", "state", "--profile", profile)
        return run(*script("chatc"), *server, *words, cwd=tmp_path)

    return chatc


def right(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_life_with_an_account(site, chatc, tmp_path):
    right(chatc("op", "--nick", "op", "login", "--password-file", "pw0"))
    code = right(chatc("op", "invite")).strip()
    bad = chatc("ben", "--nick", "ben", "register", "--password-file", "pw0", "--invite", "nonsense")
    assert (bad.returncode, "ask for another" in bad.stderr) == (1, True)
    right(chatc("ben", "--nick", "ben", "register", "--password-file", "pw0", "--invite", code))
    right(chatc("ben", "send", "#tea", "hello"))
    away = chatc("ben", "away", "at lunch", "--for", "2h")
    assert (away.returncode, away.stderr) == (
        0,
        "chatc: You are away: at lunch (2 h left); chatc back ends it.\n",
    )
    assert "away: at lunch (2 h left)" in right(chatc("ben", "who", "#tea"))
    assert json.loads(right(chatc("ben", "who", "#tea", "--json")))["status"]["state"] == "away"
    assert chatc("ben", "back").stderr == "chatc: You are neither away nor busy.\n"
    assert chatc("ben", "busy", "--for", "soon").returncode == 1
    assert chatc("guest", "--nick", "eve", "send", "#tea", "hello").returncode == 1
    assert "hello" in right(chatc("guest", "history", "#tea"))
    right(chatc("ben", "passwd", "--old-password-file", "pw0", "--password-file", "pw1"))
    wrong = chatc("other", "--nick", "ben", "login", "--password-file", "pw0")
    assert (wrong.returncode, "The nick or the password is wrong" in wrong.stderr) == (1, True)
    login = chatc("other", "--nick", "ben", "login", "--password-file", "pw1")
    assert "a wrong password was given once for the account ben." in login.stderr
    rows = [json.loads(line) for line in right(chatc("ben", "sessions", "--json")).splitlines()]
    assert [row.get("here", False) for row in rows] == [True, False]
    again = chatc("other", "login", "--password-file", "pw1")
    assert (again.returncode, "ben here already, an account" in again.stderr) == (1, True)
    out = chatc("other", "logout", "--everywhere")
    assert (out.returncode, out.stderr) == (0, "chatc: ben is logged out everywhere\n")
    assert chatc("ben", "send", "#tea", "still me?").returncode == 1
    right(chatc("ben", "--nick", "ben", "login", "--password-file", "pw1"))
    site.terminate()
    for path in [*site.data.rglob("*"), *(tmp_path / "state").rglob("*"), site.log_file]:
        if path.is_file():
            assert not [secret for secret in SECRETS if secret.encode() in path.read_bytes()], path
    assert not site.faults()


def test_in_a_conversation_it_is_asked_for_at_the_prompt(make_daemon, tmp_path):
    daemon = make_daemon("[accounts]\nregistration = 'open'\n").start()
    ann = Typist(tmp_path / "ann", "--server", f"{LOOPBACK}:{daemon.port}", "--nick", "ann")
    try:
        ann.await_line("all commands with /help")
        ann.type("/register\r")
        ann.await_last("New password:")
        ann.type(f"{SECRETS[0]}\r")
        ann.await_last("The same again:")
        ann.type("battery\r")
        ann.await_line("The two passwords are not the same.")
        ann.await_last("New password:")
        ann.type(f"{SECRETS[0]}\r")
        ann.await_last("The same again:")
        ann.type(f"{SECRETS[0]}\r")
        ann.await_line("ann is an account now")
        ann.type("\x1b[A")  # the line before, which is the command
        ann.await_last("> /register")
        ann.type("\x03/passwd\r")
        ann.await_last("Present password (Enter if none):")
        ann.type("wrong horse\r")
        ann.await_line("That is not the present password.")
        ann.await_last("Present password (Enter if none):")
        ann.type("\x03")
        ann.await_line("No password was given")
        ann.await_last(">")
        assert b"horse" not in ann.bytes
    finally:
        ann.close()
    assert not daemon.faults()


def test_who_deletes_the_account_is_asked_whether_and_for_the_password(make_daemon, tmp_path):
    daemon = make_daemon("[accounts]\nregistration = 'open'\n").start()
    server = ("--server", f"{LOOPBACK}:{daemon.port}")
    (tmp_path / "pw").write_text(SECRETS[0])

    def chatc(*words):
        return run(*script("chatc"), *server, "--state", "ann/chatd", *words, cwd=tmp_path)

    right(chatc("--nick", "ann", "register", "--password-file", "pw"))
    right(chatc("send", "#tea", "psst"))
    unasked = chatc("delete-account", "--password-file", "pw")
    assert (unasked.returncode, "--yes" in unasked.stderr) == (1, True)
    deleted = "the account ann is deleted; what it has said"
    for answer, then, said, status in (
        ("n\r", "", "nothing is deleted", 1),
        ("y\r", f"{SECRETS[0]}\x03", "Password of ann:", 130),
        ("y\r", f"{SECRETS[0]}\r", deleted, 0),
    ):
        ann = Typist(tmp_path / "ann", *server, "delete-account", "--erase", columns=160)
        try:
            ann.await_line(r"all that you have said is erased, for everybody")
            ann.await_last("chatc: Delete it? [y/N]")
            ann.type(answer)
            if then:
                ann.await_last("Password of ann:")
                ann.type(then)
            assert ann.wait() == status
            ann.await_line(said)
            assert ann.settings == ann.before
            assert b"horse" not in ann.bytes
        finally:
            ann.close()
    daemon.await_said("account-erased")
    gone = chatc("--nick", "ann", "send", "#tea", "again")
    assert (gone.returncode, "ann" in gone.stderr) == (1, True)
    assert not daemon.faults()


def test_who_is_logged_in_already_is_told_before_a_password_is_asked_for(site, chatc, tmp_path):
    right(chatc("default", "--nick", "op", "--device-name", "desk", "login", "--password-file", "pw0"))
    rows = right(chatc("default", "sessions", "--json")).splitlines()
    assert [json.loads(row)["label"] for row in rows] == ["desk"]
    (tmp_path / "op").mkdir()
    (tmp_path / "state").rename(tmp_path / "op" / "chatd")
    words = ("--server", f"{LOOPBACK}:{site.port}", "login")
    again = Typist(tmp_path / "op", *words, columns=160)
    try:
        assert again.wait() == 1
        again.await_line("This profile is op here already, an account; log out first, or name another one.")
        assert b"assword" not in again.bytes
    finally:
        again.close()
    assert not site.faults()


def test_who_mistypes_it_is_asked_again(site, tmp_path):
    words = ("--server", f"{LOOPBACK}:{site.port}", "--nick", "op", "login")
    typist = Typist(tmp_path / "op", *words)
    try:
        for wrong in ("wrong horse", "dead horse"):
            typist.await_last("Password of op:")
            typist.type(f"{wrong}\r")
            typist.await_line("The nick or the password is wrong")
        typist.await_last("Password of op:")
        typist.type(f"{SECRETS[0]}\r")
        assert typist.wait() == 0
        rows = typist.await_line("logged in as op")
        assert sum("is wrong" in row for row in rows) == 2
        assert b"horse" not in typist.bytes
        assert typist.settings == typist.before
    finally:
        typist.close()
    assert not site.faults()


def test_it_is_asked_for_without_echo(site, tmp_path):
    ours, theirs = pty.openpty()
    words = ["--server", f"{LOOPBACK}:{site.port}", "--state", "state", "--nick", "op", "login"]
    process = Program(
        [*script("chatc"), *words],
        cwd=tmp_path,
        env=environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(theirs)
    shown = b""
    until = time.monotonic() + 30
    while b"Password" not in shown and time.monotonic() < until:
        shown += os.read(ours, 1024)
    while termios.tcgetattr(ours)[3] & termios.ECHO and time.monotonic() < until:
        time.sleep(0.01)
    os.write(ours, f"{SECRETS[0]}\n".encode())
    try:
        while more := os.read(ours, 1024):
            shown += more
    except OSError:
        pass  # the other side has ended
    os.close(ours)
    assert process.wait(30) == 0, shown
    assert b"logged in as op" in shown
    assert b"horse" not in shown
