"""What a server says of itself, and what of what strangers say is taken for that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.lan.announcement import Announcement, is_host, read
from chatd.lan.places import can_be_reached

ports = st.integers(1, 65_535)
announcements = st.builds(
    Announcement,
    name=st.text(min_size=1, max_size=20),
    port=ports,
    way=st.sampled_from(["native", "web"]),
    tls=st.booleans(),
    web=st.just(0) | ports,
    host=st.sampled_from(["", "chat.example.org", "a_b"]),
)
junk = st.dictionaries(
    st.sampled_from([b"v", b"way", b"tls", b"web", b"webtls", b"host", b"\xff"]),
    st.none() | st.binary(max_size=300),
)


@given(announcements)
def test_what_is_said_is_what_is_read(said):
    told = {key.encode(): value.encode() for key, value in said.properties.items()}
    assert read(said.name, said.port, told) == said


@given(st.text(max_size=5), st.none() | st.integers(-1, 70_000), junk)
def test_whatever_strangers_say_it_is_one_or_none(name, port, told):
    found = read(name, port, told)
    if found is not None:
        assert found.name
        assert 1 <= found.port <= 65_535
        assert 0 <= found.web <= 65_535
        assert not found.host or is_host(found.host)


@pytest.mark.parametrize(
    ("port", "told"),
    [
        (None, {}),
        (0, {}),
        (7411, {b"way": b"irc"}),
        (7411, {b"web": b"99999"}),
        (7411, {b"web": b"+80"}),
        (7411, {b"host": b"a b"}),
        (7411, {b"host": b"user@example.org"}),
        (7411, {b"host": b"example.org/x"}),
        (7411, {b"host": b"example.org:443"}),
        (7411, {b"host": b"\x1b[2J"}),
        (7411, {b"host": b"a" * 64}),
    ],
)
def test_what_is_not_in_order_is_none(port, told):
    assert read("Office", port, told) is None


def test_tls_is_what_is_said_and_else_plain_text():
    assert read("Office", 7411, {}) == Announcement(name="Office", port=7411)
    assert not read("Office", 7411, {b"tls": None}).tls
    assert read("Office", 7411, {b"tls": b"1"}).tls


@pytest.mark.parametrize("address", ["192.168.1.5", "169.254.7.7", "203.0.113.9", "2001:db8::1", "fd00::1"])
def test_addresses_that_others_reach(address):
    assert can_be_reached(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "0.0.0.0", "::", "224.0.0.251", "ff02::fb", "255.255.255.255"),
        *("fe80::1", "fe80::1%2", "::ffff:127.0.0.1", "::ffff:192.168.1.5", "chat.example.org", ""),
    ],
)
def test_addresses_that_nobody_else_reaches(address):
    assert not can_be_reached(address)
