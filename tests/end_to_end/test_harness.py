"""The forwarder of the tests: it carries, counts, is slow when told to, and cuts."""

import socket
import threading
import time
from pathlib import Path

import pytest

from tests.end_to_end.harness import processes
from tests.end_to_end.harness.forwarder import Forwarder
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, PYTHON, ROOT, environment, free_port
from tests.end_to_end.harness.program import finished


@pytest.fixture
def echo():
    """Return the port of something that says back what it hears."""

    def serve(listener):
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(one,), daemon=True).start()

    def answer(one):
        with one:
            try:
                while data := one.recv(65_536):
                    one.sendall(data)
            except OSError:
                return

    listener = socket.create_server((LOOPBACK, 0))
    thread = threading.Thread(target=serve, args=(listener,), daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(PATIENCE)


def call(line):
    return socket.create_connection((LOOPBACK, line.port), PATIENCE)


def take(one, count):
    data = b""
    while len(data) < count:
        data += one.recv(count - len(data))
    return data


def test_it_carries_and_counts(echo):
    data = bytes(range(256)) * 1000
    with Forwarder(echo) as line, call(line) as one:
        one.sendall(data)
        assert take(one, len(data)) == data
        assert (line.up, line.down, line.cuts) == (len(data), len(data), 0)


def test_it_cuts_what_has_lived_long_enough_and_what_it_is_told_to(echo):
    with Forwarder(echo, life=0.2) as line:
        for cuts in (1, 2):
            with call(line) as one, pytest.raises(ConnectionResetError):
                one.recv(1)
            assert line.cuts == cuts
        line.life = None
        with call(line) as one:
            one.sendall(b"x")
            assert one.recv(1) == b"x"
            line.cut()
            with pytest.raises(ConnectionResetError):
                one.recv(1)
        assert line.cuts == 3


def test_it_is_as_slow_as_told(echo):
    data = bytes(300_000)
    begin = time.monotonic()
    with Forwarder(echo, rate=1e6) as line, call(line) as one:
        one.sendall(data)
        take(one, len(data))
    assert time.monotonic() - begin > 0.25


def test_nobody_behind_it_is_an_end(echo):
    with Forwarder(1) as line, pytest.raises(ConnectionResetError), call(line) as one:
        one.recv(1)


def test_it_stalls_without_a_word_and_refuses_until_it_is_healed(echo):
    with Forwarder(echo, polite=True) as line:
        with call(line) as one:
            one.sendall(b"x")
            assert one.recv(1) == b"x"
            line.stall("down")
            one.sendall(b"x")
            line.await_up(2)
            one.settimeout(0.1)
            with pytest.raises(TimeoutError):
                one.recv(1)
            with call(line) as other:
                other.sendall(b"y")
                assert other.recv(1) == b"y"
            line.cut(refuse=True)
            one.settimeout(PATIENCE)
            assert one.recv(1) == b""
        with call(line) as one:
            assert one.recv(1) == b""
        line.heal()
        with call(line) as one:
            one.sendall(b"z")
            assert one.recv(1) == b"z"


def test_no_other_tests_are_given_a_port_even_while_nobody_listens_on_it(tmp_path):
    """Neither where their temporary files are elsewhere, nor as the port of an outgoing connection."""
    port = free_port()
    low, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert port < low
    code = f"from tests.end_to_end.harness import processes as p; print(p._reserve({port}), p.free_port())"
    told = finished(
        [PYTHON, "-c", code],
        cwd=ROOT,
        env=environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    )
    refused, other = told.stdout.split()
    assert refused == "False"
    assert int(other) != port
    assert not processes._reserve(port)
