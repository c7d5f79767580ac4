"""Announcements of strangers become addresses that nobody is led astray by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.core.address import parse_address
from chatd.client.core.nearby import MOST, Heard, Nearby, is_lowered, meant, servers
from chatd.client.core.problems import ClientError
from chatd.lan.announcement import Announcement

HERE = ("192.168.1.5",)


def found(addresses=HERE, **said):
    return servers([Heard(Announcement(**{"name": "Office", "port": 7411, **said}), addresses)])


def nearby(text, name="Office", **more):
    return Nearby(name, parse_address(text), **{"answers": True, **more})


@pytest.mark.parametrize(
    ("said", "written", "page"),
    [
        ({}, "192.168.1.5:7411", ""),
        ({"tls": True, "port": 7412, "web": 7480}, "tls://192.168.1.5:7412", "http://192.168.1.5:7480/"),
        ({"host": "chat.example.org", "tls": True}, "tls://chat.example.org:7411", ""),
        (
            {"way": "web", "port": 443, "tls": True, "host": "a.b", "web": 443, "web_tls": True},
            "wss://a.b:443",
            "https://a.b:443/",
        ),
        ({"way": "web", "port": 80}, "ws://192.168.1.5:80", ""),
    ],
)
def test_what_is_announced_is_an_address_as_one_types_it(said, written, page):
    (one,) = found(**said)
    assert (one.written, one.page) == (written, page)
    assert parse_address(one.written) == one.address


def test_the_first_address_that_can_be_reached_is_taken():
    (one,) = found(("127.0.0.1", "fe80::1%2", "2001:db8::1", "192.168.1.5"))
    assert one.written == "[2001:db8::1]:7411"


@pytest.mark.parametrize("addresses", [(), ("127.0.0.1",), ("::1", "0.0.0.0", "224.0.0.1", "fe80::1")])
def test_without_an_address_there_is_no_server(addresses):
    assert found(addresses) == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1", "0.0.0.0"])
def test_nobody_is_led_to_their_own_machine(host):
    assert found(host=host) == []


def test_the_same_place_is_there_once_and_they_are_not_too_many():
    one = Heard(Announcement(name="Office", port=7411), HERE)
    assert len(servers([one, one])) == 1
    assert len(servers(Heard(Announcement(name="x", port=port), HERE) for port in range(1, 1000))) == MOST


@given(st.text(min_size=1), st.lists(st.text(max_size=40)), st.integers(1, 65_535))
def test_whatever_strangers_call_themselves(name, addresses, port):
    for one in found(tuple(addresses), name=name, port=port):
        assert one.name == name
        assert not one.address.here


def test_plain_text_on_a_host_that_is_known_by_tls_is_lowered():
    secured = {"chat.example.org"}
    assert is_lowered(parse_address("CHAT.example.org:9"), secured)
    assert not is_lowered(parse_address("tls://chat.example.org"), secured)
    assert not is_lowered(parse_address("other.example.org"), secured)


def test_what_does_not_answer_or_is_lowered_is_never_meant():
    here, gone = nearby("10.0.0.1"), nearby("10.0.0.2", answers=False)
    low = nearby("10.0.0.3", lowered=True)
    assert meant([gone, here, low]) == [here]


@pytest.mark.parametrize(
    ("there", "code", "words"),
    [
        ([], "no-server", "No server announces itself"),
        ([nearby("10.0.0.2", answers=False)], "no-server", "answers; see chatc servers"),
        ([nearby("10.0.0.3", lowered=True)], "server-lowered", "write --server 10.0.0.3:7411."),
    ],
)
def test_where_there_is_none_it_says_why_and_what_to_do(there, code, words):
    with pytest.raises(ClientError) as caught:
        meant(there)
    assert caught.value.code == code
    assert words in caught.value.text
