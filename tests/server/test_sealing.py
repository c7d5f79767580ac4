"""What is sealed past Twisted's layer of TLS arrives, in order with what goes through the layer."""

import socket
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL, crypto
from twisted.internet.ssl import Certificate, CertificateOptions, KeyPair
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from chatd.server import sealing
from chatd.server.eager import EagerServer, narrow, outlet
from chatd.server.sealing import MOST
from tests.end_to_end.harness.certificates import make_certificate
from tests.examples import examples
from tests.server.test_eager import Listener, Reactor, Speaker


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Return what TLS is made of, as a listener makes it."""
    certificate, key = make_certificate(tmp_path_factory.mktemp("tls"))
    return CertificateOptions(
        privateKey=KeyPair.load(key.read_bytes(), crypto.FILETYPE_PEM).original,
        certificate=Certificate.loadPEM(certificate.read_bytes()).original,
    )


class Producer(Speaker):
    def stopProducing(self):
        pass


class Line:
    """A server's connection with TLS over a socket with a small buffer, and a peer who verifies nobody."""

    def __init__(self, options, version=ssl.TLSVersion.TLSv1_3, layer=TLSMemoryBIOProtocol):
        near, self._far = socket.socketpair()
        near.setblocking(False)
        self._far.setblocking(False)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.reactor, self.speaker = Reactor(), Producer()
        factory = TLSMemoryBIOFactory(options, False, None, clock=self.reactor)
        self.layer = layer(factory, self.speaker)
        self.transport = EagerServer(near, self.layer, ("127.0.0.1", 1), Listener(), 1, self.reactor)
        self.layer.makeConnection(self.transport)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        self._come, self._go = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._peer = context.wrap_bio(self._come, self._go)
        self.got = b""
        while not self._shake():
            self.turn()
        self.layer.registerProducer(self.speaker, True)
        self.turn()

    def _shake(self):
        try:
            self._peer.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def turn(self):
        """Let the server write, and both read what has come."""
        self.reactor.turn()
        if going := self._go.read():
            self.layer.dataReceived(going)
        try:
            while data := self._far.recv(1 << 20):
                self._come.write(data)
        except BlockingIOError:
            pass
        try:
            while data := self._peer.read(1 << 20):
                self.got += data
        except (ssl.SSLWantReadError, ssl.SSLError):
            pass

    def await_bytes(self, count):
        """Take turns until ``count`` bytes have come."""
        for _ in range(10_000):
            if len(self.got) >= count:
                return
            self.turn()
        raise AssertionError(f"{len(self.got)} of {count} bytes have come")

    def close(self):
        self._far.close()
        if hasattr(self.transport, "socket"):
            self.transport.socket.close()


@pytest.fixture
def line(options):
    made = Line(options)
    yield made
    made.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_sealed_is_on_its_way_at_once(options, version):
    line = Line(options, version)
    seal = outlet(line.layer)
    assert seal(b"at once") == 7
    assert not line.reactor.writers
    line.turn()
    assert line.got == b"at once"
    line.close()


def test_what_the_system_does_not_take_waits_and_pauses_who_produces(line):
    seal, sent = outlet(line.layer), b"".join(b"%08d" % number for number in range(20_000))
    assert seal(sent) == len(sent)
    assert line.speaker.paused
    line.layer.write(b"behind")
    line.await_bytes(len(sent) + 6)
    assert line.got == sent + b"behind"
    assert not line.speaker.paused
    assert seal(b"again") == 5
    line.turn()
    assert line.got.endswith(b"behindagain")


def test_too_much_at_once_is_left_to_the_layer(line):
    seal = outlet(line.layer)
    assert seal(bytes(MOST + 1)) == 0
    assert seal(bytes(MOST)) == MOST
    line.await_bytes(MOST)
    assert line.got == bytes(MOST)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.binary(min_size=1, max_size=40_000), st.sampled_from(["turn", "next"]))))
def test_bytes_keep_their_order_whoever_writes(options, steps):
    line = Line(options)
    seal, sent, sealing = outlet(line.layer), b"", True
    for step in steps:
        if step == "turn":
            line.turn()
        elif step == "next":
            sealing = not sealing
        else:
            taken = seal(step) if sealing and not line.speaker.paused else 0
            if taken < len(step):
                line.layer.write(step[taken:])
            sent += step
    line.await_bytes(len(sent))
    assert line.got == sent
    line.close()


def test_narrow_segments_hold_for_what_is_sealed(line):
    narrow(line.layer, 500)
    seal, sent = outlet(line.layer), bytes(range(256)) * 200
    assert seal(sent) == len(sent)
    line.await_bytes(len(sent))
    assert line.got == sent


def test_what_is_read_meanwhile_is_not_lost(line):
    seal = outlet(line.layer)
    heard = []
    line.speaker.dataReceived = heard.append
    for number in range(5):
        line._peer.write(b"%d" % number)
        assert seal(b"x" * 20_000) == 20_000
        line.await_bytes((number + 1) * 20_000)
    assert b"".join(heard) == b"01234"


def test_behind_the_goodbye_nothing_is_taken(line):
    seal = outlet(line.layer)
    line.layer.unregisterProducer()
    line.layer.loseConnection()
    assert seal(b"too late") == 0
    line.layer.write(b"too late")
    line.turn()
    assert line.got == b""
    assert line.speaker.lost is None or line.speaker.lost


def test_a_peer_that_is_gone_is_noticed_the_usual_way(line):
    seal = outlet(line.layer)
    line._far.close()
    seal(b"into the void" * 1000)
    for _ in range(3):
        line.reactor.turn()
    assert line.speaker.lost is not None
    seal(b"too late")


def test_layers_that_buffer_are_left_alone(options):
    line = Line(options, layer=BufferingTLSTransport)
    assert outlet(line.layer) is None
    line.close()


def test_where_openssl_is_another_one_the_layer_does_it(line, monkeypatch):
    monkeypatch.setattr(sealing, "_usable", False)
    assert outlet(line.layer) is None


def test_pyopenssl_still_has_what_this_leans_on(line):
    for name in sealing.LEANS_ON:
        assert hasattr(SSL._lib, name), f"pyOpenSSL has no {name} any more; see chatd/server/sealing.py"
    for name in sealing.LEANS_ON_OF_CONNECTIONS:
        assert hasattr(line.layer.getHandle(), name), f"its connections have no {name}"
