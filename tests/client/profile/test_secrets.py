"""A secret goes to nobody but who gave it: whole chatc processes, and a server that catches what it is shown.

``"x" * 43`` is the token that the catcher gives.
"""

import re
import shutil
import socket
import sqlite3
import sys
import threading
import time
from contextlib import closing, suppress

import pytest

from tests.client.commands import PATIENCE
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.liar import Liar
from tests.end_to_end.harness.processes import Deadline, environment, free_port
from tests.end_to_end.harness.program import finished
from tests.end_to_end.harness.typist import Typist


def profile(folder, name="default"):
    """Return the server, the nick and the token of every session in a profile."""
    with closing(sqlite3.connect(folder / "state" / "chatd" / f"{name}.sqlite")) as database:
        return database.execute(
            "SELECT server, nick, token FROM slot JOIN identity ON identity.id = slot.identity"
        ).fetchall()


def is_known(run, tmp_path, *options):
    """Make ann known to the daemon; return the id that it goes by."""
    status, _, err = run(*options, "--nick", "ann", "send", "#a", "hello")
    assert status == 0, err
    name = options[options.index("--profile") + 1] if "--profile" in options else "default"
    ((server, nick, token),) = profile(tmp_path, name)
    assert nick == "ann"
    assert token
    return server


def shown_to(catcher, process):
    """Wait until the catcher was greeted; end the client, and return the secrets that were shown."""
    deadline = Deadline(PATIENCE)
    while not catcher.asked and process.poll() is None:
        deadline.check("a hello")
        time.sleep(0.02)
    time.sleep(0.2)
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    assert b"Traceback" not in err, err
    return catcher.tokens(), out + err


COMMANDS = {
    "chat": (),
    "send": ("send", "#a", "x"),
    "tail": ("tail", "#a"),
    "talk": ("talk", "#a"),
    "history": ("history", "#a"),
    "rooms": ("rooms",),
    "who": ("who", "#a"),
    "put": ("put", "#a", "setup.cfg"),
    "get": ("get", "#a", "1"),
}


@pytest.mark.parametrize("options", [(), ("--profile", "work")], ids=["default", "named"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_shows_the_secret_to_another_port(run, chatc, tmp_path, options, command):
    server = is_known(run, tmp_path, *options)
    with Liar({}, server=server) as catcher:
        for nick in ((), ("--nick", "ann")):
            process = chatc(*options, *nick, "--server", f"127.0.0.1:{catcher.port}", *COMMANDS[command])
            tokens, _ = shown_to(catcher, process)
            # What the catcher gave, it may be shown.
            assert set(tokens) <= {"", "x" * 43}
            assert tokens


@pytest.mark.parametrize("options", [(), ("--profile", "work")], ids=["default", "named"])
@pytest.mark.parametrize("host", ["127.0.0.2", "::1"])
def test_the_same_port_of_another_host_is_shown_nothing(daemon, run, chatc, tmp_path, options, host):
    server = is_known(run, tmp_path, *options)
    with Liar({}, host=host, port=daemon.port, server=server) as catcher:
        address = f"[{host}]:{daemon.port}" if ":" in host else f"{host}:{daemon.port}"
        tokens, _ = shown_to(catcher, chatc(*options, "--server", address, "send", "#a", "x"))
        assert tokens == [""]


def test_a_catcher_that_says_it_is_the_known_server_gets_nothing_by_staying(run, chatc, tmp_path):
    """It takes the newcomer in as ann, under the server's name; later runs show it what it gave alone."""
    server = is_known(run, tmp_path)
    with Liar({}, server=server) as catcher:
        address = f"127.0.0.1:{catcher.port}"
        for _ in range(3):
            shown_to(catcher, chatc("--nick", "ann", "--server", address, "tail", "#a"))
        first = chatc("--nick", "ann", "--server", address, "tail", "#a")
        shown_to(catcher, chatc("--nick", "ann", "--server", address, "tail", "#a"))
        first.terminate()
        assert set(catcher.tokens()) <= {"", "x" * 43}
    assert run("--nick", "ann", "send", "#a", "still me") == (0, "", "")


def secure(daemon, folder):
    """Give a daemon a second listener, with TLS; return its address and its authority."""
    certificate, key = make_certificate(folder)
    port = free_port()
    tls = f"ssl:{port}:interface=127.0.0.1:certKey={certificate}:privateKey={key}"
    daemon.listen = (*daemon.listen, tls)
    daemon.start()
    return f"tls://localhost:{port}", str(certificate)


def test_a_secret_that_was_made_over_tls_never_goes_over_plain_text(make_daemon, run, chatc, tmp_path):
    address, authority = secure(make_daemon(), tmp_path)
    assert run("--server", address, "--ca", authority, "--nick", "ann", "send", "#a", "x")[0] == 0
    port = int(address.rpartition(":")[2])
    ((server, _, _),) = profile(tmp_path)
    with Liar({}, server=server) as catcher:
        plain = f"localhost:{catcher.port}"
        for options in ((), ("--profile", "default"), ("--nick", "ann")):
            tokens, _ = shown_to(catcher, chatc(*options, "--server", plain, "rooms"))
            assert set(tokens) <= {"", "x" * 43}
        before = len(catcher.asked)
        status, _, err = run("--server", plain, "--same-as", address, "--nick", "ann", "rooms")
        assert status == 1
        assert err.count("\n") == 1
        assert f"never sent in plain text; use {address}" in err
        assert len(catcher.asked) == before
    assert port


def test_who_comes_by_another_address_is_told_and_can_go_on(make_daemon, run, tmp_path):
    daemon = make_daemon()
    second = free_port()
    daemon.listen = (*daemon.listen, f"tcp:{second}:interface=127.0.0.1")
    daemon.start()
    known, other = f"127.0.0.1:{daemon.port}", f"127.0.0.1:{second}"
    here, there = ("--server", known), ("--server", other)
    assert run(*here, "--nick", "ann", "send", "#a", "x") == (0, "", "")
    status, _, err = run(*there, "--nick", "ann", "rooms")
    assert status == 1
    assert re.fullmatch(
        rf"chatc: The nick ann belongs to somebody else; .*--same-as {re.escape(known)}.*\n", err
    ), err
    status, _, err = run(*there, "--nick", "ann", "--same-as", known, "send", "#a", "me")
    assert (status, err) == (0, "")
    assert run(*there, "send", "#a", "and again") == (0, "", "")
    assert run(*here, "send", "#a", "and here") == (0, "", "")
    assert run(*here, "history", "#a", "--json")[1].count('"by":"ann"') == 5


def test_who_is_let_in_as_somebody_else_is_told_who_they_were(make_daemon, run, tmp_path):
    daemon = make_daemon()
    second = free_port()
    daemon.listen = (*daemon.listen, f"tcp:{second}:interface=127.0.0.1")
    daemon.start()
    known = f"127.0.0.1:{daemon.port}"
    assert run("--server", known, "--nick", "ann", "send", "#a", "x")[0] == 0
    for command, given in ((("send", "#a", "y"), ""), (("rooms",), ""), ((), "/join #a\nhello\n")):
        copy = tmp_path / f"copy{len(command)}"
        shutil.copytree(tmp_path / "state" / "chatd", copy)
        options = ("--state", str(copy), "--server", f"127.0.0.1:{second}", "--nick", f"n{len(command)}")
        status, _, err = run(*options, *command, given=given)
        assert status == 0
        assert f"says that it is the one that you know as {known}, where you are ann" in err
        assert f"--same-as {known}" in err


def test_nobody_is_known_at_an_address_that_was_never_used(run):
    status, _, err = run("--same-as", "example.org", "rooms")
    assert status == 1
    assert err.count("\n") == 1
    assert "nobody at example.org:7411" in err


@pytest.mark.parametrize("answer", ["y", ""])
def test_at_a_terminal_one_question_decides(make_daemon, run, tmp_path, answer):
    daemon = make_daemon()
    second = free_port()
    daemon.listen = (*daemon.listen, f"tcp:{second}:interface=127.0.0.1")
    daemon.start()
    assert run("--nick", "ann", "--server", f"127.0.0.1:{daemon.port}", "send", "#a", "x")[0] == 0
    for again in (False, True):
        typist = Typist(tmp_path / "state", "--server", f"127.0.0.1:{second}", LOGNAME="login")
        try:
            if not again:
                typist.await_line(r"127\.0\.0\.1:\d+ is new here.*ann")
                typist.await_line(r"\[y/N\]")
                typist.type(f"{answer}\n")
            rows = typist.await_line(r"You are (ann|login)")
            assert any("You are ann" in row for row in rows) == (answer == "y"), rows
            typist.type("/quit\r")
            typist.wait()
        finally:
            typist.close()


def test_a_question_that_is_broken_off_connects_nowhere(daemon, run, tmp_path):
    assert run("--nick", "ann", "send", "#a", "x")[0] == 0
    with Liar({}) as catcher:
        typist = Typist(tmp_path / "state", "--server", f"127.0.0.1:{catcher.port}", LOGNAME="login")
        try:
            typist.await_line(r"\[y/N\]")
            typist.type("\x03")
            assert typist.wait() == 130
        finally:
            typist.close()
        assert catcher.calls == 0


class Answering:
    """A listener that says ``answer`` to everybody, and keeps what it heard."""

    def __init__(self, answer=b""):
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                with link:
                    self.heard.append(link.recv(65_536))
                    link.sendall(self._answer)

    def close(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 407])
def test_a_proxy_that_points_to_another_gets_nobody_the_password(daemon, run, status):
    pytest.importorskip("h11")
    other = Answering()
    where = f"http://127.0.0.1:{other.port}/"
    answer = f"HTTP/1.1 {status} There\r\nLocation: {where}\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"
    proxy = Answering(answer.encode())
    try:
        url = f"http://ann:hush@127.0.0.1:{proxy.port}"
        _, out, err = run("--proxy", url, "send", "--timeout", "1.5", "#a", "x")
        assert proxy.heard
        assert all(b"Proxy-Authorization: Basic YW5uOmh1c2g=" in request for request in proxy.heard)
        assert other.heard == []
        assert "hush" not in out + err
    finally:
        proxy.close()
        other.close()
    assert ("refused: 407" if status == 407 else "cannot connect") in err


def test_a_further_device_shows_the_secret_of_the_first_to_its_origin_alone(daemon, run, chatc, tmp_path):
    """The second process of a person begins with the token of the first: not at another address."""
    server = is_known(run, tmp_path)
    first = chatc("--nick", "ann", "tail", "#a")
    assert b"connected" in first.stderr.readline()
    with Liar({}, server=server) as catcher:
        for options in ((), ("--profile", "default"), ("--nick", "ann")):
            address = f"127.0.0.1:{catcher.port}"
            tokens, _ = shown_to(catcher, chatc(*options, "--server", address, "rooms"))
            assert set(tokens) <= {"", "x" * 43}
    assert run("--nick", "ann", "send", "#a", "a further device") == (0, "", "")


def test_a_program_that_uses_the_client_shows_no_secret_either(daemon, run, tmp_path):
    server = is_known(run, tmp_path)
    program = """
import sys
from pathlib import Path
from twisted.internet import reactor
from chatd.client.core.address import parse_address
from chatd.client.api import open_client
from chatd.client.values import Options

options = Options(server=parse_address(sys.argv[1]), nick="ann", folder=Path(sys.argv[2]))
client = open_client(reactor, options)
client.start()
reactor.callLater(1.0, lambda: client.stop().addCallback(lambda _: reactor.stop()))
reactor.run()
"""
    with Liar({}, server=server) as catcher:
        address, folder = f"127.0.0.1:{catcher.port}", tmp_path / "state" / "chatd"
        finished([sys.executable, "-c", program, address, str(folder)], env=environment(), check=True)
        assert catcher.tokens() == [""]
