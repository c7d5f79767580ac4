"""What a hook may reach: the address that is connected to decides, whatever its name was a moment before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.testing import MemoryReactorClock

from chatd.ops.config import ConfigError, parse
from chatd.ops.relays import Trusted
from chatd.webhooks.endpoints import CONNECT, Endpoints
from chatd.webhooks.sender import HttpSender
from chatd.webhooks.targets import may_reach

NOBODY = Trusted(())
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1"]
INNER = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:a00:1::",
    "no address",
    "",
]


@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses_may_be_reached_over_tls(host):
    assert may_reach(host, NOBODY, secure=True)
    assert not may_reach(host, NOBODY, secure=False)


@pytest.mark.parametrize("host", INNER)
def test_no_other_may(host):
    assert not may_reach(host, NOBODY, secure=True)
    assert not may_reach(host, NOBODY, secure=False)


@pytest.mark.parametrize("secure", [True, False])
def test_but_those_that_the_operator_allows(secure):
    allowed = Trusted(("10.1.0.0/16", "::1"))
    assert may_reach("10.1.2.3", allowed, secure=secure)
    assert may_reach("::ffff:10.1.2.3", allowed, secure=secure)
    assert may_reach("::1", allowed, secure=secure)
    assert not may_reach("10.2.0.1", allowed, secure=secure)


@given(st.ip_addresses(v=4))
def test_an_address_in_the_clothes_of_another_is_no_better(address):
    plain = may_reach(str(address), NOBODY, secure=True)
    for dressed in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert may_reach(dressed, NOBODY, secure=True) <= plain


def test_networks_that_are_none_are_refused():
    with pytest.raises(ConfigError) as caught:
        parse('[hooks]\nallow = ["10.0.0.0/8", "unix", "home"]')
    assert [problem.path for problem in caught.value.problems] == ["hooks.allow[1]", "hooks.allow[2]"]


class Names:
    """A resolver; what it says may be another thing each time."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def resolveHostName(self, receiver, _name, port=0, *_):
        receiver.resolutionBegan(self)
        for host in self.answers.pop(0):
            receiver.addressResolved((IPv6Address if ":" in host else IPv4Address)("TCP", host, port))
        receiver.resolutionComplete()
        return self


class Net(MemoryReactorClock):
    """A reactor without a network; ``dialled`` are the addresses that were to be connected to."""

    def __init__(self, *answers):
        super().__init__()
        self.installNameResolver(Names(*answers))

    @property
    def dialled(self):
        return [client[0] for client in self.tcpClients]


def post(net, url, allowed=()):
    """Return what became of a post at once: nothing yet, or why it failed."""
    sender = HttpSender(net, Endpoints(net, lambda: allowed))
    failed = []
    sender.post(url, {"A": "b"}, b"{}").addErrback(lambda failure: failed.append(str(failure.value)))
    return failed


def test_a_public_server_is_dialled_by_the_address_that_was_checked():
    net = Net(["93.184.216.34"], ["127.0.0.1"])
    assert post(net, "https://example.org/") == []
    assert net.dialled == ["93.184.216.34"]


@pytest.mark.parametrize("url", ["https://rebound.example/", "https://127.1/", "https://[::1]:8443/x"])
def test_an_inner_one_is_not_dialled_whatever_it_is_called(url):
    net = Net(["127.0.0.1", "10.0.0.1", "::1"])
    (why,) = post(net, url)
    assert net.dialled == []
    assert "none that this server tells" in why


def test_of_several_addresses_only_the_public_ones_are_tried():
    net = Net(["10.0.0.1", "93.184.216.34", "169.254.169.254", "8.8.8.8"])
    post(net, "https://example.org/")
    net.advance(CONNECT + 1)
    assert set(net.dialled) <= {"93.184.216.34", "8.8.8.8"}
    assert net.dialled


def test_without_tls_only_allowed_ones_are():
    net = Net(["93.184.216.34"], ["10.1.0.1"])
    assert post(net, "http://example.org/", ("10.1.0.0/16",)) != []
    assert post(net, "http://inner.example/", ("10.1.0.0/16",)) == []
    assert net.dialled == ["10.1.0.1"]


def test_a_name_without_an_address():
    assert post(Net([]), "https://nowhere.example/") == ["its name is not known"]
