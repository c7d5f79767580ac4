"""Other programs behind the address of the server: chatc says so in one sentence, and asks rarely."""

import re
import socket
import subprocess
import threading
import time

import pytest

from tests.end_to_end.harness.processes import LOOPBACK, environment, script
from tests.end_to_end.harness.program import Program

SAID = {
    "imap": (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", "'* OK [CAPABILITY IMAP4re …'"),
    "mysql": (b"J\x00\x00\x00\x0a8.0.33\x00", "unknown bytes"),
    "zeros": (bytes(64), "unknown bytes"),
    "terminal": (b"\x1b]0;evil\x07\x1b[2J", "unknown bytes"),
}
PORTAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Log in first</html>"


@pytest.fixture
def answering():
    """Return a function that answers every connection with ``data``, and returns the port."""
    listeners = []

    def serve(listener, data):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(data)
                connection.settimeout(1)
                try:
                    while connection.recv(1000):
                        pass
                except OSError:
                    pass

    def answering(data):
        listener = socket.create_server((LOOPBACK, 0))
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, data), daemon=True).start()
        return listener.getsockname()[1]

    yield answering
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def complaints(tmp_path, *arguments):
    """Return what ``chatc send`` says in three seconds after its first attempt has failed."""
    process = Program(
        [*script("chatc"), "--ephemeral", *arguments, "send", "-v", "#a", "x"],
        env=environment(HOME=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        process.stderr.readline()  # nothing is kept
        line = process.stderr.readline()
        time.sleep(3)
        process.kill()
        return [line.strip(), *process.stderr.read().splitlines()]


@pytest.mark.parametrize("name", SAID)
def test_another_program_is_told_and_asked_rarely(answering, tmp_path, name):
    data, shown = SAID[name]
    place = f"{LOOPBACK}:{answering(data)}"
    (line,) = complaints(tmp_path, "--server", place)
    words = f"something else than chatd answers there (it begins with {shown}); look at the address; "
    begin, _, rest = line.partition(words)
    assert begin == f"chatc: cannot connect to {place}: ", line
    assert 10 <= float(re.fullmatch(r"retrying in ([0-9.]+) s", rest)[1]) <= 11


def test_a_login_page_through_a_proxy_is_told_with_the_proxy(answering, tmp_path):
    proxy = f"{LOOPBACK}:{answering(PORTAL)}"
    (line,) = complaints(tmp_path, "--server", "chat.invalid", "--proxy", f"http://{proxy}")
    assert f"or the proxy {proxy} in its place (it begins with '<html>Log in first</html …'); " in line
    assert float(re.search(r"retrying in ([\d.]+) s", line)[1]) >= 10
