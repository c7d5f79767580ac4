"""Addresses as people write them."""

import pytest

from chatd.client.core.address import Address, parse_address
from chatd.client.core.problems import ClientError


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("example.org", Address("tcp", "example.org", 7411), "example.org:7411"),
        ("example.org:99", Address("tcp", "example.org", 99), "example.org:99"),
        ("tcp://example.org", Address("tcp", "example.org", 7411), "example.org:7411"),
        ("tls://example.org", Address("tls", "example.org", 7412), "example.org:7412"),
        ("tls://example.org:443/", Address("tls", "example.org", 443), "example.org:443"),
        ("[::1]:7", Address("tcp", "::1", 7), "[::1]:7"),
        ("[fe80::1%eth0]", Address("tcp", "fe80::1%eth0", 7411), "[fe80::1%eth0]:7411"),
        ("wss://example.org", Address("wss", "example.org", 443), "example.org:443"),
        ("wss://example.org/", Address("wss", "example.org", 443), "example.org:443"),
        (
            "wss://example.org:7480/chat/ws?a=b",
            Address("wss", "example.org", 7480, "/chat/ws?a=b"),
            "example.org:7480",
        ),
        ("ws://[::1]:7480/ws", Address("ws", "::1", 7480), "[::1]:7480"),
        ("ws://localhost", Address("ws", "localhost", 80), "localhost:80"),
        ("unix:/run/chatd.sock", Address("unix", "/run/chatd.sock"), "unix:/run/chatd.sock"),
    ],
)
def test_forms(text, address, shown):
    assert parse_address(text) == address
    assert str(parse_address(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":7411",
        "a:b",
        "host:0",
        "host:65536",
        "http://host",
        "unix:",
        "::1",
        "a b",
        "[::1",
        "tls://",
        "wss://",
        "wss://h/a b",
        "wss://h/#x",
        "h/ws",
    ],
)
def test_what_is_no_address_is_refused_with_the_forms(text):
    with pytest.raises(ClientError, match="HOST:PORT") as refused:
        parse_address(text)
    assert refused.value.code == "bad-address"


@pytest.mark.parametrize(
    ("text", "url", "secured"),
    [
        ("wss://h", "wss://h:443/ws", "wss://h"),
        ("ws://h:7480/x", "ws://h:7480/x", "wss://h:7480"),
        ("wss://[::1]:7480/x", "wss://[::1]:7480/x", "wss://[::1]:7480"),
    ],
)
def test_addresses_of_websocket(text, url, secured):
    address = parse_address(text)
    assert (address.url, address.secured, address.web) == (url, secured, True)
    assert address.tls is text.startswith("wss")
    assert parse_address(address.text) == address


def test_every_way_to_say_here_is_one_host():
    here = [
        "localhost",
        "127.0.0.1:9",
        "127.1.2.3",
        "[::1]:7",
        "tls://localhost",
        "unix:/tmp/s",
        "LocalHost.",
    ]
    keys = {parse_address(text).host_key for text in here if text != "LocalHost."}
    assert keys == {"localhost"}
    assert parse_address("Example.org.").host_key == parse_address("tls://example.ORG:9").host_key


def test_plain_and_secure_addresses_are_two():
    assert parse_address("tls://h:1").text != parse_address("h:1").text
