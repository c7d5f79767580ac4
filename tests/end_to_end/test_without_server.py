"""chatc that is started while its server is down: it uses what is on disk and says nothing untrue."""

import json
import subprocess

import pytest

from tests.end_to_end.harness.processes import PATIENCE, environment, script
from tests.end_to_end.harness.program import Program, finished
from tests.end_to_end.harness.typist import Typist


@pytest.fixture
def chatc(tmp_path, daemon):
    """Return a function that runs chatc on ann's profile, or on that of another folder, to its end."""

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


def said(chatc, room, nick="bob"):
    """Return the texts in a room, as somebody else reads them."""
    out = chatc("history", room, "--json", nick=nick).stdout
    return [event["text"] for event in map(json.loads, out.splitlines()) if event["kind"] == "message"]


@pytest.fixture
def sit(tmp_path, daemon):
    """Return a function that seats ann at a terminal."""
    seated = []

    def sit():
        seated.append(Typist(tmp_path / "ann", "--server", f"127.0.0.1:{daemon.port}", "--nick", "ann"))
        return seated[-1]

    yield sit
    for typist in seated:
        typist.close()


def test_the_topic_of_a_room_that_is_being_joined_is_the_one_that_it_has(chatc):
    assert chatc(given="/join #tea\n/topic biscuits\n", nick="bob").returncode == 0
    done = chatc(given="/join #tea\n/topic\n")
    assert done.returncode == 0
    assert "The topic of #tea: biscuits" in done.stdout.splitlines()


def test_in_a_pipe_everything_waits_and_goes_out_in_order(chatc, daemon, tmp_path):
    assert chatc("rooms", nick="bob").returncode == 0
    assert chatc(given="/join #tea\nfirst\n").returncode == 0
    daemon.kill()
    process = Program(
        [*script("chatc"), "--server", f"127.0.0.1:{daemon.port}", "--nick", "ann"],
        env=environment(XDG_STATE_HOME=str(tmp_path / "ann")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdin.write("one\n/rooms\n/msg bob psst\n/topic\ntwo\n/join #tea\nthree\n")
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines == [
            "*  1 #tea\n",
            "These are yours; the others can be listed when there is a connection.\n",
        ]
        daemon.start()
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert "in no room" not in err
    assert "has no topic" not in out
    assert "The topic of #tea is known when there is a connection." in err
    assert process.returncode == 1  # the topic was asked for in vain
    assert said(chatc, "#tea") == ["first", "one", "two", "three"]
    assert said(chatc, "@ann") == ["psst"]


def test_what_a_pipe_left_goes_out_the_next_time(chatc, daemon, tmp_path):
    assert chatc(given="/join #tea\nfirst\n").returncode == 0
    daemon.kill()
    process = Program(
        [*script("chatc"), "--server", f"127.0.0.1:{daemon.port}", "--nick", "ann"],
        env=environment(XDG_STATE_HOME=str(tmp_path / "ann")),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdin.write(b"kept\n/join #tea\n")
    process.stdin.flush()
    while b"/join is asked" not in process.stderr.readline():
        pass
    process.kill()
    process.communicate()
    daemon.start()
    assert chatc(given="and more\n").returncode == 0
    assert said(chatc, "#tea") == ["first", "kept", "and more"]


def test_at_a_terminal_one_room_is_talked_in_at_once(chatc, daemon, sit):
    assert chatc(given="/join #tea\nfirst\n").returncode == 0
    daemon.kill()
    ann = sit()
    ann.await_line("You are ann, talking in #tea; what you send waits for a connection")
    ann.type("one\r")
    ann.await_last("#tea (offline, 1 waiting)>")
    ann.type("two\r")
    ann.await_last("#tea (offline, 2 waiting)>")
    assert not any("no room" in line for line in ann.look())
    daemon.start()
    ann.await_line("<ann> two")
    ann.await_last("#tea>")
    assert said(chatc, "#tea") == ["first", "one", "two"]


def test_at_a_terminal_the_numbers_are_those_of_before(chatc, daemon, sit):
    """The rooms keep the order in which they were entered, with and without a connection."""
    assert chatc(given="/join #zoo\n/join #tea\n/join #abc\nx\n").returncode == 0
    for connected in (True, False, False):
        if not connected and daemon.running:
            daemon.kill()
        ann = sit()
        ann.await_line(r"You are ann, in #zoo \(Alt-1\), #tea \(Alt-2\), #abc \(Alt-3\)")
        ann.type("\x1b2")
        ann.await_last("#tea>" if connected else "#tea (offline)>")
        if connected:
            ann.type("/quit\r")
            ann.wait()
        else:
            break
    ann.type("to tea\r")
    ann.await_line("queued  #tea to tea")
    ann.type("\x1b1")
    ann.type("to the zoo\r")
    ann.await_last(r"#zoo (offline, 2 waiting)>")
    ann.type("/rooms\r")
    ann.await_line(r"^\*  1 #zoo")
    ann.await_line(r"^   2 #tea")
    ann.type("/msg bob\r")
    ann.await_last("@bob (offline, 2 waiting)>")
    daemon.start()
    ann.await_last("@bob>")
    assert said(chatc, "#tea") == ["to tea"]
    assert said(chatc, "#zoo") == ["to the zoo"]


def test_who_is_in_several_rooms_is_told_which_ones(chatc, daemon):
    assert chatc(given="/join #tea\n/join #abc\nx\n").returncode == 0
    told = "Not sent: say where. You are in #tea, #abc; /join one, then send it again."
    done = chatc(given="hello\n")
    assert done.returncode == 1
    assert told in done.stderr


def test_a_room_that_was_left_on_another_device_is_told_when_that_is_known(chatc, daemon, sit):
    assert chatc(given="/join #tea\n/join #abc\nx\n").returncode == 0
    first = sit()
    first.await_line("You are ann, in #tea")
    second = sit()  # it has another slot of the profile
    second.await_line("You are ann, in #tea")
    first.type("/quit\r")
    first.wait()
    second.type("/leave #tea\r")
    second.await_line("no longer in #tea")
    second.type("/quit\r")
    second.wait()
    daemon.kill()
    third = sit()
    third.await_line("You are ann, in #tea")
    daemon.start()
    third.await_line("You are no longer in #tea")


def test_a_second_device_knows_the_rooms_of_the_first(chatc, daemon, sit):
    assert chatc(given="/join #tea\nx\n").returncode == 0
    daemon.kill()
    first, second = sit(), sit()
    for somebody in (first, second):
        somebody.await_last("#tea (offline)>")
    second.type("from the second\r")
    second.await_line("queued  #tea from the second")
    daemon.start()
    first.await_line("<ann> from the second")
    second.await_last("#tea>")
