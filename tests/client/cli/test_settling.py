"""Which way is taken to a host for which a person has named none."""

import socket
from threading import Event

import pytest

from chatd.client.cli.settling import Looks, settle
from chatd.client.core.address import parse_address
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Changes, Session
from chatd.client.net import probe
from chatd.client.profile.origins import origin_of
from chatd.client.profile.places import remembered
from chatd.client.profile.profiles import open_slot
from tests.end_to_end.harness.processes import LOOPBACK, free_port

HOST = "chat.example.org"
NATIVE, WEB = parse_address(HOST), parse_address(f"wss://{HOST}")


def settled(text=HOST, known=(), there=(), unsure=(), asks=False):
    """Return the address, what is said, and what was looked at; for the ``unsure`` no authority vouches."""
    looked = []

    def look(kind, places):
        def at(address):
            looked.append((kind, address))
            return address in places

        return at

    looks = Looks(look("native", there), look("web", [*there, *unsure]), look("vouched", there))
    address, note = settle(text, lambda *_: known, looks, asks=asks)
    return address, note, looked


def test_whoever_answers_natively_is_reached_so():
    assert settled(there=(NATIVE, WEB)) == (NATIVE, "", [("native", NATIVE)])


def test_whoever_does_not_is_reached_by_websocket_and_that_is_told():
    note = "nobody answers at chat.example.org:7411; going by wss://chat.example.org"
    assert settled(there=(WEB,)) == (WEB, note, [("native", NATIVE), ("vouched", WEB)])


def test_only_if_an_authority_vouches_for_them():
    assert settled(unsure=(WEB,))[:2] == (NATIVE, "")


def test_whoever_is_not_there_at_all_is_waited_for_natively():
    assert settled()[:2] == (NATIVE, "")


@pytest.mark.parametrize("known", [(NATIVE,), (NATIVE, WEB), (WEB,), (WEB, NATIVE)])
def test_the_way_that_was_used_last_is_taken_while_it_works(known):
    address, note, looked = settled(known=known, there=(NATIVE, WEB))
    assert (address, note, len(looked)) == (known[0], "", 1)


@pytest.mark.parametrize("known", [(NATIVE,), (NATIVE, WEB), (WEB,), (WEB, NATIVE)])
def test_and_while_neither_does(known):
    assert settled(known=known)[:2] == (known[0], "")


def test_a_way_that_works_no_more_is_given_up_for_the_other_that_is_known():
    assert settled(known=(NATIVE, WEB), there=(WEB,))[:2] == (
        WEB,
        "nobody answers at chat.example.org:7411; going by wss://chat.example.org",
    )
    assert settled(known=(WEB, NATIVE), there=(NATIVE,))[:2] == (
        NATIVE,
        "nobody answers at wss://chat.example.org; going to chat.example.org:7411, in plain text",
    )


def test_a_person_is_led_to_websocket_where_they_are_new_and_will_be_asked():
    assert settled(known=(NATIVE,), there=(WEB,), asks=True)[0] == WEB
    assert settled(known=(NATIVE,), unsure=(WEB,), asks=True)[:2] == (NATIVE, "")


def test_a_program_stays_who_it_is_and_is_told_what_to_write():
    address, note, _ = settled(known=(NATIVE,), there=(WEB,))
    assert address == NATIVE
    assert note.endswith("to go there write --server wss://chat.example.org --same-as chat.example.org")


@pytest.mark.parametrize("asks", [False, True])
def test_nobody_goes_from_tls_to_plain_text_where_they_are_new(asks):
    address, note, _ = settled(known=(WEB,), there=(NATIVE,), asks=asks)
    assert address == WEB
    assert note == (
        "nobody answers at wss://chat.example.org, but at chat.example.org:7411, in plain text;"
        " to go there write --server chat.example.org:7411"
    )


def test_who_is_known_by_a_fingerprint_is_looked_at_without_authorities():
    assert settled(known=(WEB,), unsure=(WEB,), there=(NATIVE,))[:2] == (WEB, "")


@pytest.mark.parametrize(
    "text",
    [
        *("chat.example.org:7411", "tcp://chat.example.org", "tls://chat.example.org"),
        *("wss://chat.example.org", "localhost", "127.0.0.1", "[::1]", "unix:/run/chatd.sock"),
    ],
)
def test_a_way_that_is_named_is_taken(text):
    assert settled(text, there=(WEB,)) == (parse_address(text), "", [])


def test_hosts_by_their_address():
    web = parse_address("wss://[2001:db8::1]")
    assert settled("[2001:db8::1]", there=(web,))[0] == web


def test_what_is_no_address_is_refused():
    with pytest.raises(ClientError, match="is no address"):
        settled("a b")


def test_a_look_that_hangs_holds_nothing_up(monkeypatch):
    monkeypatch.setattr("chatd.client.cli.settling.HEAD_START", 0.01)
    monkeypatch.setattr("chatd.client.cli.settling.PATIENCE", 0.02)
    over = Event()
    hangs = Looks(*[lambda _: over.wait(60)] * 3)
    assert settle(HOST, lambda *_: [], hangs, asks=True) == (NATIVE, "")
    over.set()


def test_where_nobody_can_look_that_is_told_behind_it_and_by_no_traceback():
    def look(_):
        raise ClientError("bad-proxy", "That is no proxy.")

    assert settle(HOST, lambda *_: [], Looks(look, look, look), asks=True) == (NATIVE, "")


def test_whoever_takes_connections_and_says_nothing_does_not_answer():
    with socket.socket() as listening:
        listening.bind((LOOPBACK, 0))
        listening.listen()
        place = f"{LOOPBACK}:{listening.getsockname()[1]}"
        assert probe.takes(parse_address(place))
        assert not probe.answers(parse_address(place), patience=0.1)


def test_nobody_answers_where_nobody_listens():
    assert not probe.takes(parse_address(f"{LOOPBACK}:{free_port()}"))
    assert not probe.answers(parse_address(f"{LOOPBACK}:{free_port()}"))
    assert not probe.speaks_web(parse_address(f"wss://{LOOPBACK}:{free_port()}"), None, vouched=False)


def use(folder, text, same_as=None, token="t"):
    slot = open_slot("p", origin_of(parse_address(text)), "ann", "ann", same_as=same_as, folder=folder)
    slot.save(Changes(Session("s", 1, token, "ann"), 0, {}, (), ()), cursors=True)
    slot.close()


def test_the_profile_remembers_which_way_was_used_last(tmp_path):
    def order():
        return remembered("p", tmp_path, NATIVE, WEB)

    assert order() == remembered(None, None, NATIVE, WEB) == []
    use(tmp_path, "other.example.org")
    use(tmp_path, HOST, token="")  # it was tried, and nobody was reached
    assert order() == []
    use(tmp_path, HOST)
    assert order() == [NATIVE]
    use(tmp_path, f"wss://{HOST}", same_as=NATIVE)
    assert order() == [WEB, NATIVE]
    use(tmp_path, HOST)
    assert order() == [NATIVE, WEB]
