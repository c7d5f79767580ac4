"""JSON lines against a real daemon: by nc, by the script of the protocol page, beside the native protocol."""

import json
import re
import shutil
import socket
import subprocess

import pytest

from chatd.wire.messages import Event, Send
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, ROOT, free_port
from tests.end_to_end.harness.raw import Raw

PAGE = (ROOT / "docs" / "PROTOCOL.md").read_text()
NC = pytest.mark.skipif(shutil.which("nc") is None, reason="there is no nc here")
BASH = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")


class Lines:
    """A blocking socket that speaks JSON lines."""

    def __init__(self, connection):
        connection.settimeout(PATIENCE)
        self.socket = connection
        self.file = connection.makefile("rb")

    def say(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\r\n")

    def hear(self, kind=None):
        """Return the next message, or the next of a kind; None at the end."""
        for line in self.file:
            message = json.loads(line)
            if kind in (None, message["t"]):
                return message
        return None


@pytest.fixture
def ports(tmp_path):
    """Return the ports of a daemon that speaks the native protocol on one and JSON lines on the other."""
    native, lines = free_port(), free_port()
    daemon = Daemon(
        tmp_path / "daemon",
        f"""
[[listen]]
endpoint = "tcp:{native}:interface={LOOPBACK}"

[[listen]]
endpoint = "tcp:{lines}:interface={LOOPBACK}"
protocol = "json-lines"
""",
    )
    daemon.listen, daemon.port = (), native
    daemon.start()
    yield native, lines
    faults = daemon.faults()
    daemon.terminate()
    assert not faults


@pytest.fixture
def call(ports):
    """Return a function that calls in JSON lines; all connections are closed."""
    made = []

    def call():
        made.append(Lines(socket.create_connection((LOOPBACK, ports[1]), PATIENCE)))
        return made[-1]

    yield call
    for one in made:
        one.file.close()
        one.socket.close()


def test_both_framings_share_a_room(ports, call):
    ann = Raw(dial(ports[0]))
    ann.enter("ann")
    ann.join("#a")
    ben = call()
    ben.say(t="hello", nick="ben")
    ben.say(t="join", id=1, room="#a", after=0)
    ben.say(t="send", id=2, n=1, room="#a", text="a\nb ü")
    assert ben.hear()["nick"] == "ben"
    assert ann.await_(Event, lambda event: event.kind == "message").text == "a\nb ü"
    ann.say(Send(id=7, n=1, room="#a", text="hi"))
    texts = [ben.hear("event").get("text", "") for _ in range(4)]
    assert texts == ["", "", "a\nb ü", "hi"]
    ben.say(t="goodbye")
    assert ben.hear("goodbye")["t"] == "goodbye"
    assert ben.hear() is None
    ann.close()


def test_what_is_no_message_costs_one_error_and_the_connection(call):
    for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"what?\n", b'{"t":"send"}\n', b"{" + b"x" * 70_000):
        stranger = call()
        stranger.socket.sendall(data)
        assert stranger.hear()["t"] == "error"
        assert stranger.hear() is None


@NC
def test_nc_is_a_client(ports):
    process = subprocess.Popen(
        ["nc", LOOPBACK, str(ports[1])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with process:
        for line in ('{"t":"hello","nick":"nell"}', "", '{"t":"join","id":1,"room":"#a"}'):
            process.stdin.write(line + "\n")
        heard = [json.loads(process.stdout.readline())["t"] for _ in range(5)]
        process.stdin.write('{"t":"goodbye"}\n')
        heard.append(json.loads(process.stdout.readline())["t"])
        process.kill()
    assert heard == ["welcome", "ping", "rooms", "ok", "event", "goodbye"]


@NC
@BASH
def test_the_script_of_the_page_says_what_it_is_told_to(ports, call, tmp_path):
    script = tmp_path / "say.sh"
    script.write_text(re.search(r"^```bash\n(#!/bin/bash\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[1])
    texts = ["The backup is done.", 'a "quote", a \\ and ü', "again"]

    def say(*arguments):
        command = ["bash", str(script), LOOPBACK, str(ports[1]), *arguments]
        how = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": PATIENCE}
        return subprocess.run(command, check=False, **how)

    for text in texts:
        done = say("cron", "#ops", text)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "cron.token").stat().st_mode & 0o077 == 0
    refused = say("cron", "no-room", "lost")
    assert refused.returncode == 1
    assert json.loads(refused.stderr)["code"] == "bad-room"
    reader = call()
    reader.say(t="hello", nick="reader")
    reader.say(t="join", id=1, room="#ops", after=0)
    events = [reader.hear("event") for _ in range(5)]
    assert [(event["by"], event["text"]) for event in events if event["kind"] == "message"] == [
        ("cron", text) for text in texts
    ]
