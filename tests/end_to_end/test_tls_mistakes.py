"""TLS and plain text mixed up, certificates that are not accepted: what both sides are told."""

import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, environment, free_port, script
from tests.end_to_end.harness.program import Program
from tests.end_to_end.harness.raw import Raw

HELLO = b'\x00\x00\x00\x28\x01{"t":"hello","version":1,"nick":"a"}    '


@pytest.fixture(params=["certificate and key", "ssl:"])
def secure(request, make_daemon, tmp_path):
    """Return a daemon that speaks plain text on one port and TLS on ``tls_port``."""
    daemon = make_daemon()
    daemon.authority, key = make_certificate(tmp_path)
    daemon.tls_port = free_port()
    if request.param == "ssl:":
        endpoint = f"ssl:{daemon.tls_port}:interface={LOOPBACK}:certKey={daemon.authority}:privateKey={key}"
        daemon.listen = (*daemon.listen, endpoint)
    else:
        daemon._config.write_text(
            f'[[listen]]\nendpoint = "tcp:{daemon.port}:interface={LOOPBACK}"\n'
            f'[[listen]]\nendpoint = "tcp:{daemon.tls_port}:interface={LOOPBACK}"\n'
            f'certificate = "{daemon.authority}"\nkey = "{key}"\n'
        )
        daemon.listen = ()
    daemon.wrapped = request.param != "ssl:"
    return daemon.start()


WRAPPED = pytest.mark.parametrize("secure", ["certificate and key"], indirect=True)
"""For what an ssl: endpoint cannot do: OpenSSL tells it nothing, and it waits for the hello's deadline."""


def answer(port, data):
    """Return what a listener answers to ``data`` before it closes."""
    with dial(port) as connection:
        connection.sendall(data)
        said = b""
        while more := connection.recv(100):
            said += more
    return said


PLAIN = {
    "chat": (HELLO, "Plain text came where TLS is spoken"),
    "http": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "An HTTP request came"),
}


RELAYED = b"PROXY TCP4 192.0.2.7 192.0.2.1 1 7412\r\n"


@WRAPPED
def test_what_is_known_is_called_by_its_name(secure):
    answer(secure.tls_port, RELAYED)
    assert "A PROXY header came, and this listener expects none" in secure.await_said("refused")[0]


@pytest.mark.parametrize(("data", "sentence"), PLAIN.values(), ids=PLAIN.keys())
def test_plain_text_at_a_tls_listener(secure, data, sentence):
    for _ in range(5):
        said = answer(secure.tls_port, data)
        if secure.wrapped:
            assert said[:3] == b"\x15\x03\x01", "a TLS alert"
    (line,) = secure.await_said("refused")
    assert " warn refused " in line
    assert sentence in line
    assert f"peer={LOOPBACK}:" in line
    assert "code=tls-expected" in line


@WRAPPED
def test_a_few_bytes_of_plain_text_are_answered_at_once(secure):
    began = time.monotonic()
    assert answer(secure.tls_port, b"{}\n")[:1] == b"\x15"
    assert time.monotonic() - began < 5


def refuse(port, context):
    with dial(port) as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_client_that_trusts_no_such_authority(secure, version):
    context = ssl.create_default_context()
    context.maximum_version = version
    refuse(secure.tls_port, context)
    (line,) = secure.await_said("refused")
    assert "refuses the certificate of this listener: the authority that signed it is not trusted" in line
    assert "code=tls-certificate-refused" in line


def test_nothing_in_common(secure):
    context = ssl.create_default_context(cafile=secure.authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # the certificate's key is no RSA key
    refuse(secure.tls_port, context)
    (line,) = secure.await_said("refused")
    assert "The TLS handshake failed: no shared cipher" in line
    assert "code=tls-failed" in line


def test_who_only_looks_whether_the_port_is_open_is_no_line(secure):
    for _ in range(3):
        dial(secure.tls_port).close()
    with socket.create_connection((LOOPBACK, secure.tls_port), PATIENCE) as connection:
        context = ssl.create_default_context(cafile=secure.authority)
        with Raw(context.wrap_socket(connection, server_hostname="localhost")) as ann:
            assert ann.enter("ann").nick == "ann"
    assert not secure.said("refused")


# ---- what chatc says ----------------------------------------------------------------------------


@pytest.fixture
def complaint(tmp_path):
    """Return a function that starts ``chatc send`` and returns the first thing that it says."""

    def complaint(*arguments):
        process = Program(
            [*script("chatc"), "--ephemeral", *arguments, "send", "-v", "#a", "x"],
            env=environment(HOME=str(tmp_path)),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            late = threading.Timer(PATIENCE, process.kill)
            late.start()
            process.stderr.readline()  # nothing is kept
            line = process.stderr.readline()
            late.cancel()
            process.kill()
        return line.strip()

    return complaint


def test_plain_text_to_a_tls_listener_names_the_other_way(secure, complaint):
    place = f"localhost:{secure.tls_port}"
    line = complaint("--server", place)
    if secure.wrapped:
        reason = f"it speaks TLS; use tls://{place}"
        assert 5 <= retry(line) <= 11, "it is tried slowly"
    else:
        reason = f"closed without an answer; it may be starting, or want TLS (tls://{place}) or a relay's"
    assert line.startswith(f"chatc: cannot connect to {place}: {reason}")


def retry(line):
    return float(re.fullmatch(r".*; retrying in ([0-9.]+) s", line)[1])


def test_tls_to_a_plain_listener_names_the_ports(secure, complaint):
    place = f"localhost:{secure.port}"
    line = complaint("--server", f"tls://{place}", "--ca", str(secure.authority))
    assert "it does not speak TLS; look at the port: chatd's is 7412 for TLS, 7411 for plain text" in line
    assert 5 <= retry(line) <= 11, "it is tried slowly"
    assert "A TLS handshake came where plain text is spoken" in secure.await_said("refused")[0]


def test_another_name_is_told_to_both_sides(make_daemon, complaint, tmp_path):
    authority, key = make_certificate(tmp_path, "other.example")
    daemon = make_daemon()
    port = free_port()
    daemon.listen = (
        *daemon.listen,
        f"ssl:{port}:interface={LOOPBACK}:certKey={authority}:privateKey={key}",
    )
    daemon.start()
    line = complaint("--server", f"tls://localhost:{port}", "--ca", str(authority))
    assert f"The certificate of localhost:{port} is not for the name localhost" in line
    (line,) = daemon.await_said("refused")
    assert "of this listener: it is probably not for the name that was asked for" in line


def test_who_was_connected_waits_until_the_certificate_is_renewed(make_daemon, start_tail, tmp_path):
    (tmp_path / "other").mkdir()
    good, other = make_certificate(tmp_path), make_certificate(tmp_path / "other")
    used = tmp_path / "used.crt", tmp_path / "used.key"
    daemon, port = make_daemon(), free_port()
    daemon.listen = (
        *daemon.listen,
        f"ssl:{port}:interface={LOOPBACK}:certKey={used[0]}:privateKey={used[1]}",
    )

    def serve(pair):
        for source, target in zip(pair, used, strict=True):
            shutil.copy(source, target)
        daemon.start()

    serve(good)
    process, await_line = start_tail("--server", f"tls://localhost:{port}", "--ca", str(good[0]))
    await_line("connected to")
    daemon.terminate()
    serve(other)
    line = await_line("certificate")
    assert re.fullmatch(
        rf"chatc: cannot connect to localhost:{port}: The certificate of localhost:{port} [^.]*; retrying in"
        r" 1[01]\.\d s",
        line,
    )
    daemon.terminate()
    serve(good)
    await_line("connected to")
    assert process.poll() is None


@pytest.fixture
def start_tail(tmp_path):
    """Return a function that starts ``chatc tail``, and returns it and what awaits a line that it says."""
    started = []

    def start(*arguments):
        process = Program(
            [*script("chatc"), "--ephemeral", *arguments, "tail", "#a"],
            env=environment(HOME=str(tmp_path)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)

        def await_line(words):
            late = threading.Timer(PATIENCE, process.kill)
            late.start()
            said = []
            for line in process.stderr:
                said.append(line.strip())
                if words in line:
                    late.cancel()
                    return line.strip()
            raise AssertionError(said)

        return process, await_line

    yield start
    for process in started:
        process.kill()
        process.stderr.close()
        process.wait()
