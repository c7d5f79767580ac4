"""Which way is taken to a host for which a person has named none."""

import socket

import pytest

from chatd.client.cli.settling import settle
from chatd.client.core.address import parse_address
from chatd.client.core.problems import ClientError
from chatd.client.net import probe
from tests.end_to_end.harness.processes import LOOPBACK, free_port

NATIVE, WEB = parse_address("chat.example.org"), parse_address("wss://chat.example.org")


def settled(text="chat.example.org", known=(), there=()):
    """Return the address, whether anything is said, and what was looked at."""
    looked = []

    def look(address):
        looked.append(address)
        return address in there

    address, note = settle(text, lambda one: one in known, look, look)
    return address, bool(note), looked


def test_whoever_answers_natively_is_reached_so():
    assert settled(there=(NATIVE, WEB)) == (NATIVE, False, [NATIVE])


def test_whoever_does_not_is_reached_by_websocket_and_that_is_told():
    assert settled(there=(WEB,)) == (WEB, True, [NATIVE, WEB])
    note = settle("chat.example.org", lambda _: False, lambda _: False, lambda _: True)[1]
    assert note == "nobody answers at chat.example.org:7411; going by wss://chat.example.org"


def test_whoever_is_not_there_at_all_is_waited_for_natively():
    assert settled() == (NATIVE, False, [NATIVE, WEB])


@pytest.mark.parametrize("known", [(NATIVE,), (NATIVE, WEB)])
def test_whom_the_profile_knows_natively_is_never_looked_at(known):
    assert settled(known=known, there=(WEB,)) == (NATIVE, False, [])


def test_what_worked_is_remembered():
    assert settled(known=(WEB,), there=(NATIVE,)) == (WEB, False, [])


@pytest.mark.parametrize(
    "text",
    [
        *("chat.example.org:7411", "tcp://chat.example.org", "tls://chat.example.org"),
        *("wss://chat.example.org", "localhost", "127.0.0.1", "[::1]", "unix:/run/chatd.sock"),
    ],
)
def test_a_way_that_is_named_is_taken(text):
    assert settled(text, there=(WEB,)) == (parse_address(text), False, [])


def test_hosts_by_their_address():
    web = parse_address("wss://[2001:db8::1]")
    assert settled("[2001:db8::1]", there=(web,))[0] == web


def test_what_is_no_address_is_refused():
    with pytest.raises(ClientError, match="is no address"):
        settled("a b")


def test_a_look_that_hangs_holds_nothing_up(monkeypatch):
    monkeypatch.setattr("chatd.client.cli.settling.PATIENCE", 0.01)
    with socket.socket() as listening:  # it takes connections, and says nothing
        listening.bind((LOOPBACK, 0))
        listening.listen()
        place = parse_address(f"{LOOPBACK}:{listening.getsockname()[1]}")
        silent = parse_address(f"wss://{place}")
        assert probe.answers(place)
        address, _ = settle(
            "chat.example.org", lambda _: False, lambda _: False, lambda _: probe.shakes_hands(silent, None)
        )
    assert address == NATIVE


def test_nobody_answers_where_nobody_listens():
    assert not probe.answers(parse_address(f"{LOOPBACK}:{free_port()}"))
    assert not probe.shakes_hands(parse_address(f"wss://{LOOPBACK}:{free_port()}"), None)
