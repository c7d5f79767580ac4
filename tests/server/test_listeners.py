"""What a listener does to what is at its path already, and what is said where it cannot be opened."""

import gc
import os
import socket
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure

from chatd.ops.settings import Config, ListenConfig
from chatd.server.listeners import ListenError, listen
from chatd.server.open_listeners import Listener

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # Twisted's, where bind fails


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Go to a folder in which the path of a UNIX socket is short."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    gc.collect()


def opened(endpoint):
    """Open a listener, and close it."""
    port = listen(reactor, ListenConfig(endpoint=endpoint), ServerFactory())
    port.connectionLost(Failure(ConnectionDone()))


def refused(endpoint):
    with pytest.raises(ListenError) as caught:
        listen(reactor, ListenConfig(endpoint=endpoint), ServerFactory())
    return str(caught.value)


@pytest.mark.parametrize("more", ["", ":lockfile=0"])
def test_a_file_that_is_no_socket_is_left_alone(here, more):
    (here / "data").write_text("precious")
    assert "data is there already and is no socket; name another path." in refused(f"unix:data{more}")
    assert (here / "data").read_text() == "precious"


def test_a_folder_is_left_alone(here):
    (here / "folder").mkdir()
    assert "is there already and is no socket" in refused("unix:folder:lockfile=0")
    assert (here / "folder").is_dir()


def test_a_file_behind_a_link_is_left_alone(here):
    (here / "data").write_text("precious")
    (here / "link").symlink_to("data")
    assert "is there already and is no socket" in refused("unix:link:lockfile=0")
    assert (here / "link").read_text() == "precious"


def test_a_lock_of_somebody_else_is_left_alone(here):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind("chat.sock")
    (here / "chat.sock.lock").write_text("precious")
    opened("unix:chat.sock:lockfile=0")
    assert (here / "chat.sock.lock").read_text() == "precious"


def test_a_socket_that_a_crash_left_is_taken(here):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind("chat.sock")
    Path("chat.sock.lock").symlink_to(str(os.getpid()))
    opened("unix:chat.sock")
    assert not Path("chat.sock").exists()


def test_a_path_that_is_too_long(here):
    long = "x" * 200
    words = refused(f"unix:{long}")
    assert words.endswith(f"{long}: AF_UNIX path too long; name a shorter path, of 107 bytes at most.")


def test_a_folder_that_is_not_there(here):
    assert "No such file or directory; name another endpoint." in refused("unix:nosuch/chat.sock")


def test_an_address_in_use():
    with socket.create_server(("127.0.0.1", 0)) as other:
        endpoint = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
        assert refused(endpoint).endswith(
            "Address already in use; stop what is there or name another endpoint."
        )


@pytest.mark.skipif(not hasattr(socket, "TCP_MAXSEG"), reason="this system bounds no segments")
def test_a_listener_bounds_the_segments_of_its_clients():
    def segment(listener):
        with socket.create_connection(("127.0.0.1", listener.port.getHost().port)) as client:
            return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)

    config = ListenConfig(endpoint="tcp:0:interface=127.0.0.1", max_segment=500)
    listener = Listener(reactor, config, Config(listen=(config,)))
    try:
        assert segment(listener) <= 500
        listener.use(listener.prepare(ListenConfig(endpoint=config.endpoint, max_segment=1200), Config()))
        assert 500 < segment(listener) <= 1200
        listener.use(listener.prepare(ListenConfig(endpoint=config.endpoint), Config()))
        assert segment(listener) > 1200
    finally:
        listener.port.connectionLost(Failure(ConnectionDone()))
