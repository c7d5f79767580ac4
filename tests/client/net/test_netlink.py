"""Hints from the kernel, by real sockets and a fake clock."""

import socket
import subprocess
import sys

import pytest
from twisted.internet.task import Clock

from chatd.client.net.netlink import SETTLE, NetworkWatch, watch_network


class Readers(Clock):
    def __init__(self):
        super().__init__()
        self.readers = set()

    def addReader(self, reader):
        self.readers.add(reader)

    def removeReader(self, reader):
        self.readers.discard(reader)


@pytest.fixture
def told():
    kernel, source = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    source.setblocking(False)
    reactor = Readers()
    hints = []
    watch = NetworkWatch(reactor, source, lambda: hints.append(reactor.seconds()))
    yield kernel, reactor, watch, hints
    watch.stop()
    kernel.close()


def test_changes_that_come_together_are_one_hint(told):
    kernel, reactor, watch, hints = told
    for _ in range(3):
        kernel.send(b"change")
    watch.doRead()
    kernel.send(b"change")
    watch.doRead()
    assert not hints
    reactor.advance(SETTLE)
    assert hints == [SETTLE]
    kernel.send(b"change")
    watch.doRead()
    reactor.advance(SETTLE)
    assert len(hints) == 2


def test_a_stopped_watch_hints_no_more(told):
    kernel, reactor, watch, hints = told
    kernel.send(b"change")
    watch.doRead()
    watch.stop()
    watch.stop()
    reactor.advance(1)
    assert not hints
    assert not reactor.readers


def test_a_reactor_without_readers_is_left_alone():
    assert watch_network(Clock(), lambda: None) is None


def test_the_kernel_tells_of_a_new_link():
    if not hasattr(socket, "AF_NETLINK"):
        pytest.skip("this system has no rtnetlink")
    script = """
import subprocess, sys
from twisted.internet import reactor
from chatd.client.net.netlink import watch_network
watch = watch_network(reactor, lambda: (print("hint"), watch.stop(), reactor.stop()))
reactor.callWhenRunning(lambda: subprocess.run(["ip", "link", "set", "lo", "up"], check=True))
reactor.callLater(8, reactor.stop)
reactor.run()
"""
    command = ["unshare", "--net", sys.executable, "-c", script]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if "Operation not permitted" in done.stderr:
        pytest.skip("network namespaces are not permitted here")
    assert done.stdout == "hint\n", done.stderr
