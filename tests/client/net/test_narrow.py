"""Connections with bounded segments: the system is told before they open, so the peer keeps to it."""

import socket

import pytest
from twisted.internet.interfaces import IReactorTCP
from zope.interface import implementer

from chatd.client.net.narrow import narrowed
from chatd.tcp import CAN_LIMIT_SEGMENTS, flow


@implementer(IReactorTCP)
class Reactor:
    """Opens sockets, and connects them later, as Twisted does."""

    def __init__(self):
        self.sockets = []

    def connectTCP(self, host, port, factory, timeout=30):
        del host, port, factory, timeout
        self.socket = socket.socket()
        self.sockets.append(self.socket)
        self.transport = self
        return self


@pytest.mark.skipif(not CAN_LIMIT_SEGMENTS, reason="this system has no TCP_MAXSEG")
def test_both_sides_keep_to_the_bound():
    reactor = Reactor()
    narrow = narrowed(reactor, 500)
    assert IReactorTCP.providedBy(narrow)
    assert narrow.sockets is reactor.sockets
    with socket.create_server(("127.0.0.1", 0)) as server:
        narrow.connectTCP(*server.getsockname(), None, timeout=1)
        (near,) = reactor.sockets
        near.connect(server.getsockname())
        far, _ = server.accept()
        for sock in (near, far):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 500
            sock.close()


def test_without_a_bound_the_reactor_is_left_alone():
    reactor = Reactor()
    assert narrowed(reactor, 0) is reactor


def test_nothing_is_repeated_where_everything_arrives():
    with socket.create_server(("127.0.0.1", 0)) as server:
        reactor = Reactor()
        near = reactor.connectTCP(*server.getsockname(), None)
        near.socket.connect(server.getsockname())
        near.socket.sendall(b"x" * 1000)
        assert not flow(near).repeats
        near.socket.close()
        assert not flow(near).repeats
    assert not flow(object()).repeats
