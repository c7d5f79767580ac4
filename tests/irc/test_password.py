"""A listener with a password: who says it first comes in."""

import pytest

from chatd.server.listener_rules import ListenerRules
from chatd.testing.playground import PORTS
from tests.irc.conftest import NAME, Irc
from tests.irc.test_registration import numerics

SECRET = "open sesame"


@pytest.fixture
def guarded(place):
    place.register("ada")
    factory = place.playground.network._listeners[PORTS["irc"]]._factory
    factory.rules = ListenerRules(password=SECRET, secure=True)
    return place


def heard_by(place, *lines, host="127.0.0.1"):
    client = Irc(place)
    place.playground.network.connect(client, PORTS["irc"], host=host)
    client.send(*lines)
    return client.hear(1)


WHO = ("NICK bea", "USER u 0 * :Bea")


def test_who_says_it_comes_in(guarded):
    assert numerics(heard_by(guarded, f"PASS :{SECRET}", *WHO))[0] == "001"


@pytest.mark.parametrize("lines", [WHO, ("PASS wrong", *WHO), (*WHO, f"PASS :{SECRET}")])
def test_who_does_not_is_sent_away(guarded, lines):
    heard = heard_by(guarded, *lines)
    assert (numerics(heard), heard[-1].startswith("ERROR :")) == (["464"], True)


def test_an_account_is_enough(guarded):
    assert numerics(heard_by(guarded, "PASS ada:a-password", *WHO))[:2] == ["900", "001"]
    assert numerics(heard_by(guarded, "PASS a-password", "NICK ada", "USER u 0 * :Ada"))[1] == "001"
    both = heard_by(guarded, f"PASS :{SECRET}", "PASS ada:a-password", *WHO)
    assert numerics(both)[:2] == ["900", "001"]


def test_a_nick_that_is_taken_takes_no_second_pass(guarded):
    heard_by(guarded, f"PASS :{SECRET}", *WHO)
    client = Irc(guarded)
    guarded.playground.network.connect(client, PORTS["irc"])
    client.send(f"PASS :{SECRET}", *WHO)
    assert numerics(client.hear(1)) == ["433"]
    client.send("NICK cem")
    assert numerics(client.hear(1))[0] == "001"


def test_guesses_are_delayed(guarded):
    for _ in range(8):  # some are put off
        said = heard_by(guarded, "PASS guess", *WHO, host="192.0.2.7")
    assert "too many failed attempts" in said[0]
    assert "too many failed attempts" in heard_by(guarded, f"PASS :{SECRET}", *WHO, host="192.0.2.7")[0]
    guarded.advance(60)
    for _ in range(5):
        heard = heard_by(guarded, f"PASS :{SECRET}", *WHO, host="192.0.2.7")
        assert numerics(heard)[0] in {"001", "433"}


def test_it_is_too_late_afterwards(place):
    client = place.enter("ada")
    assert client.ask(f"PASS {SECRET}") == [f":{NAME} 462 ada :You may not reregister"]


def test_it_is_shown_nowhere():
    assert SECRET not in repr(ListenerRules(password=SECRET))
