"""Where the daemon listens: TCP, TCP over IPv6, UNIX sockets, TLS, and several of them at once."""

import contextlib
import socket
import ssl
import tempfile
import warnings
from pathlib import Path

import pytest

from chatd.wire.messages import Event, Send
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, free_port
from tests.end_to_end.harness.raw import Raw


def talk(*clients):
    """Let each client enter, join and send; check that everybody hears everybody."""
    for index, client in enumerate(clients):
        client.enter(f"nick{index}")
        client.join("#a")
    texts = [f"from {index}" for index in range(len(clients))]
    for client, text in zip(clients, texts, strict=True):
        client.say(Send(id=client.next_id(), n=1, room="#a", text=text))
    for client in clients:
        heard = [client.await_(Event, lambda event: event.kind == "message").text for _ in clients]
        assert sorted(heard) == texts


def unix_dial(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(path))
    return connection


def tls_dial(port, authority, **how):
    context = ssl.create_default_context(cafile=authority)
    for name, value in how.items():
        setattr(context, name, value)
    return context.wrap_socket(dial(port), server_hostname="localhost")


@pytest.fixture
def short_folder():
    """Return a folder whose path leaves room for the name of a UNIX socket."""
    with tempfile.TemporaryDirectory(prefix="chatd-") as folder:
        yield Path(folder)


def test_unix_socket_and_tcp_together(make_daemon, short_folder):
    daemon = make_daemon()
    path = short_folder / "chatd.sock"
    daemon.listen = (*daemon.listen, f"unix:{path}:mode=660:lockfile=0")
    daemon.start()
    with Raw(unix_dial(path)) as ann, Raw(dial(daemon.port)) as bob:
        talk(ann, bob)
    assert path.stat().st_mode & 0o777 == 0o660
    lines = daemon.await_said("client-in", 2)
    assert "peer=unix" in lines[0]
    assert f"peer={LOOPBACK}:" in lines[1]
    assert daemon.terminate() == 0
    assert not path.exists()


def test_a_unix_socket_left_by_a_crash_is_taken_again(make_daemon, short_folder):
    daemon = make_daemon()
    path = short_folder / "chatd.sock"
    daemon.listen = (*daemon.listen, f"unix:{path}:lockfile=0")
    daemon.start()
    daemon.kill()
    daemon.start()
    with Raw(unix_dial(path)) as ann:
        assert ann.enter("ann").nick == "ann"


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
def test_tcp6(make_daemon):
    daemon = make_daemon(listen=())
    port = free_port()
    daemon.listen = (*daemon.listen, f"tcp6:{port}:interface=\\:\\:1")
    daemon.start()
    with socket.create_connection(("::1", port), PATIENCE) as connection, Raw(dial(daemon.port)) as bob:
        talk(Raw(connection), bob)
    assert any("peer=[::1]:" in line for line in daemon.await_said("client-in", 2))


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
def test_ipv4_peers_of_a_dual_stack_listener_look_like_ipv4(make_daemon, connect):
    daemon = make_daemon("allow_plaintext = true\nguests = 'allowed'\n")
    daemon.listen = (f"tcp6:{daemon.port}",)
    daemon.start()
    connect(daemon).enter("ann")
    assert f"peer={LOOPBACK}:" in daemon.await_said("client-in")[0]


def tls_daemon(make_daemon, certificate, how):
    daemon = make_daemon()
    cert, key = certificate()
    port = free_port()
    if how == "listen":
        daemon._config.write_text(
            f'guests = "allowed"\n[[listen]]\nendpoint = "tcp:{daemon.port}:interface={LOOPBACK}"\n'
            f'[[listen]]\nendpoint = "tcp:{port}"\ncertificate = "{cert}"\nkey = "{key}"\n'
        )
        daemon.listen = ()
    else:
        daemon.listen = (*daemon.listen, f"ssl:{port}:privateKey={key}:certKey={cert}")
    daemon.start()
    return daemon, port, cert


BOTH_WAYS = pytest.mark.parametrize("how", ["listen", "ssl"])


@BOTH_WAYS
def test_tls(make_daemon, certificate, how):
    daemon, port, cert = tls_daemon(make_daemon, certificate, how)
    with Raw(tls_dial(port, cert)) as ann, Raw(dial(daemon.port)) as bob:
        assert ann.socket.version() in {"TLSv1.2", "TLSv1.3"}
        talk(ann, bob)
    assert daemon.terminate() == 0


@BOTH_WAYS
def test_tls_1_2_is_the_oldest(make_daemon, certificate, how):
    _daemon, port, cert = tls_daemon(make_daemon, certificate, how)
    with Raw(tls_dial(port, cert, maximum_version=ssl.TLSVersion.TLSv1_2)) as ann:
        assert ann.socket.version() == "TLSv1.2"
        assert ann.enter("ann").nick == "ann"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = ssl.create_default_context(cafile=cert)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with dial(port) as connection, pytest.raises(ssl.SSLError, match=r"(?i)protocol|version"):
        context.wrap_socket(connection, server_hostname="localhost")


@BOTH_WAYS
def test_plain_text_at_a_tls_port_is_cut_off(make_daemon, certificate, how):
    _daemon, port, cert = tls_daemon(make_daemon, certificate, how)
    with Raw(dial(port)) as lost:
        lost.write(b"\x00\x00\x00\x20\x01{}" * 100)
        with contextlib.suppress(Exception):  # a TLS alert is no frame
            lost.rest()
        assert lost.bytes_in < 100
    with Raw(tls_dial(port, cert)) as ann:
        assert ann.enter("ann").nick == "ann"


def test_a_chain_of_certificates_is_sent_whole(make_daemon, certificate):
    cert, key = certificate()
    other, _ = certificate("issuer")
    cert.write_bytes(cert.read_bytes() + other.read_bytes())
    port = free_port()
    daemon = make_daemon()
    daemon._config.write_text(
        f'guests = "allowed"\n[[listen]]\nendpoint = "tcp:{daemon.port}:interface={LOOPBACK}"\n'
        f'[[listen]]\nendpoint = "tcp:{port}"\ncertificate = "{cert}"\nkey = "{key}"\n'
    )
    daemon.listen = ()
    daemon.start()
    with Raw(tls_dial(port, cert)) as ann:
        assert ann.enter("ann").nick == "ann"


def test_a_unix_socket_of_another_program_is_left_alone(make_daemon, short_folder):
    path = short_folder / "chatd.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        daemon = make_daemon(listen=(f"unix:{path}:lockfile=0",))
        daemon.launch()
        assert daemon.wait() == 1
    assert "Address already in use" in daemon.log
    assert path.exists()
