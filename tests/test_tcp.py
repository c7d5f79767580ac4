"""What the kernel knows of a TCP connection and Twisted does not tell."""

import socket

from chatd.tcp import Flow, allow_fragments, far_host, flow, out_of_order, socket_of


class Transport:
    def __init__(self, sock):
        self.socket = sock


def test_a_live_socket_tells_its_count_and_others_none():
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        assert socket_of(Transport(near)) is near
        assert out_of_order(Transport(near)) == 0
        near.close()
        assert out_of_order(Transport(near)) == 0
    one, other = socket.socketpair()
    assert socket_of(Transport(one)) is None
    one.close()
    other.close()
    assert out_of_order(object()) == 0


def test_a_live_socket_tells_how_its_bytes_flow():
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        assert far_host(Transport(near)) == "127.0.0.1"
        near.sendall(b"x")
        far.recv(1)
        told = flow(Transport(near))
        assert (told.waiting, told.repeats) == (0, 0)
        assert 0 <= told.silence < 60
        allow_fragments(Transport(near))
        assert near.getsockopt(socket.IPPROTO_IP, 10) == 0
        near.close()
        far.close()
        assert flow(Transport(near)) == Flow()
        allow_fragments(Transport(near))
        assert far_host(Transport(near)) == ""
    assert flow(object()) == Flow()
    assert far_host(object()) == ""
    allow_fragments(object())


def test_the_socket_below_tls_is_found():
    class Tls:
        transport = None

    with socket.create_server(("127.0.0.1", 0)) as server:
        outer = Tls()
        outer.transport = Transport(server)
        assert socket_of(outer) is server
