"""What the service manager is told, and when its watchdog is fed."""

import os
import socket

import pytest
from twisted.internet.task import Clock

from chatd.ops.notify import FEED, READY, Notifier
from chatd.server.watchdog import PER_TERM, Watchdog
from chatd.testing.store import MemoryStore


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager):
    try:
        return manager.recv(4096).decode().splitlines()
    except BlockingIOError:
        return []


def test_what_is_said_arrives(manager):
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.say(READY, "STATUS=well")
    assert heard(manager) == ["READY=1", "STATUS=well"]
    notifier.reloading()
    first, second = heard(manager)
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")
    notifier.replaced(7)
    assert heard(manager) == ["MAINPID=7"]


def test_abstract_sockets_are_named_by_an_at_sign():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0chatd-test-notify")
        Notifier({"NOTIFY_SOCKET": "@chatd-test-notify"}).say(READY)
        assert heard(listening) == ["READY=1"]


def test_nobody_who_listens_is_no_fault(manager):
    Notifier({}).say(READY)
    Notifier({"NOTIFY_SOCKET": "/nowhere/notify"}).say(READY)
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(5000):
        notifier.say(READY)  # more than the socket holds


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "30000000"}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "often"}, 0),
    ],
)
def test_how_often_the_watchdog_wants_to_be_fed(environment, seconds):
    assert Notifier({"NOTIFY_SOCKET": "/somewhere", **environment}).watchdog == seconds
    assert Notifier(environment).watchdog == 0


def watched(term=60.0):
    clock, store, fed = Clock(), MemoryStore(), []
    watchdog = Watchdog(store.beat, clock, lambda: fed.append(FEED), term)
    watchdog.start()
    return clock, store, fed, watchdog


def test_the_watchdog_is_fed_while_all_moves():
    clock, _, fed, watchdog = watched()
    clock.pump([60 / PER_TERM] * 8)
    assert len(fed) == 9
    watchdog.stop()
    clock.advance(1000)
    assert len(fed) == 9


def test_it_goes_hungry_while_the_writing_thread_hangs_and_is_fed_again_when_it_moves():
    clock, store, fed, _ = watched()
    store.held = True
    clock.pump([60 / PER_TERM] * 2)
    before = len(fed)
    clock.pump([60 / PER_TERM] * 20)
    assert len(fed) == before
    store.held = False
    store.release()
    clock.pump([60 / PER_TERM] * 2)
    assert len(fed) > before


def test_a_reactor_that_stands_feeds_nobody():
    clock, _, fed, _ = watched()
    clock.advance(600)
    assert len(fed) == 2, "a tick that comes late is one"


def test_without_a_watchdog_nothing_runs():
    clock, _, fed, _ = watched(0.0)
    clock.advance(1000)
    assert not fed
    assert not clock.getDelayedCalls()
