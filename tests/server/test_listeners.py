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

from chatd.ops.log import KEY
from chatd.ops.settings import Config, ListenConfig
from chatd.server.listeners import ListenError, listen
from chatd.server.open_listeners import Listener, Listeners
from tests.end_to_end.harness.certificates import make_certificate

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


@pytest.fixture
def listeners():
    """Return listeners, of which none is open yet; they are closed at the end."""
    made = Listeners(reactor)
    yield made
    made.close()


def config(*endpoints):
    return Config(listen=tuple(ListenConfig(endpoint=endpoint) for endpoint in endpoints))


def answers(port):
    """Return whether somebody listens on ``port``."""
    family = socket.AF_UNIX if isinstance(port, str) else socket.AF_INET
    with socket.socket(family) as client:
        return client.connect_ex(port if isinstance(port, str) else ("127.0.0.1", port)) == 0


@pytest.fixture
def taken():
    """Return an endpoint where somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"


def test_a_listener_is_not_closed_for_a_new_one_that_cannot_be_opened_anyway(listeners):
    listeners.open(config("tcp:0:interface=127.0.0.1"))
    before = listeners.ports
    with pytest.raises(ListenError, match="No such file or directory"):
        listeners.prepare(config("unix:nosuch/socket"))
    assert listeners.ports == before
    assert answers(before[0].getHost().port)


def test_a_listener_that_could_not_be_opened_again_is_not_closed_for_another(here, listeners, taken):
    (here / "folder").mkdir()
    listeners.open(config("unix:folder/socket:lockfile=0"))
    (here / "folder").rename("moved")
    with pytest.raises(ListenError, match="in use"):
        listeners.prepare(config(taken))
    assert answers("moved/socket")


def test_a_new_listener_gets_the_address_of_one_that_goes(listeners):
    listeners.open(config("unix:socket"))
    listeners.prepare(config("unix:socket:mode=660")).commit()
    assert answers("socket")
    (port,) = listeners.ports
    listeners.prepare(config("unix:socket")).commit()
    assert listeners.ports != [port]
    assert answers("socket")


def test_the_lock_of_a_socket_that_was_removed_is_given_back(here, listeners):
    listeners.open(config("unix:socket"))
    (here / "socket").unlink()
    listeners.prepare(config("unix:socket:mode=660")).commit()
    assert answers("socket")


def test_a_listener_that_cannot_be_opened_again_is_lost_alone(here, listeners, taken, logged_events):
    certificate, key = make_certificate(here)
    secret = f"ssl:0:interface=127.0.0.1:certKey={certificate}:privateKey={key}"
    plain = "tcp:0:interface=127.0.0.1"
    listeners.open(config(secret, plain))
    key.rename("elsewhere")
    with pytest.raises(ListenError, match="in use"):
        listeners.prepare(config(taken))
    (lost,) = [event[KEY] for event in logged_events if KEY in event and event[KEY].name == "listener-lost"]
    assert lost.fields["listen"] == secret
    (port,) = listeners.ports
    assert answers(port.getHost().port)

    (here / "elsewhere").rename(key)
    listeners.prepare(config(secret, plain)).commit()
    assert len(listeners.ports) == 2


def test_closing_what_is_closed_does_nothing():
    listener = Listener(reactor, ListenConfig(endpoint="tcp:0:interface=127.0.0.1"), Config())
    listener.close()
    listener.close()
    listener.release()


def test_a_reload_changes_the_queue_of_a_listener_that_stays(listeners):
    def one(backlog):
        return Config(listen=(ListenConfig(endpoint="tcp:0:interface=127.0.0.1", backlog=backlog),))

    listeners.open(one(5))
    before = listeners.ports
    listeners.prepare(one(9)).commit()
    assert listeners.ports == before
    assert answers(before[0].getHost().port)
