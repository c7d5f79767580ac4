"""A daemon on a network, as its strangers see it: each comes from an address of its own, through a relay."""

import os
import resource
import tempfile
from pathlib import Path

import pytest

from tests.end_to_end.harness.certificates import make_certificate, trusting
from tests.end_to_end.harness.fixtures import connect, make_daemon, start_chatc
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, free_port
from tests.end_to_end.harness.raw import Raw

__all__ = ["connect", "make_daemon", "start_chatc"]

FILES = 8192
"""Descriptors that these tests need, here and in the daemon."""


@pytest.fixture(autouse=True)
def descriptors():
    """Allow for as many open files as the strangers need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def memory(tmp_path):
    """Return a folder whose disk no one else keeps busy, in memory where the system has such a place."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="chatd-") as folder:
        yield Path(folder)


@pytest.fixture
def site(memory, make_daemon, tmp_path):
    """Return a function that starts a daemon; its ports ``relayed`` and ``tls`` are behind a relay."""

    def start(limits="", more=""):
        certificate, key = make_certificate(tmp_path)
        plain, relayed, tls = free_port(), free_port(), free_port()
        behind = 'proxy_protocol = true\ntrusted = ["127.0.0.0/8"]\n'
        daemon = make_daemon(
            f"[limits]\n{limits}\n{more}\n"
            f'[[listen]]\nendpoint = "tcp:{plain}:interface={LOOPBACK}"\n'
            f'[[listen]]\nendpoint = "tcp:{relayed}:interface={LOOPBACK}"\n{behind}'
            f'[[listen]]\nendpoint = "tcp:{tls}:interface={LOOPBACK}"\n{behind}'
            f"certificate = '{certificate}'\nkey = '{key}'\n"
        )
        daemon.listen, daemon.port, daemon.data = (), plain, memory / "data"
        daemon.relayed, daemon.tls = relayed, tls
        return daemon.start()

    return start


@pytest.fixture
def stranger():
    """Return a function that connects from an address, which the header of a relay tells."""
    made = []

    def come(daemon, host, port=0, *, secure=False, **how):
        raw = Raw(dial(daemon.tls if secure else port or daemon.relayed, **how))
        made.append(raw)
        kind = "TCP6" if ":" in host else "TCP4"
        raw.write(f"PROXY {kind} {host} {'::1' if ':' in host else '127.0.0.1'} 4000 7411\r\n".encode())
        if secure:
            raw.socket = trusting().wrap_socket(raw.socket)
        return raw

    yield come
    for raw in made:
        raw.close()
