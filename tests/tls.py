"""TLS over the in-memory network: real handshakes, certificates of clients included, under the fake clock."""

from OpenSSL import SSL
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions, trustRootFromCertificates
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from zope.interface import implementer

from chatd.fingerprint import fingerprint
from chatd.testing.playground import PORTS
from tests.client.net.test_tls import issue
from tests.helpers import TALKERS, hello

HOST = "chat.example"


def print_of(certificate):
    """Return the fingerprint of ``certificate``."""
    return fingerprint(certificate.original.to_cryptography())


class Layer(BufferingTLSTransport):
    """TLS whose transport ends a moment after it is aborted, as Twisted's do and those in memory do not."""

    def __init__(self, clock, *given):
        self._later = clock
        super().__init__(*given)

    def makeConnection(self, transport):
        abort = transport.abortConnection
        transport.abortConnection = lambda: self._later.callLater(0, abort)
        super().makeConnection(transport)


class Tls:
    """TLS in front of the listeners of a playground, which takes the certificates of ``people``."""

    def __init__(self, playground, *people):
        self.playground = playground
        self.people = people
        self.own = issue(HOST)
        self.shown = []
        self.begin()

    def begin(self):
        """Speak TLS at the playground's listeners; to be called again when the daemon has started anew."""
        self.options = CertificateOptions(
            privateKey=self.own.privateKey.original,
            certificate=self.own.original,
            verify=bool(self.people),
            caCerts=[one.original for one in self.people] or None,
            requireCertificate=False,
            enableSessionTickets=True,
        )
        for port in PORTS.values():
            plain = self.playground.network._listeners[port]
            self.playground.network.listen(self._layer(self.options, False, plain), port)

    def wrapped(self, creator, protocol_factory):
        """Return a factory of client's protocols that speak TLS as ``creator`` says."""
        return self._layer(creator, True, protocol_factory)

    def _layer(self, creator, is_client, factory):
        clock = self.playground.clock
        layer = TLSMemoryBIOFactory(creator, is_client, factory, clock=clock)
        layer.protocol = lambda *given: Layer(clock, *given)
        return layer

    def reused(self):
        """Return, for each connection of the daemon, whether its TLS went on with an earlier session."""
        layers = [connection.transport for connection in self.playground.server.swept()]
        return [bool(SSL._lib.SSL_session_reused(layer._tlsConnection._ssl)) for layer in layers]

    def come_in(self, nick="", *more, shows=None, speaks="native", **fields):
        """Return a talker who has shown the certificate ``shows``, said hello and ``more`` behind it."""
        talker = TALKERS[speaks](hello(nick, **fields), *more)
        trusting = CertificateOptions(
            privateKey=None if shows is None else shows.privateKey.original,
            certificate=None if shows is None else shows.original,
            trustRoot=trustRootFromCertificates([self.own]),
        )
        wrapped = self.wrapped(trusting, Factory.forProtocol(lambda: talker))
        self.playground.network.connect(wrapped.buildProtocol(None), PORTS[speaks])
        self.playground.advance(0.5)
        return talker


@implementer(IStreamClientEndpoint)
class TlsEndpoint:
    """A client's endpoint over ``endpoint``, whose connections speak TLS as ``creator`` says."""

    def __init__(self, tls, endpoint, creator):
        self._tls = tls
        self._endpoint = endpoint
        self._creator = creator

    def connect(self, factory):
        """Connect a protocol of ``factory``."""
        connected = self._endpoint.connect(self._tls.wrapped(self._creator, factory))
        return connected.addCallback(lambda wrapped: wrapped.wrappedProtocol)
