"""The endpoints through proxies, in memory: time, names, early bytes, and what failures are called."""

import sys
from functools import partial

import pytest
from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.core.address import parse_address
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import parse_proxy
from chatd.client.net.proxies.endpoint import TunnelEndpoint
from chatd.client.net.proxies.http_connect import HttpConnect
from chatd.client.net.proxies.names import LookedUpEndpoint
from chatd.client.net.proxies.negotiation import ProxyError
from chatd.client.net.proxies.socks import Socks5
from chatd.client.net.proxies.tunnel import Tunnel
from chatd.client.net.reasons import ending
from chatd.client.net.way import way_to
from chatd.testing import MemoryEndpoint, Network

PROXY = parse_proxy("http://10.0.0.2:8888")
SOCKS = parse_proxy("socks5://10.0.0.2:1080")
OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


def settle(clock):
    """Let everything happen that happens now."""
    clock.pump([0] * 10)


class Inner(Protocol):
    """The protocol of the server: says something first, and keeps what happens."""

    def __init__(self):
        self.got = b""
        self.lost = None

    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.got += data

    def connectionLost(self, reason=connectionDone):
        self.lost = reason


class Peer(Protocol):
    """A proxy that writes the next of ``answers`` whenever something comes."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.got = b""
        self.lost = None

    def dataReceived(self, data):
        self.got += data
        if self.answers:
            self.transport.write(self.answers.pop(0))

    def connectionLost(self, reason=connectionDone):
        self.lost = reason


def _http():
    return HttpConnect(PROXY, "chat.example", 7411)


class World:
    """An in-memory network with a proxy in it, and an endpoint that leads through it."""

    def __init__(self, *answers, clock=None, negotiate=_http, patience=10.0):
        self.clock = clock or Clock()
        self.network = Network(self.clock)
        self.peers = []
        self.inner = []
        self.answers = answers
        self.network.listen(Factory.forProtocol(self.peer))
        self.endpoint = TunnelEndpoint(self.clock, MemoryEndpoint(self.network), negotiate, patience)

    def peer(self):
        self.peers.append(Peer(self.answers))
        return self.peers[-1]

    def build(self):
        self.inner.append(Inner())
        return self.inner[-1]

    def connect(self, factory=None):
        found = []
        attempt = self.endpoint.connect(factory or Factory.forProtocol(self.build))
        attempt.addBoth(found.append)
        settle(self.clock)
        return attempt, found

    def say(self, data):
        self.peers[0].transport.write(data)
        settle(self.clock)

    def hang_up(self):
        self.peers[0].transport.loseConnection()
        settle(self.clock)


def words(found):
    (failure,) = found
    assert failure.check(ProxyError), failure
    return failure.value.words


@pytest.mark.parametrize("early", [b"", b"welcome"])
def test_the_server_is_heard_from_its_first_byte(early):
    world = World(OK + early)
    _, found = world.connect()
    (inner,) = world.inner
    assert found == [inner]
    assert inner.got == early
    assert world.peers[0].got.endswith(b"\r\n\r\nhello")
    world.say(b" more")
    assert inner.got == early + b" more"
    world.hang_up()
    assert inner.lost.check(error.ConnectionDone)


def test_the_protocol_has_the_transport_itself():
    world = World(OK)
    world.connect()
    (inner,) = world.inner
    inner.transport.abortConnection()
    settle(world.clock)
    assert world.peers[0].lost is not None
    assert inner.lost.check(error.ConnectionAborted)


def test_nothing_is_built_before_the_tunnel_is_open():
    world = World()
    _, found = world.connect()
    assert (world.inner, found) == ([], [])
    world.say(OK[:-1])
    assert (world.inner, found) == ([], [])
    world.say(OK[-1:])
    assert found == world.inner


def test_a_refusal_ends_the_connection():
    world = World(b"HTTP/1.1 502 Bad Gateway\r\n\r\nsorry")
    _, found = world.connect()
    assert words(found).startswith("could not reach the server (502 Bad Gateway); ")
    assert world.peers[0].lost is not None
    assert world.inner == []


class NothingFactory(Factory):
    def buildProtocol(self, addr):  # noqa: ARG002 - Twisted's
        return None


def test_a_factory_that_builds_nothing_ends_the_connection():
    world = World(OK)
    _, found = world.connect(NothingFactory())
    assert found[0].check(error.NoProtocol)
    assert world.peers[0].lost is not None


def test_a_proxy_that_accepts_and_says_nothing_times_out():
    world = World()
    _, found = world.connect()
    world.clock.advance(9.9)
    assert found == []
    world.clock.advance(0.1)
    assert words(found) == "gave no answer: timed out; probably it cannot reach the server"
    assert not found[0].value.answered
    assert world.peers[0].lost is not None
    assert not world.clock.getDelayedCalls()


def test_a_proxy_that_dribbles_times_out_all_the_same():
    world = World()
    _, found = world.connect()
    for byte in b"HTTP/1.1 200 Connection":
        world.clock.advance(0.5)
        world.say(bytes([byte]))
    assert words(found) == "gave no answer: timed out; probably it cannot reach the server"


def test_a_proxy_that_cannot_be_reached_times_out():
    world = World()
    world.network.cut()
    _, found = world.connect()
    world.clock.advance(10)
    assert words(found) == "is not reachable: timed out"


def test_a_proxy_that_is_not_there_is_told():
    world = World()
    world.network.refusing = True
    _, found = world.connect()
    assert words(found).startswith("is not reachable: ")
    assert not found[0].value.answered


def test_a_proxy_that_hangs_up_is_told():
    world = World()
    _, found = world.connect()
    world.hang_up()
    assert words(found) == (
        "closed the connection without an answer; probably it could not reach the server behind it"
    )
    assert found[0].value.answered
    assert not world.clock.getDelayedCalls()


@pytest.mark.parametrize("open_", [False, True])
def test_an_attempt_can_be_given_up(open_):
    world = World()
    if not open_:
        world.network.cut()
    attempt, found = world.connect()
    attempt.cancel()
    settle(world.clock)
    assert found[0].check(ProxyError)
    assert not world.clock.getDelayedCalls()
    assert all(peer.lost for peer in world.peers)


# ---- names that are looked up here --------------------------------------------------------------


class Resolver:
    """Knows the addresses of chat.example; None is for a look-up that never ends."""

    def __init__(self, *addresses):
        self.addresses = addresses
        self.asked = []

    def resolveHostName(self, receiver, host, portNumber=0, **_):
        self.asked.append(host)
        receiver.resolutionBegan(None)
        if None in self.addresses:
            return
        for address in self.addresses:
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, portNumber))
        receiver.resolutionComplete()


@implementer(IReactorPluggableNameResolver)
class Reactor(MemoryReactorClock):
    def __init__(self, *addresses):
        super().__init__()
        self.nameResolver = Resolver(*addresses)


OPEN = (b"\x05\x00", b"\x05\x00\x00\x01" + bytes(6))
REFUSED = (b"\x05\x00", b"\x05\x05")
FORBIDDEN = (b"\x05\x00", b"\x05\x02")
SILENT = ()


class Towards:
    """Tunnels by address; ``behind`` tells what the proxy answers for each."""

    def __init__(self, reactor, behind):
        self.reactor = reactor
        self.behind = behind
        self.tried = []

    def __call__(self, host, patience):
        self.tried.append((host, round(patience, 3)))
        negotiate = partial(Socks5, SOCKS, host, 7411)
        world = World(*self.behind[host], clock=self.reactor, negotiate=negotiate, patience=patience)
        return world.endpoint


def look_up(*addresses, host="chat.example", **behind):
    reactor, found = Reactor(*addresses), []
    towards = Towards(reactor, {name.replace("_", "."): answers for name, answers in behind.items()})
    endpoint = LookedUpEndpoint(reactor, host, 7411, towards)
    attempt = endpoint.connect(Factory.forProtocol(Inner))
    attempt.addBoth(found.append)
    settle(reactor)
    return reactor, towards, found


def test_the_first_address_that_works_is_taken():
    reactor, towards, found = look_up("a", "b", "c", a=REFUSED, b=OPEN, c=OPEN)
    assert isinstance(found[0], Inner)
    assert towards.tried == [("a", 3.333), ("b", 5.0)]
    assert reactor.nameResolver.asked == ["chat.example"]
    assert not reactor.getDelayedCalls()


def test_a_silent_address_leaves_time_for_the_others():
    reactor, towards, found = look_up("a", "b", a=SILENT, b=OPEN)
    reactor.advance(4.9)
    assert towards.tried == [("a", 5.0)]
    reactor.advance(0.1)
    settle(reactor)
    assert towards.tried == [("a", 5.0), ("b", 5.0)]
    assert isinstance(found[0], Inner)


def test_where_no_address_works_the_last_one_tells_why():
    _, _, found = look_up("a", "b", a=REFUSED, b=REFUSED)
    assert words(found) == "could not reach the server: nothing listens there (SOCKS reply 5)"


def test_no_other_address_is_tried_where_none_can_do_better():
    _, towards, found = look_up("a", "b", a=FORBIDDEN, b=OPEN)
    assert words(found).startswith("lets nobody through to ")
    assert len(towards.tried) == 1


def test_all_addresses_together_have_ten_seconds():
    reactor, _, found = look_up("a", "b", a=SILENT, b=SILENT)
    reactor.pump([0.1] * 101)
    assert words(found) == "gave no answer: timed out; probably it cannot reach the server"
    assert not reactor.getDelayedCalls()


def test_the_same_address_is_tried_once():
    _, towards, _ = look_up("a", "a", a=REFUSED)
    assert towards.tried == [("a", 10.0)]


@pytest.mark.parametrize(("address", "host"), [("10.0.0.1", "10.0.0.1"), ("2001:db8:0::1", "2001:db8::1")])
def test_addresses_are_not_looked_up(address, host):
    reactor, towards, _ = look_up(host=address, **{host: OPEN})
    assert towards.tried == [(host, 10.0)]
    assert reactor.nameResolver.asked == []


def test_a_name_without_addresses_is_not_the_proxys_fault():
    _, _, found = look_up()
    assert ending(found[0]).text == "name not found"


def test_a_look_up_that_hangs_times_out():
    reactor, _, found = look_up(None)
    reactor.advance(10)
    assert ending(found[0]).text == "timed out"


# ---- the whole way ------------------------------------------------------------------------------


def attempt(text, server="tcp://chat.example:7411", addresses=("10.0.0.2",)):
    """Connect the way to ``server`` through the proxy ``text`` in a reactor that connects to nothing."""
    reactor, found = Reactor(*addresses), []
    way = way_to(reactor, parse_address(server), None, parse_proxy(text))
    way.endpoint().connect(Factory.forProtocol(Inner)).addErrback(found.append)
    return reactor, way, found


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
def test_the_proxy_is_asked_for_the_name(scheme):
    reactor, _, _ = attempt(f"{scheme}://proxy.example:8888")
    assert [row[:2] for row in reactor.tcpClients] == [("10.0.0.2", 8888)]
    assert reactor.nameResolver.asked == ["proxy.example"]


def test_socks5_looks_the_name_up_here():
    reactor, _, _ = attempt("socks5://proxy.example:8888", addresses=("10.0.0.7",))
    assert reactor.nameResolver.asked == ["chat.example", "proxy.example"]


PROBLEMS = {
    "is not reachable: Connection refused": error.ConnectionRefusedError(osError=111),
    "is not reachable: No route to host": error.NoRouteError(osError=113),
    "is not reachable: Network is unreachable": error.ConnectError(osError=101),
    "is not reachable: a router on the way says that it is unreachable": error.ConnectError(
        string=Failure(error.ConnectionDone())
    ),
    "is not reachable: timed out": error.TimeoutError(),
    "is not reachable: KeyError": KeyError(),
}


@pytest.mark.parametrize(("expected", "problem"), PROBLEMS.items())
def test_the_proxy_is_named(expected, problem):
    reactor, way, found = attempt("http://ann:hush@proxy.example:8888")
    reactor.advance(0)
    factory, connector = reactor.tcpClients[0][2], reactor.connectors[0]
    factory.clientConnectionFailed(connector, Failure(problem))
    reactor.advance(1)
    told = way.ending(found[0])
    assert told.text.lower() == f"the proxy proxy.example:8888 {expected}".lower()
    assert (told.answered, told.code) == (False, "")


def test_a_proxy_whose_name_is_unknown_is_named():
    _, way, found = attempt("http://proxy.example:8888", addresses=())
    assert way.ending(found[0]).text == "the proxy proxy.example:8888 is not reachable: name not found"


ENDINGS = [
    (error.ConnectionDone(), "closed by the proxy [::1]:8888 or the server behind it"),
    (error.ConnectionAborted(), "closed by the proxy [::1]:8888 or the server behind it"),
    (error.ConnectionLost(), "closed by the proxy [::1]:8888 or the server behind it"),
    (error.TimeoutError(), "the proxy [::1]:8888 timed out"),
    (ProxyError("refused: 502 Bad Gateway"), "the proxy [::1]:8888 refused: 502 Bad Gateway"),
    (error.DNSLookupError(), "name not found"),
    (CancelledError(), "timed out"),
]


@pytest.mark.parametrize(("problem", "text"), ENDINGS, ids=[type(row[0]).__name__ for row in ENDINGS])
@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_the_end_of_a_link_names_both_hops(scheme, problem, text):
    way = way_to(Reactor(), parse_address(f"{scheme}://chat.example"), None, parse_proxy("http://[::1]:8888"))
    assert way.ending(Failure(problem)).text == text


def test_a_unix_socket_is_not_reached_through_a_proxy():
    with pytest.raises(ClientError, match="leave --proxy out"):
        attempt("http://h:1", "unix:/run/chatd.sock")


@pytest.mark.parametrize("host", ["x" * 256, "ä" * 64 + ".example"])
def test_names_that_no_proxy_can_be_told_are_refused(host):
    with pytest.raises(ClientError) as caught:
        attempt("socks5h://h:1", f"tcp://{host}:7411")
    assert caught.value.code == "bad-address"


def test_names_in_other_scripts_are_told_in_ascii():
    reactor, _, _ = attempt("socks5://h:1", "tcp://bücher.example:7411")
    assert reactor.nameResolver.asked[0] == "xn--bcher-kva.example"


def test_what_is_missing_is_missed_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "h11", None)
    with pytest.raises(ClientError, match=r"pip install 'chatd\[proxy\]'"):
        Tunnel(Reactor(), PROXY, parse_address("chat.example"))
