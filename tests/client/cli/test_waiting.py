"""What waits in other sessions of a profile, and files that were interrupted: told, gone on with, dropped."""

import json
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.client.commands import PATIENCE
from tests.end_to_end.harness.forwarder import Forwarder
from tests.end_to_end.harness.processes import Deadline
from tests.end_to_end.harness.typist import Typist

SIZE = 4_000_000
SLOW = 2_000_000


@pytest.fixture
def queued(tmp_path):
    """Return a function that counts the texts that wait in the profile."""

    def queued():
        path = tmp_path / "state" / "chatd" / "default.sqlite"
        with closing(sqlite3.connect(path)) as profile:
            return profile.execute("SELECT count(*) FROM outbox").fetchone()[0]

    return queued


@pytest.fixture
def two_queues(chatc, run, daemon, queued):
    """Let two sessions of ann be killed with a text each that waits."""
    assert run("--nick", "ann", "send", "#tea", "first")[0] == 0
    daemon.kill()
    both = []
    for text in ("one", "two"):
        process = chatc("--nick", "ann")
        both.append(process)
        process.stdin.write(f"/join #tea\n{text}\n".encode())
        process.stdin.flush()
        deadline = Deadline(PATIENCE)
        while queued() < len(both):
            deadline.check("a text in the profile")
            time.sleep(0.02)
    for process in both:
        process.kill()
        process.communicate()
    daemon.start()


def said(run):
    _, out, _ = run("--nick", "reader", "history", "#tea", "--json")
    return [event["text"] for event in map(json.loads, out.splitlines()) if event["kind"] == "message"]


def test_a_queue_in_another_session_is_told_and_sent_by_that_session(run, two_queues):
    assert run("--nick", "ann", "send", "#tea", "today")[0] == 0
    assert said(run) == ["first", "one", "today"]
    status, out, _ = run("--nick", "ann", "waiting")
    assert status == 0
    assert "in another session of yours: 1 message" in out
    assert "message for #tea: two" in out
    assert "chatc waiting --send sends it, chatc waiting --drop deletes it" in out
    status, _, err = run("--nick", "ann", "waiting", "--send")
    assert (status, "had 1 message and 0 files to send; none of that was refused" in err) == (0, True), err
    assert said(run) == ["first", "one", "today", "two"]
    assert run("--nick", "ann", "waiting")[1] == "Nothing is left for another server.\n"


def test_a_queue_in_another_session_can_be_dropped(run, two_queues):
    assert run("--nick", "ann", "send", "#tea", "today")[0] == 0
    assert run("--nick", "ann", "waiting", "--drop")[1] == "Nothing is left for another server.\n"
    assert run("--nick", "ann", "waiting", "--send")[0] == 0
    assert said(run) == ["first", "one", "today"]


def test_it_is_sent_while_somebody_talks(run, two_queues, daemon, tmp_path):
    ann = Typist(tmp_path / "state", "--server", f"127.0.0.1:{daemon.port}", "--nick", "ann", columns=150)
    try:
        ann.await_last("#tea>")
        ann.type("/waiting\r")
        ann.await_line("in another session of yours: 1 message")
        ann.type("/waiting send\r")
        ann.await_line("had 1 message and 0 files to send; none of that was refused")
        ann.await_line("<ann> two")
        ann.type("/quit\r")
        assert ann.wait() == 0
    finally:
        ann.close()


def interrupt(chatc, line, way, *command):
    process = chatc("--server", f"127.0.0.1:{line.port}", *command)
    deadline = Deadline(PATIENCE)
    while getattr(line, way) < SIZE / 2:
        assert process.poll() is None
        deadline.check("bytes on the line")
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_interrupted_files_are_told_with_the_command_that_goes_on(daemon, chatc, run, tmp_path):
    path, target = tmp_path / "my film", tmp_path / "got"
    path.write_bytes(bytes(SIZE))
    with Forwarder(daemon.port, rate=SLOW) as line:
        here = ("--server", f"127.0.0.1:{line.port}")
        interrupt(chatc, line, "up", "put", "#a", str(path))
        _, out, _ = run(*here, "waiting")
        assert f"  file for #a, interrupted: {path}; chatc put '#a' '{path}' goes on\n" in out
        assert run(*here, "put", "#a", str(path))[0] == 0
        assert "Nothing is left" in run(*here, "waiting")[1]
        interrupt(chatc, line, "down", "get", "#a", "2", "-o", str(target))
        _, out, _ = run(*here, "waiting")
        assert f" MB of 4.0 MB in {target}.part; chatc get '#a' 2 -o {target} goes on\n" in out
        assert run(*here, "get", "#a", "2", "-o", str(target))[0] == 0
        assert "Nothing is left" in run(*here, "waiting")[1]
    assert target.read_bytes() == path.read_bytes()


def test_half_a_file_of_another_address_is_told_with_where_to_go(daemon, chatc, run, tmp_path):
    path, target = tmp_path / "film", tmp_path / "got"
    path.write_bytes(bytes(SIZE))
    assert run("put", "#a", str(path))[0] == 0
    with Forwarder(daemon.port, rate=SLOW) as line:
        interrupt(chatc, line, "down", "--nick", "bob", "get", "#a", "2", "-o", str(target))
        there = ("--server", f"127.0.0.1:{line.port}", "--nick", "bob")
        out = run("waiting")[1]
        assert "file of event 2 in #a, interrupted: " in out
        assert f"chatc {' '.join(there)} goes on there" in out
        assert "Nothing is left" in run(*there, "waiting", "--drop")[1]
        assert sorted(one.name for one in tmp_path.iterdir() if "got" in one.name) == []
        assert "Nothing is left" in run("waiting")[1]
