"""Connections that begin with a PROXY header, through the in-memory network with a fake clock."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser

from chatd.ops.log import KEY
from chatd.ops.relays import Trusted
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.addresses import name_of
from chatd.server.factory import ChatFactory
from chatd.server.proxy_header import MAX_BLOCK, HeaderError, HeaderParser, NoHeaderError
from chatd.server.relay import RelayFactory
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from chatd.wire.native import encode
from tests.helpers import Talker, hello

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
HELLO = encode(hello("alice"))


def line(source="192.0.2.7", port=50412, family="TCP4", destination="192.0.2.1"):
    return f"PROXY {family} {source} {destination} {port} 7411\r\n".encode()


def block(family=0x11, body=b"", command=1, version=2, length=None):
    length = len(body) if length is None else length
    return SIGNATURE + struct.pack("!BBH", version << 4 | command, family, length) + body


def inet(source="192.0.2.7", port=50412):
    packed = bytes(map(int, source.split(".")))
    return packed + b"\x0a\x00\x00\x05" + struct.pack("!2H", port, 7411)


def inet6(source, port=50412):
    return source + b"\x00" * 15 + b"\x01" + struct.pack("!2H", port, 7411)


def field(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


V6 = bytes.fromhex("20010db8000000000000000000000007")
MAPPED = bytes.fromhex("00000000000000000000ffffc0000207")
CLIENT = IPv4Address("TCP", "192.0.2.7", 50412)
CLIENT6 = IPv6Address("TCP", "2001:db8::7", 50412)

HEADERS = {
    "v1": (line(), CLIENT),
    "v1 6": (line("2001:db8::7", family="TCP6", destination="::1"), CLIENT6),
    "v1 mapped": (line("::ffff:192.0.2.7", family="TCP6", destination="::1"), CLIENT),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1 unknown with what is to be ignored": (b"PROXY UNKNOWN ffff:\xff whatever\r\n", None),
    "v1 at its longest": (b"PROXY UNKNOWN ".ljust(105, b"x") + b"\r\n", None),
    "v2": (block(body=inet()), CLIENT),
    "v2 6": (block(0x21, inet6(V6)), CLIENT6),
    "v2 mapped": (block(0x21, inet6(MAPPED)), CLIENT),
    "v2 unix": (block(0x31, b"/run/a".ljust(108, b"\0") + b"/run/b".ljust(108, b"\0")), UNIXAddress(None)),
    "v2 fields": (block(body=inet() + field(1, b"h2") + field(4, b"") + field(0x20, b"x" * 300)), CLIENT),
    "v2 local": (block(0, command=0), None),
    "v2 local with what is to be ignored": (block(0xFF, b"\xff" * 5, command=0), None),
    "v2 local with an address": (block(0x11, inet(), command=0), None),
    "v2 unspecified": (block(0, b"\xff" * 7), None),
    "v2 no protocol": (block(0x10, inet()), None),
    "v2 datagrams": (block(0x12, inet()), None),
    "v2 at its longest": (block(body=inet() + field(4, b"x" * (MAX_BLOCK - 15))), CLIENT),
}

MALFORMED = {
    "v1 too long": b"PROXY UNKNOWN ".ljust(106, b"x") + b"\r\n",
    "v1 endless": b"PROXY TCP4 ".ljust(200, b"1"),
    "v1 no family": b"PROXY \r\n",
    "v1 other family": b"PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n",
    "v1 no port": b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n",
    "v1 more words": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
    "v1 two spaces": b"PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n",
    "v1 no address": b"PROXY TCP4 relay 192.0.2.1 1 2\r\n",
    "v1 short address": b"PROXY TCP4 192.0.2 192.0.2.1 1 2\r\n",
    "v1 wrong destination": b"PROXY TCP4 192.0.2.7 300.0.2.1 1 2\r\n",
    "v1 other address": b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
    "v1 4 for 6": b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n",
    "v1 zone": b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    "v1 large port": line(port=65_536),
    "v1 long port": line(port=10**90),
    "v1 negative port": line(port=-1),
    "v1 padded port": line(port="01"),
    "v1 port in words": line(port="a"),
    "v1 not ASCII": b"PROXY TCP4 192.0.2.\xff 192.0.2.1 1 2\r\n",
    "v1 digits of others": "PROXY TCP4 192.0.2.\u0667 192.0.2.1 1 2\r\n".encode(),
    "v1 control character": b"PROXY TCP4 192.0.2.7\n 192.0.2.1 1 2\r\n",
    "v2 version 1": block(body=inet(), version=1),
    "v2 version 3": block(body=inet(), version=3),
    "v2 other command": block(body=inet(), command=2),
    "v2 other family": block(0x41, inet()),
    "v2 other protocol": block(0x13, inet()),
    "v2 no addresses": block(),
    "v2 short": block(body=inet()[:-1]),
    "v2 short 6": block(0x21, inet()),
    "v2 length beyond the limit": block(body=b"", length=MAX_BLOCK + 1),
    "v2 length into what follows": block(body=inet(), length=20) + b"\x00\x00\x00\x21\x01{}xx",
    "v2 length into a field": block(body=inet() + b"\x04\x00"),
    "v2 field beyond the end": block(body=inet() + b"\x04\x00\x05abc"),
}

NO_HEADERS = {
    "chat": HELLO,
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "lower case": line().lower(),
    "TLS": b"\x16\x03\x01\x02\x00\x01",
    "half a signature": b"\r\n\r\n\x00\r\nQUIX\n",
    "another word": b"PROXIES",
    "P": b"PP",
}


def parse(*pieces):
    parser = HeaderParser()
    for index, piece in enumerate(pieces):
        header = parser.feed(piece)
        if header is not None:
            return header._replace(rest=header.rest + b"".join(pieces[index + 1 :]))
    return None


def bytewise(data):
    return [data[i : i + 1] for i in range(len(data))]


# ---- the parser -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "source"), HEADERS.values(), ids=HEADERS.keys())
def test_a_header_is_read_however_it_comes(data, source):
    assert parse(data) == (source, b"")
    assert parse(data + HELLO) == (source, HELLO)
    assert parse(*bytewise(data + HELLO)) == (source, HELLO)
    assert parse(data, HELLO) == (source, HELLO)
    assert all(parse(data[:end]) is None for end in range(0, len(data), 1 + len(data) // 500))


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_header_is_refused(data):
    for pieces in ([data], bytewise(data)):
        with pytest.raises(HeaderError) as caught:
            parse(*pieces)
        assert not isinstance(caught.value, NoHeaderError)


@pytest.mark.parametrize("data", NO_HEADERS.values(), ids=NO_HEADERS.keys())
def test_what_is_no_header_is_refused_at_its_first_wrong_byte(data):
    for pieces in ([data], bytewise(data)):
        with pytest.raises(NoHeaderError):
            parse(*pieces)


def outcome(*pieces):
    try:
        return parse(*pieces)
    except HeaderError as error:
        return type(error)


whole = st.sampled_from([data for data, _ in HEADERS.values() if len(data) < 1000])
broken = st.sampled_from([*MALFORMED.values(), *NO_HEADERS.values()])
noise = st.binary(max_size=300)
begun = st.builds(bytes.__add__, st.sampled_from([b"PROXY ", b"PROXY TCP4 ", SIGNATURE]), noise)


@st.composite
def damaged(draw):
    data = bytearray(draw(whole))
    data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@given(st.one_of(whole, broken, noise, begun, damaged()), noise, st.lists(st.integers(1, 60), max_size=20))
def test_no_bytes_do_anything_else_and_no_cut_changes_what_they_mean(head, rest, sizes):
    data = head + rest
    pieces, place = [], 0
    for size in sizes:
        pieces.append(data[place : place + size])
        place += size
    found = outcome(*pieces, data[place:])
    assert found == outcome(data) == outcome(*bytewise(data))
    if isinstance(found, tuple):
        assert data.endswith(found.rest)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 65535), st.integers(0, 65535))
def test_it_agrees_with_twisted_on_ipv4(source, destination, port, other_port):
    text = f"PROXY TCP4 {source} {destination} {port} {other_port}".encode()
    packed = block(body=source.packed + destination.packed + struct.pack("!2H", port, other_port))
    assert parse(text + b"\r\n").source == V1Parser.parse(text).source
    assert parse(packed).source == V2Parser.parse(packed).source


@given(st.ip_addresses(v=6).filter(lambda ip: not ip.ipv4_mapped), st.integers(0, 65535))
def test_it_agrees_with_twisted_on_ipv6(source, port):
    text = f"PROXY TCP6 {source} ::1 {port} 7411".encode()
    assert parse(text + b"\r\n").source == V1Parser.parse(text).source
    assert parse(block(0x21, inet6(source.packed, port))).source == V1Parser.parse(text).source


# ---- the daemon -----------------------------------------------------------------------------------------


class Relayed(Playground):
    """A playground whose network leads to a listener with ``proxy_protocol``; it connects from 127.0.0.1."""

    def __init__(self, trusted=("127.0.0.0/8",), **limits):
        super().__init__(Config(limits=LimitsConfig(**limits)))
        self.start_server()
        chat = ChatFactory("native", self.server)
        self.network.listen(RelayFactory(chat, chat, Trusted(trusted)))

    def come(self, *pieces, size=None):
        talker = Talker()
        self.connect(talker)
        for piece in filter(None, pieces):
            for place in range(0, len(piece), size or len(piece)):
                talker.transport.write(piece[place : place + (size or len(piece))])
                self.advance(0)
        self.advance(0)
        return talker


@pytest.fixture
def playground():
    return Relayed()


def loud(logged_events):
    events = [event for event in logged_events if KEY in event]
    return [event[KEY] for event in events if event["log_level"].name != "debug"]


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(("data", "source"), HEADERS.values(), ids=HEADERS.keys())
def test_the_log_shows_the_client_and_once_its_relay(playground, said, data, source, size):
    if size and len(data) > 1000:
        size = 100
    talker = playground.come(data + HELLO, size=size)
    assert talker.of(m.Welcome)
    relay = f"127.0.0.1:{talker.transport.getHost().port}"
    peer = relay if source is None else name_of(source)
    (came,) = said("client-in")
    assert (came["peer"], came["relay"]) == (peer, relay)
    assert not playground.server.waiting
    talker.transport.loseConnection()
    playground.advance(0)
    (went,) = said("client-out", "info")
    assert went["peer"] == peer
    assert went["messages_in"] == 1
    assert not playground.server.connections


def test_a_connection_without_a_relay_has_none(said):
    playground = Playground()
    playground.start_server()
    playground.connect(Talker(hello("alice")))
    playground.advance()
    assert said("client-in")[0]["relay"] is None


@pytest.mark.parametrize(
    ("data", "code"),
    [(data, "proxy-header-malformed") for data in MALFORMED.values()]
    + [(data, "proxy-header-required") for data in NO_HEADERS.values()],
    ids=[*MALFORMED, *NO_HEADERS],
)
def test_without_a_valid_header_nobody_is_let_in(playground, said, data, code):
    bystander = playground.come(line(port=1) + encode(hello("bystander")))
    talker = playground.come(data + HELLO)
    assert talker.lost is not None
    assert talker.heard == []
    (refused,) = said("refused")
    assert (refused["code"], refused["peer"].split(":")[0]) == (code, "127.0.0.1")
    assert said("client-out", "debug")[0]["reason"] == CloseReason.BAD_INPUT
    assert not playground.server.waiting
    assert len(playground.server.connections) == 1
    assert bystander.lost is None


def test_from_elsewhere_no_header_is_heard(said):
    playground = Relayed(trusted=["10.0.0.0/8", "unix"])
    for _ in range(3):
        with pytest.raises(Refused):
            playground.come(line("10.0.0.1") + HELLO)
    (refused,) = said("refused")
    assert refused["code"] == "proxy-not-trusted"
    assert refused["peer"].startswith("127.0.0.1:")
    assert [end["reason"] for end in said("client-out", "debug")] == [CloseReason.REFUSED] * 3
    playground.advance(11)
    with pytest.raises(Refused):
        playground.come(line() + HELLO)
    assert said("refused")[1]["suppressed"] == 2


def test_a_second_header_is_no_way_to_another_address(playground, said):
    talker = playground.come(line() + line("203.0.113.9") + HELLO)
    assert [error.code for error in talker.of(m.Error)] == ["frame-too-large"]
    assert said("refused")[0]["peer"] == "192.0.2.7:50412"


def test_the_limit_counts_the_clients_and_not_the_relay(said):
    playground = Relayed(max_connections_per_address=2)
    theirs = [playground.come(line(port=port)) for port in range(1, 4)]
    mapped = playground.come(line("::ffff:192.0.2.7", family="TCP6", destination="::1"))
    others = [playground.come(line(f"192.0.2.{host}")) for host in range(10, 20)]
    assert [talker.lost is None for talker in theirs] == [True, True, False]
    assert [error.code for error in mapped.of(m.Error)] == ["too-many-connections"]
    assert not any(talker.lost for talker in others)
    theirs[0].transport.loseConnection()
    playground.advance(0)
    assert playground.come(line() + HELLO).of(m.Welcome)
    assert said("refused")[0]["peer"] == "192.0.2.7:3"


def test_the_limit_counts_a_network_of_ipv6_addresses_as_one(said):
    playground = Relayed(max_connections_per_address=2)

    def come(address):
        return playground.come(line(address, family="TCP6", destination="::1"))

    theirs = [come(f"2001:db8:1:2::{host:x}") for host in range(1, 6)]
    assert [talker.lost is None for talker in theirs] == [True, True, False, False, False]
    assert theirs[2].of(m.Error)[0].code == "too-many-connections"
    assert len(said("refused")) == 1
    assert come("2001:db8:1:3::1").lost is None
    theirs[0].transport.loseConnection()
    playground.advance(0)
    assert come("2001:db8:1:2:ffff::1").lost is None


def test_only_so_many_wait_for_their_header(said):
    playground = Relayed(max_connections=3)
    waiting = [playground.come() for _ in range(3)]
    with pytest.raises(Refused):
        playground.come()
    assert said("refused")[0]["code"] == "too-many-connections"
    for talker in waiting:
        talker.transport.write(line())
    playground.advance(0)
    assert not any(talker.lost for talker in waiting)


# ---- time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [b"", line()[:-1], block(body=inet())[:-1]])
def test_the_header_has_its_deadline(playground, said, begin):
    talker = playground.come(begin)
    playground.advance(4.4)
    assert talker.lost is None
    playground.advance(1.1)
    assert talker.lost is not None
    assert said("refused")[0]["code"] == "proxy-header-required"
    assert said("client-out", "debug")[0]["reason"] == CloseReason.HELLO_TIMEOUT
    assert not playground.server.waiting


def test_dribbling_does_not_move_the_deadline(playground):
    talker = playground.come()
    for byte in bytewise(line()):
        talker.transport.write(byte)
        playground.advance(0.5)
    assert talker.lost is not None


def test_who_has_come_in_or_left_is_not_late(playground, said):
    welcome, gone = playground.come(), playground.come()
    waiting = list(playground.server.waiting)
    playground.advance(4.4)
    welcome.transport.write(line() + HELLO)
    gone.transport.loseConnection()
    playground.advance(0)
    for connection in waiting:  # as a round of the reaper does that began before
        connection.sweep(playground.clock.seconds() + 5)
    playground.advance(5)
    assert welcome.of(m.Welcome)
    assert welcome.lost is None
    assert not said("refused")


def test_a_daemon_that_was_away_waits_anew(playground):
    talker = playground.come(line()[:10])
    playground.clock.advance(60)
    playground.advance(4)
    assert talker.lost is None
    talker.transport.write(line()[10:] + HELLO)
    playground.advance(0)
    assert talker.of(m.Welcome)


def test_the_hello_has_its_own_deadline_behind_the_header(playground):
    talker = playground.come()
    playground.advance(4)
    talker.transport.write(line())
    playground.advance(9.4)
    assert talker.lost is None
    playground.advance(1.2)
    assert [error.code for error in talker.of(m.Error)] == ["hello-timeout"]


# ---- balancers, and the end -----------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", block(0, command=0), b"PROXY UNKNOWN\r\n", line()[:9]])
def test_a_health_check_is_not_worth_a_line(playground, logged_events, data):
    playground.advance(0)
    logged_events.clear()  # what the daemon says of itself when it starts
    for _ in range(3):
        talker = playground.come(data)
        talker.transport.loseConnection()
        playground.advance(0)
    assert loud(logged_events) == []
    assert not playground.server.waiting
    assert not playground.server.connections


def test_an_aborted_one_is_forgotten(playground):
    for data in (b"", line(), line() + HELLO):
        talker = playground.come(data)
        talker.transport.abortConnection()
        playground.advance(0)
    assert not playground.server.waiting
    assert not playground.server.connections
    assert not playground.network._listeners[7411].protocols


def test_a_draining_daemon_takes_no_header(playground, said):
    talker = playground.come()
    playground.server.draining = True
    talker.transport.write(line() + HELLO)
    playground.advance(0)
    assert talker.lost is not None
    assert said("client-out", "debug")[0]["reason"] == CloseReason.DRAIN
    with pytest.raises(Refused):
        playground.come()


def test_backpressure_passes_through(playground):
    talker = playground.come(line() + HELLO + encode(m.Join(id=1, room="#a")))
    (connection,) = playground.server.connections
    talker.transport.pauseProducing()
    big = "x" * 16_000
    for n in range(1, 41):
        talker.say(m.Send(id=n + 1, n=n, room="#a", text=big))
        playground.advance(0)
    assert connection.reader.paused
    talker.transport.resumeProducing()
    playground.advance(1)
    assert talker.seqs("#a") == list(range(1, 42))
