"""Eager transports over real sockets, and the parts of Twisted that they lean on."""

import inspect
import socket
import struct
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet import abstract, tcp, unix
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from chatd.server.eager import LEANS_ON, EagerServer, EagerUnixServer, narrow, outlet, send_eagerly
from tests.examples import examples


class Reactor(Clock):
    """Notes who wants to write; the test decides when that happens."""

    def __init__(self):
        super().__init__()
        self.writers = set()

    def addReader(self, reader):
        pass

    removeReader = addReader

    def addWriter(self, writer):
        self.writers.add(writer)

    def removeWriter(self, writer):
        self.writers.discard(writer)

    def turn(self):
        for writer in list(self.writers):
            failed = writer.doWrite()
            if failed:
                writer.connectionLost(Failure(failed))


class Listener:
    _realPortNumber = 7411


class Speaker(Protocol):
    paused = 0
    lost = None

    def pauseProducing(self):
        self.paused += 1

    def resumeProducing(self):
        self.paused = 0

    def connectionLost(self, reason=connectionDone):
        self.lost = reason


@pytest.fixture
def pair():
    with_listener = make_pair()
    yield with_listener
    with_listener[3].close()
    if hasattr(with_listener[0], "socket"):
        with_listener[0].socket.close()


def make_pair(small=True):
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    if small:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    reactor = Reactor()
    protocol = Speaker()
    transport = EagerServer(near, protocol, ("127.0.0.1", 1), Listener(), 1, reactor)
    protocol.makeConnection(transport)
    return transport, protocol, reactor, far


def receive(far):
    try:
        return far.recv(1 << 20)
    except BlockingIOError:
        return None


def test_a_write_is_on_its_way_before_it_returns(pair):
    transport, _, reactor, far = pair
    transport.write(b"at once")
    assert receive(far) == b"at once"
    assert not reactor.writers


def test_what_the_kernel_does_not_take_follows_in_order(pair):
    transport, _, reactor, far = pair
    sent = b"".join(b"%08d" % number for number in range(20_000))
    transport.write(sent)
    transport.write(b"behind")
    assert transport in reactor.writers
    got = b""
    while len(got) < len(sent) + 6:
        got += receive(far) or b""
        reactor.turn()
    assert got == sent + b"behind"
    transport.write(b"eager again")
    assert receive(far) == b"eager again"


def test_a_full_kernel_pauses_the_producer_and_resumes_it(pair):
    transport, protocol, reactor, far = pair
    transport.registerProducer(protocol, True)
    transport.write(b"x" * 500_000)
    assert protocol.paused
    while protocol.paused:
        receive(far)
        reactor.turn()
    assert not transport.dataBuffer


def test_the_producer_is_paused_while_anything_at_all_is_buffered(pair):
    transport, protocol, reactor, far = pair
    transport.registerProducer(protocol, True)
    send = outlet(transport)
    taken = send(bytes(500_000))
    assert 0 < taken < 500_000
    assert not protocol.paused
    transport.write(b"1")
    assert (protocol.paused, transport.producerPaused) == (1, True)
    transport.write(b"2")
    assert protocol.paused == 1
    got = b""
    while protocol.paused:
        got += receive(far) or b""
        reactor.turn()
    got += receive(far) or b""
    assert not transport.dataBuffer
    assert got == bytes(taken) + b"12"


def test_a_narrow_transport_keeps_its_order_when_the_kernel_is_full(pair):
    transport, _, reactor, far = pair
    narrow(transport, 500)
    sent = b"".join(b"%08d" % number for number in range(20_000))
    taken = outlet(transport)(sent)
    assert 0 < taken < len(sent)
    transport.write(sent[taken:])
    transport.write(b"behind")
    got = b""
    while len(got) < len(sent) + 6:
        got += receive(far) or b""
        reactor.turn()
    assert got == sent + b"behind"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how many segments were sent")
@pytest.mark.parametrize("way", ["write", "outlet", "later"])
def test_the_segments_of_a_narrow_transport_are_small(way):
    sent, again = 156, 100  # tcpi_data_segs_out and tcpi_total_retrans of struct tcp_info
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
    near.setblocking(False)
    transport = EagerServer(near, Protocol(), ("127.0.0.1", 1), Listener(), 1, Reactor())

    class Above:
        """Stands for TLS or a relay's header above the transport."""

    Above.transport = transport
    narrow(Above(), 500)
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = bytes(20_000)
    if way == "outlet":
        outlet(transport)(data)
    elif way == "write":
        transport.write(data)
    else:
        transport.writeSomeData(data)
    got = 0
    while got < len(data):
        got += len(far.recv(1 << 16))
    info = near.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    near.close()
    far.close()
    segments, repeated = (struct.unpack_from("@I", info, offset)[0] for offset in (sent, again))
    assert segments - repeated == len(data) / 500


def test_a_transport_that_cannot_be_narrow_is_left_alone(pair):
    transport, *_ = pair
    narrow(object(), 500)
    assert transport.piece == 0


def test_a_narrow_transport_notices_a_peer_that_is_gone(pair):
    transport, protocol, reactor, far = pair
    narrow(transport, 500)
    far.close()
    transport.write(b"x" * 2000)
    reactor.turn()
    assert protocol.lost is not None


def test_a_transport_that_does_more_than_send_has_no_outlet(pair):
    transport, *_ = pair
    stock = tcp.Server(transport.socket, Protocol(), ("127.0.0.1", 1), Listener(), 2, transport.reactor)
    assert outlet(stock) is None
    assert outlet(IPv4Address("TCP", "127.0.0.1", 1)) is None
    transport.TLS = True
    assert outlet(transport) is None


def test_the_outlet_of_a_connection_that_has_ended_takes_nothing(pair):
    transport, protocol, reactor, far = pair
    send = outlet(transport)
    far.close()
    transport.loseConnection()
    for _ in range(3):
        reactor.turn()
    assert protocol.lost is not None
    with pytest.raises(OSError, match="descriptor"):
        send(b"too late")


def test_a_peer_that_is_gone_is_noticed_the_usual_way(pair):
    transport, protocol, reactor, far = pair
    far.close()
    transport.write(b"into the void")
    assert protocol.lost is None
    for _ in range(3):
        reactor.turn()
    assert protocol.lost is not None
    transport.write(b"too late")


def test_nothing_is_sent_after_the_writing_side_was_closed(pair):
    transport, _, reactor, far = pair
    transport.write(b"last")
    transport.loseWriteConnection()
    reactor.turn()
    transport.write(b"later")
    assert receive(far) == b"last"
    assert receive(far) == b""


def test_what_was_written_before_the_end_arrives_and_then_the_end(pair):
    transport, protocol, reactor, far = pair
    transport.write(b"x" * 100_000)
    transport.loseConnection()
    got = b""
    while protocol.lost is None:
        got += receive(far) or b""
        reactor.turn()
    while piece := receive(far):
        got += piece
    assert got == b"x" * 100_000


@settings(max_examples=examples(50), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=9000), st.sampled_from(["turn", "read", "sequence"])))
)
def test_bytes_keep_their_order_whatever_happens(steps):
    transport, _, reactor, far = make_pair()
    sent = got = b""
    for step in steps:
        if isinstance(step, bytes):
            transport.write(step)
            sent += step
        elif step == "sequence":
            transport.writeSequence([b"one", b"two"])
            sent += b"onetwo"
        elif step == "turn":
            reactor.turn()
        else:
            got += receive(far) or b""
    while len(got) < len(sent):
        got += receive(far) or b""
        reactor.turn()
    assert got == sent
    far.close()
    transport.socket.close()


def test_twisted_still_has_what_this_leans_on():
    transport, *_, far = make_pair()
    for name in LEANS_ON:
        assert hasattr(transport, name), (
            f"Twisted's transports have no {name} any more; see chatd/server/eager.py"
        )
    assert tcp.Port.transport is tcp.Server
    assert unix.Port.transport is unix.Server
    source = inspect.getsource(abstract.FileDescriptor)
    for phrase in (
        "self._tempDataBuffer.append(data)",
        "self._tempDataLen += len(data)",
        'self.dataBuffer = b""',
        "self._maybePauseProducer()",
        "(not self.streamingProducer) or self.producerPaused",
    ):
        assert phrase in source, f"Twisted's write has changed ({phrase}); see chatd/server/eager.py"
    far.close()
    transport.socket.close()


@pytest.mark.parametrize(("listen", "kind"), [("tcp", EagerServer), ("unix", EagerUnixServer)])
def test_the_ports_of_the_reactor_are_made_eager(listen, kind, tmp_path):
    from twisted.internet import reactor  # noqa: PLC0415 - the ports of the real one

    factory = Factory.forProtocol(Protocol)
    factory.noisy = False
    if listen == "tcp":
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    else:
        port = reactor.listenUNIX(str(tmp_path / "socket"), factory)
    try:
        send_eagerly(port)
        assert port.transport is kind
    finally:
        port.stopReading()
        port.socket.close()


def test_an_unknown_transport_is_left_alone():
    class Other:
        transport = object

    send_eagerly(Other)
    assert Other.transport is object
    send_eagerly(IPv4Address("TCP", "127.0.0.1", 1))
