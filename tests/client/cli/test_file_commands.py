"""chatc put and get as people and scripts run them, against a real daemon."""

import json
import os
import pty
import re
import select
import signal
import time

import pytest

from tests.client.commands import PATIENCE
from tests.end_to_end.harness.forwarder import Forwarder
from tests.end_to_end.harness.processes import Deadline
from tests.end_to_end.harness.typist import Typist

SIZE = 4_000_000
SLOW = 2_000_000
"""Bytes per second of a line on which a file of `SIZE` takes two seconds."""


@pytest.fixture
def file(tmp_path):
    """Return a function that makes files."""

    def make(name="a b.bin", size=SIZE):
        path = tmp_path / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(size))
        return path

    return make


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def test_there_and_back(run, file, tmp_path):
    one, two = file(), file("empty.txt", 0)
    assert run("--nick", "ann", "put", "#a", str(one), str(two), "--caption", "both") == (0, "", "")
    status, out, _ = run("history", "#a", "--json")
    assert status == 0
    events = [event for event in lines(out) if event["kind"] == "file"]
    assert [(event["text"], event["file"]["name"]) for event in events] == [
        ("both", one.name),
        ("", two.name),
    ]
    _, out, _ = run("history", "#a")
    assert f"posts {one.name} (4.0 MB): chatc get '#a' 2\n      both\n" in out
    target = tmp_path / "down"
    target.mkdir()
    for number in ("", " (1)"):
        expected = target / f"a b{number}.bin"
        assert run("--nick", "bob", "get", "#a", "2", "-o", str(target)) == (0, f"{expected}\n", "")
        assert expected.read_bytes() == one.read_bytes()
    digest = events[1]["file"]["sha256"]
    assert run("get", "#a", digest[:8], "-o", str(target / "x")) == (0, f"{target / 'x'}\n", "")
    assert (target / "x").read_bytes() == b""
    status, _, err = run("get", "#a", "2", "-o", str(target / "x"))
    assert (status, err) == (
        1,
        f"chatc: {target / 'x'} is there already; name another, or replace it with --force.\n",
    )
    assert run("get", "#a", "2", "-o", str(target / "x"), "--force")[0] == 0
    assert (target / "x").read_bytes() == one.read_bytes()


def test_in_a_pipe_files_are_put_and_got_before_it_ends(run, file, tmp_path):
    path = file()
    given = f'/join #a\n/put "{path}" caption\n'
    status, out, err = run(given=given)
    assert (status, re.sub("^[0-9:]{5} ", "", out, flags=re.MULTILINE).splitlines()[-2:]) == (
        0,
        ["#a <login> posts a b.bin (4.0 MB): /get 2", "      caption"],
    )
    assert "sending" not in out + err
    status, out, _ = run(given=f"/join #a\n/get 2 {tmp_path}/got\n/put {tmp_path}\n")
    assert status == 1
    assert (tmp_path / "got").read_bytes() == path.read_bytes()


def test_lines_of_json_tell_how_far_it_is(daemon, run, file, tmp_path):
    with Forwarder(daemon.port, rate=SLOW) as line:
        server = ("--server", f"127.0.0.1:{line.port}")
        status, out, err = run(*server, "put", "#a", str(file()), "--json")
        assert (status, err) == (0, "")
        told = lines(out)
        assert [one["state"] for one in told][-1] == "done"
        assert {"reading", "sending"} <= {one["state"] for one in told}
        done = [one["done"] for one in told if one["state"] == "sending"]
        assert done == sorted(done)
        assert all(one["percent"] < 100 for one in told[:-1])
        assert (told[-1]["percent"], told[-1]["seq"], told[-1]["size"]) == (100, 2, SIZE)
        status, out, err = run(*server, "get", "#a", "2", "-o", str(tmp_path / "x"), "--json")
        assert (status, err) == (0, "")
        assert lines(out)[-1]["path"] == str(tmp_path / "x")


def test_what_was_killed_goes_on_where_it_was(daemon, chatc, run, file, tmp_path):
    path, target = file(), tmp_path / "got"
    with Forwarder(daemon.port, rate=SLOW) as line:
        server = ("--server", f"127.0.0.1:{line.port}")
        commands = [("put", "#a", str(path)), ("get", "#a", "2", "-o", str(target))]
        for command, way in zip(commands, ("up", "down"), strict=True):
            for number in (1, 2):
                process = chatc(*server, *command)
                deadline = Deadline(PATIENCE)
                while getattr(line, way) < number * SIZE / 3:
                    assert process.poll() is None
                    deadline.check("bytes on the line")
                    time.sleep(0.01)
                process.kill()
                process.communicate()
            assert run(*server, *command)[0] == 0
        assert line.up < 1.5 * SIZE
        assert line.down < 2.2 * SIZE  # what was not stored yet when it was killed comes again
    assert target.read_bytes() == path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("got")) == ["got"]
    _, out, _ = run("--nick", "reader", "history", "#a", "--json")
    assert [event["kind"] for event in lines(out)] == ["join", "file"]


def test_a_signal_says_how_to_go_on(daemon, chatc, run, file):
    path = file()
    with Forwarder(daemon.port, rate=SLOW) as line:
        put = chatc("--server", f"127.0.0.1:{line.port}", "put", "#a", str(path))
        line.await_up(SIZE / 4)
        put.send_signal(signal.SIGINT)
        _, err = put.communicate(timeout=PATIENCE)
        assert put.returncode == 130
        assert err == b"chatc: interrupted; the same command goes on where this one was\n"
        assert run("--server", f"127.0.0.1:{line.port}", "put", "#a", str(path))[0] == 0
        assert line.up < 1.6 * SIZE


def test_the_daemon_may_die_meanwhile(daemon, chatc, file, tmp_path, run):
    path = file()
    with Forwarder(daemon.port, rate=SLOW) as line:
        put = chatc("--server", f"127.0.0.1:{line.port}", "put", "#a", str(path))
        line.await_up(SIZE / 2)
        daemon.kill()
        daemon.start()
        _, err = put.communicate(timeout=PATIENCE)
        assert put.returncode == 0
        assert re.search(r"^chatc: lost 127.0.0.1:\d+: ", err.decode(), re.MULTILINE)
    assert run("--nick", "reader", "get", "#a", "2", "-o", str(tmp_path / "x"))[0] == 0
    assert (tmp_path / "x").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("put", "#a", "-"), "Standard input is read only once"),
        (("put", "#a", "none"), "none cannot be read: No such file"),
        (("put", "#a", "/dev/null"), "/dev/null is a device"),
        (("put", "#a", "."), ". is a folder; pack it"),
        (("put", "a", "x"), "'a' is no room"),
        (("put", "#!", "setup.cfg"), "That room name is not possible"),
        (("put", "@nobody", "setup.cfg"), "Nobody here is called @nobody"),
        (("get", "#a", "word"), "'word' names no file"),
        (("get", "#none", "1"), "There is no room #none"),
        (("get", "#a", "1"), "Event 1 of #a posts no file, or does not any more."),
        (("get", "#a", "ab" * 8), "No event of #a posts that file, or none does any more."),
        (("get", "#a", "1", "-o", "-"), "A file is received into a file"),
        (("get", "#a", "1", "-o", "none/x"), "There is no folder none"),
    ],
)
def test_mistakes_are_one_sentence(run, arguments, said):
    run("--nick", "ann", "send", "#a", "x")
    status, out, err = run(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("chatc: ")
    assert err.count("\n") == 1
    assert said in err


def test_one_file_that_cannot_be_read_does_not_stop_the_others(run, file, tmp_path):
    status, out, err = run("put", "#a", str(tmp_path / "none"), str(file(size=10)))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert [event["kind"] for event in lines(run("history", "#a", "--json")[1])] == ["join", "file"]


def test_two_at_once_get_two_files(chatc, run, file, tmp_path):
    path = file()
    assert run("put", "#a", str(path))[0] == 0
    target = tmp_path / "down"
    target.mkdir()
    both = [chatc("get", "#a", "2", "-o", str(target)) for _ in range(2)]
    for process in both:
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert sorted(one.name for one in target.iterdir()) == ["a b (1).bin", "a b.bin"]
    assert {one.read_bytes() for one in target.iterdir()} == {path.read_bytes()}


def test_a_bar_is_shown_where_somebody_looks_and_nowhere_else(daemon, chatc, file):
    with Forwarder(daemon.port, rate=SLOW) as line:
        near, far = pty.openpty()
        server = ("--server", f"127.0.0.1:{line.port}")
        env = {"TERM": "xterm-256color", "COLUMNS": "100"}
        put = chatc(*server, "put", "#a", str(file()), stderr=far, env=env)
        os.close(far)
        seen = b""
        deadline = Deadline(PATIENCE)
        while put.poll() is None or select.select([near], [], [], 0.1)[0]:
            deadline.check("the end of chatc")
            try:
                seen += os.read(near, 65_536) if select.select([near], [], [], 0.1)[0] else b""
            except OSError:  # the other side is closed
                break
        os.close(near)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert put.wait(PATIENCE) == 0
    assert re.search(r"a b\.bin .* [1-9]\d? % .* of 4\.0 MB .*/s, 0:0\d left sending", text)
    assert re.search(r"100 % 4\.0 MB of 4\.0 MB +done", text)


def test_files_at_a_terminal_go_on_after_a_crash(daemon, file, tmp_path):
    path = file("x.bin")
    with Forwarder(daemon.port, rate=SLOW) as line:
        server = ("--server", f"127.0.0.1:{line.port}", "--nick", "ann")
        ann = Typist(tmp_path / "ann", *server)
        ann.type("/join #a\r")
        ann.await_last("#a>")
        ann.type(f"/put {path} look\r")
        ann.await_line(r"^sending x\.bin [1-9]\d? %, .* of 4\.0 MB, .*/s, 0:0\d left$")
        ann.type("meanwhile\r")
        ann.await_line("<ann> meanwhile")
        ann.process.send_signal(signal.SIGKILL)
        ann.wait()
        ann.close()
        again = Typist(tmp_path / "ann", *server)
        try:
            again.await_line("^chatc: Going on with")
            again.await_line(r"<ann> posts x\.bin \(4\.0 MB\): /get 3")
            again.type(f"/get 3 {tmp_path}/got.bin\r")
            again.await_line(r"^got\.bin is saved:")
            again.type("/quit\r")
            assert again.wait() == 0
        finally:
            again.close()
        assert line.up < 1.6 * SIZE
    assert (tmp_path / "got.bin").read_bytes() == path.read_bytes()
