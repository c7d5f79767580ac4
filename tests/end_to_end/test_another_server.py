"""The data folder of the server is replaced: what waits for the old one is told, and stays by itself."""

import json
import shutil

import pytest

from tests.end_to_end.harness.processes import PATIENCE, environment, script
from tests.end_to_end.harness.program import finished
from tests.end_to_end.harness.typist import Typist


@pytest.fixture
def chatc(tmp_path, daemon):
    """Return a function that runs chatc on a profile to its end."""

    def run(*arguments, given="", nick="ann"):
        return finished(
            [*script("chatc"), "--server", f"127.0.0.1:{daemon.port}", "--nick", nick, *arguments],
            env=environment(XDG_STATE_HOME=str(tmp_path / nick)),
            given=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def sit(tmp_path, daemon):
    """Return a function that seats ann at a terminal."""
    seated = []

    def sit():
        server = ("--server", f"127.0.0.1:{daemon.port}", "--nick", "ann")
        seated.append(Typist(tmp_path / "ann", *server, columns=150))
        return seated[-1]

    yield sit
    for typist in seated:
        typist.close()


def said(chatc, room):
    out = chatc("history", room, "--json", nick="bob").stdout
    return [
        event["text"] for event in map(json.loads, out.splitlines()) if event["kind"] in {"message", "file"}
    ]


@pytest.fixture
def replaced(daemon, chatc, sit, tmp_path):
    """Let ann leave two texts and a file for a server; put another one in its place."""
    assert chatc(given="/join #tea\nfirst\n").returncode == 0
    daemon.kill()
    (tmp_path / "photo").write_text("a photo")
    ann = sit()
    ann.await_last("#tea (offline)>")
    ann.type("one\r")
    ann.await_last("#tea (offline, 1 waiting)>")
    ann.type("two\r")
    ann.await_last("#tea (offline, 2 waiting)>")
    ann.type(f"/put {tmp_path / 'photo'} look")
    ann.await_line(" look$")  # what follows before it is read would be a paste
    ann.type("\r")
    ann.await_last("#tea (offline, 2 waiting)>")
    ann.type("/quit\r")
    ann.wait()
    shutil.rmtree(daemon.data)
    daemon.start()
    assert chatc(nick="bob", given="/join #tea\nnew here\n").returncode == 0


TOLD = r"not the server that you used at [0-9.:]+ before\. Waiting for that one: 2 messages and 1 file"


def test_a_person_is_told_and_sends_what_waits(replaced, chatc, sit):
    ann = sit()
    ann.await_line(TOLD)
    ann.await_line("all commands with /help")
    ann.type("/waiting\r")
    ann.await_line("message for #tea: two")
    ann.await_line("file for #tea: .*photo")
    assert said(chatc, "#tea") == ["new here"]
    ann.type("/join #tea\r")
    ann.await_last("#tea>")
    ann.type("/waiting send\r")
    ann.await_line("Sending 2 messages and 1 file here")
    ann.await_line("posts photo")
    assert said(chatc, "#tea") == ["new here", "one", "two", "look"]
    ann.type("/waiting\r")
    ann.await_line("Nothing is left|nothing waits")


def test_a_person_drops_what_waits(replaced, chatc, sit):
    ann = sit()
    ann.await_line(TOLD)
    ann.type("/waiting drop\r")
    ann.await_line("Nothing is left for another server")
    ann.type("/quit\r")
    ann.wait()
    assert "Nothing is left" in chatc("waiting").stdout
    assert said(chatc, "#tea") == ["new here"]


def test_in_a_pipe_it_is_told_and_sent_or_dropped_by_commands(replaced, chatc):
    done = chatc("send", "#tea", "of today")
    assert done.returncode == 0
    assert "this is not the server that you used" in done.stderr
    assert said(chatc, "#tea") == ["new here", "of today"]
    assert "message for #tea: one" in chatc("waiting").stdout
    done = chatc("waiting", "--send")
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 messages sent, 0 refused" in done.stderr
    assert said(chatc, "#tea") == ["new here", "of today", "one", "two", "look"]
    assert "message for" not in chatc("waiting").stdout
    assert chatc("waiting", "--drop").returncode == 0
