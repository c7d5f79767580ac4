"""Servers that are known by their fingerprint: the first question, a change, and pipes."""

import re
import subprocess

import pytest

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, environment, free_port, script
from tests.end_to_end.harness.program import finished
from tests.end_to_end.harness.typist import Typist


@pytest.fixture
def server(make_daemon, tmp_path):
    """Return a daemon with a certificate of ``chatctl make-cert``; ``certify`` makes it another one."""
    daemon = make_daemon()
    daemon.tls_port = free_port()
    daemon.address = f"tls://localhost:{daemon.tls_port}"

    def certify(*more):
        done = finished(
            [*script("chatctl"), "make-cert", "localhost", *more],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        return re.search("fingerprint ([0-9a-f]+)", done.stdout)[1], re.search("in words (.*)", done.stdout)[
            1
        ]

    daemon.certify = certify
    daemon.fingerprint, daemon.words = certify()
    daemon._config.write_text(
        f'[[listen]]\nendpoint = "tcp:{daemon.port}:interface={LOOPBACK}"\n'
        f'[[listen]]\nendpoint = "tcp:{daemon.tls_port}:interface={LOOPBACK}"\n'
        f'certificate = "{tmp_path}/cert.pem"\nkey = "{tmp_path}/key.pem"\n'
    )
    daemon.listen = ()
    return daemon.start()


@pytest.fixture
def sit(tmp_path, server):
    """Return a function that lets ann sit down at a terminal."""
    there = []

    def sit(*arguments):
        there.append(Typist(tmp_path / "ann", "--server", server.address, *arguments, columns=200))
        return there[-1]

    yield sit
    for one in there:
        one.close()


@pytest.fixture
def piped(tmp_path, server):
    """Return a function that runs chatc without a terminal, on the profile of ann."""

    def piped(*arguments, address=server.address):
        return finished(
            [*script("chatc"), "--server", address, *arguments],
            env=environment(XDG_STATE_HOME=str(tmp_path / "ann")),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return piped


def test_who_is_asked_once_is_not_asked_again_until_the_server_changes(server, sit, piped):
    ann = sit("--nick", "ann")
    rows = "\n".join(ann.await_line(r"\[y/N\]"))
    assert server.fingerprint in rows
    assert all(word in rows for word in server.words.split("-"))
    ann.type("y\r")
    ann.await_line("/help")
    ann.type("/quit\r")
    assert ann.wait() == 0

    assert piped("send", "#a", "known by now").returncode == 0
    assert piped(
        "send", "#a", "another origin", address=server.address.replace("localhost", LOOPBACK)
    ).returncode

    server.terminate()
    before, server.fingerprint = server.fingerprint, server.certify("--force")[0]
    server.start()
    done = piped("send", "#a", "changed")
    assert done.returncode == 1
    assert f"is NOT the one that you trust there: its fingerprint is {server.fingerprint}" in done.stderr
    assert before in done.stderr
    again = sit()
    again.await_line("is NOT the one")
    assert again.wait() == 1
    assert "[y/N]" not in "\n".join(again.look()), "a change is no question"

    assert piped("--fingerprint", server.fingerprint, "send", "#a", "named anew").returncode == 0
    assert piped("send", "#a", "kept").returncode == 0
    assert piped("--fingerprint", "none", "send", "#a", "x").returncode == 1
    assert (
        piped("--fingerprint", server.certify("--out", ".", "--force")[1], "send", "#a", "x").returncode == 1
    )


def test_nobody_types_a_password_before_the_server_is_trusted_or_without_need(server, sit, tmp_path):
    (tmp_path / "pw").write_text("correct horse")
    add = ("user", "add", str(server.data), "ann", "--password-file", str(tmp_path / "pw"))
    finished([*script("chatctl"), *add], env=environment(), check=True)
    ann = sit("--nick", "ann", "login")
    ann.await_line(r"\[y/N\]")
    assert b"Password" not in ann.bytes
    ann.type("y\r")
    ann.await_last("Password of ann:")
    ann.type("correct horse\r")
    ann.await_line("logged in as ann")
    assert ann.wait() == 0

    eve = sit("--profile", "eve", "--nick", "eve", "register")
    eve.await_line(r"\[y/N\]")
    eve.type("y\r")
    eve.await_line("Accounts are made by the operator here")
    assert eve.wait() == 1
    assert b"Password" not in eve.bytes

    server.terminate()
    server.certify("--force")
    server.start()
    again = sit("--nick", "ann", "login")
    again.await_line("is NOT the one that you trust")
    assert again.wait() == 1
    assert b"Password" not in again.bytes
    assert not server.faults()


def test_no_is_no(server, sit):
    ann = sit("--nick", "ann")
    ann.await_line(r"\[y/N\]")
    ann.type("\r")
    assert ann.wait() == 1
    assert "nothing was sent" in "\n".join(ann.look())
    assert not server.said("client-in")


def test_a_pipe_needs_the_fingerprint(server, piped):
    done = piped("--nick", "ben", "send", "#a", "x")
    assert done.returncode == 1
    assert f"({server.words}), say --fingerprint {server.fingerprint}." in done.stderr
    assert piped("--nick", "ben", "--fingerprint", server.words, "send", "#a", "x").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--fingerprint", "beef"),
            "'beef' is no fingerprint; write its 64 hexadecimal digits, or its 16 words.",
        ),
        (("--fingerprint", "0" * 64, "--ca", "x"), "Either --ca or --fingerprint."),
        (("--key", "x"), "--key goes with --cert; name your certificate as well."),
        (
            ("--cert", "/none"),
            "Your certificate cannot be used: /none cannot be read: No such file or directory.",
        ),
    ],
)
def test_mistakes_are_sentences(piped, arguments, sentence):
    done = piped(*arguments, "send", "#a", "x")
    assert (done.returncode, done.stderr) == (1, f"chatc: {sentence}\n")


def test_a_fingerprint_is_for_tls(piped):
    done = piped("--fingerprint", "0" * 64, "send", "#a", "x", address="localhost")
    assert (
        "Certificates and fingerprints belong to TLS; write --server tls://HOST or wss://HOST." in done.stderr
    )
