"""How the daemon stops: a goodbye to everybody, nothing accepted is lost, status 0, in time."""

import contextlib
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatd.wire.messages import Error, Event, Goodbye, Join, Ok
from tests.end_to_end.harness.processes import PATIENCE, Deadline, script, wait_gone
from tests.end_to_end.harness.program import run
from tests.end_to_end.harness.raw import sends

SHORT_DRAIN = "[drain]\ndeadline = 2.0\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everybody_is_told_when_to_come_back(daemon, connect, number):
    clients = [connect(daemon) for _ in range(5)]
    for index, client in enumerate(clients):
        client.enter(f"nick{index}")
    daemon.signal(number)
    goodbyes = [client.await_(Goodbye) for client in clients]
    assert [goodbye.reason for goodbye in goodbyes] == ["drain"] * 5
    slots = sorted(goodbye.retry_after for goodbye in goodbyes)
    assert len(set(slots)) == 5
    assert 0.5 <= slots[0] <= slots[-1] <= 2.5
    assert [client.rest() for client in clients] == [[]] * 5
    assert daemon.wait() == 0
    assert len(daemon.said("drain")) == len(daemon.said("stop")) == 1
    assert all("reason=drain" in line for line in daemon.said("client-out"))
    assert not (daemon.folder / "chatd.pid").exists()


def is_ack(message):
    return isinstance(message, Ok) and message.id > 1_000_000


def check_kept(daemon, connect, token, acknowledged):
    """Start the daemon again and check that what was acknowledged is all that there is."""
    assert daemon.wait() == 0
    daemon.start()
    again = connect(daemon)
    assert again.enter(token=token, follow="listed", cursors={"#a": 1}).last == acknowledged
    assert [event.n for event in again.events("#a", acknowledged)] == list(range(1, acknowledged + 1))


def test_what_was_accepted_is_durable_and_acknowledged(daemon, connect):
    ann = connect(daemon)
    token = ann.enter("ann").token
    ann.join("#a")
    for begin in range(1, 6001, 2000):
        ann.say(*sends("#a", [f"text {n}" for n in range(begin, begin + 2000)], begin))
    daemon.signal(signal.SIGTERM)
    rest = ann.rest()
    acknowledged = sum(map(is_ack, rest))
    heard = [message.n for message in rest if isinstance(message, Event)]
    assert isinstance(rest[-1], Goodbye)
    assert heard[-acknowledged:] == list(range(1, acknowledged + 1))
    assert not any(isinstance(message, Error) for message in rest)
    check_kept(daemon, connect, token, acknowledged)


def send_until_goodbye(client, begun):
    """Keep 256 sends in flight until the goodbye comes; return it and the number of acknowledgements."""
    client.say(*sends("#a", ["x"] * 256))
    acknowledged = 0
    while not isinstance(message := client.hear(), Goodbye):
        assert message is not None, "the connection ended without a goodbye"
        if is_ack(message):
            acknowledged += 1
            with contextlib.suppress(ConnectionError):
                client.say(*sends("#a", ["x"], acknowledged + 256))
        if acknowledged == 1000:
            begun.set()
    return message, acknowledged


def test_a_room_that_never_rests_does_not_hold_it_up(daemon, connect):
    clients = [connect(daemon) for _ in range(4)]
    tokens = [client.enter(f"nick{n}").token for n, client in enumerate(clients)]
    for client in clients:
        client.ask(Join, room="#a")
        client.patience = 15.0
    begun = threading.Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        ends = [pool.submit(send_until_goodbye, client, begun) for client in clients]
        assert begun.wait(PATIENCE)
        daemon.signal(signal.SIGTERM)
        signalled = time.monotonic()
        results = [end.result() for end in ends]
        took = time.monotonic() - signalled
    assert [goodbye.reason for goodbye, _ in results] == ["drain"] * 4
    assert took < 3.0
    assert daemon.wait() == 0
    daemon.start()
    kept = [connect(daemon).enter(token=token).last for token in tokens]
    assert kept == [acknowledged for _, acknowledged in results]


def test_a_client_that_reads_nothing_does_not_hold_it_up(make_daemon, connect):
    daemon = make_daemon(SHORT_DRAIN).start()
    silent = connect(daemon, receive_buffer=4096)
    silent.enter("silent")
    silent.join("#a")
    connect(daemon)  # no hello at all
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#a")
    for n in range(1, 801):
        ann.send("#a", "x" * 16_000, n)  # more than the system buffers for a peer
    started = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert isinstance(ann.rest()[-1], Goodbye)
    assert daemon.wait() == 0
    assert time.monotonic() - started < 2.0 + 1.5
    assert len(daemon.said("stop")) == 1


def test_without_clients_it_stops_at_once(daemon):
    started = time.monotonic()
    assert daemon.terminate() == 0
    assert time.monotonic() - started < 2.0


def test_nobody_is_let_in_while_it_drains(make_daemon, connect):
    daemon = make_daemon(SHORT_DRAIN).start()
    silent = connect(daemon, receive_buffer=4096)
    silent.enter("silent")
    silent.join("#a")
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#a")
    for n in range(1, 801):
        ann.send("#a", "x" * 16_000, n)
    daemon.signal(signal.SIGTERM)
    ann.await_(Goodbye)
    with pytest.raises(ConnectionRefusedError):
        connect(daemon)
    assert daemon.wait() == 0


def test_it_starts_again_after_a_crash_on_its_pid_file(daemon, connect):
    connect(daemon).enter("ann")
    daemon.kill()
    assert (daemon.folder / "chatd.pid").exists()
    daemon.start()
    assert isinstance(connect(daemon).enter("bob").session, int)
    assert daemon.terminate() == 0


def test_in_the_background(make_daemon, connect):
    daemon = make_daemon()
    options = daemon.command[daemon.command.index("chatd") :]
    pid_file = daemon.folder / "chatd.pid"
    done = run(
        *script("twistd"), "--pidfile", str(pid_file), "--logfile", "chatd.log", *options, cwd=daemon.folder
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid = int(pid_file.read_text())
    try:
        ann = connect(daemon)  # the command has returned: it listens
        ann.enter("ann")
        os.kill(pid, signal.SIGTERM)
        assert isinstance(ann.rest()[-1], Goodbye)
    finally:
        try:
            wait_gone(pid, Deadline().left)
        except AssertionError:
            os.kill(pid, signal.SIGKILL)
            raise
    assert not pid_file.exists()
    assert len(daemon.said("stop")) == 1
