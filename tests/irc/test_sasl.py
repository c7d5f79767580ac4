"""SASL by SCRAM-SHA-256 and by certificates: who gets in, who does not, and what strangers learn."""

import base64
import hashlib
import hmac

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions, trustRootFromCertificates

from chatd.chat import accounts, certificates
from chatd.chat.changes.rows import DISABLED
from chatd.server.listener_rules import ListenerRules
from chatd.testing.playground import PORTS
from tests.client.net.test_tls import issue
from tests.irc.conftest import NAME, Irc, Place, offers
from tests.irc.test_registration import numerics, plain
from tests.tls import Tls, print_of

PASSWORD = "a-password"


@pytest.fixture
def place():
    return Place(accounts={"scram": True})


class Scram:
    """A client's side of SCRAM (RFC 5802), over AUTHENTICATE."""

    def __init__(self, client, name, password=PASSWORD, nonce="fyko+d2lbbFgONRv9qkxdawL"):
        self.client = client
        self.password = password
        self.bare = f"n={name},r={nonce}"

    def say(self, text):
        self.client.send(f"AUTHENTICATE {base64.b64encode(text.encode()).decode() if text else '+'}")
        return self.client.hear(0.1)

    def begin(self):
        self.client.send("AUTHENTICATE SCRAM-SHA-256")
        assert self.client.hear() == ["AUTHENTICATE +"]
        (answer,) = self.say(f"n,,{self.bare}")
        self.challenge = base64.b64decode(answer.removeprefix("AUTHENTICATE ")).decode()
        return dict(word.split("=", 1) for word in self.challenge.split(","))

    def prove(self):
        said = dict(word.split("=", 1) for word in self.challenge.split(","))
        salt, rounds = base64.b64decode(said["s"]), int(said["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        without = f"c=biws,r={said['r']}"
        signed = f"{self.bare},{self.challenge},{without}".encode()
        mine = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, mine, strict=True))).decode()
        self.expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return self.say(f"{without},p={proof}")

    def finish(self):
        """Return what is heard in the end; the server has proven by then that it knows the password."""
        heard = self.prove()
        if heard[0].startswith("AUTHENTICATE "):
            shown = base64.b64decode(heard[0].removeprefix("AUTHENTICATE ")).decode()
            assert shown == "v=" + base64.b64encode(self.expected).decode()
            heard = self.say("")
        return heard

    def run(self):
        self.begin()
        return self.finish()


def opened(place, nick="ada"):
    client = place.connect()
    client.send("CAP LS 302", "CAP REQ sasl", f"NICK {nick}", "USER u 0 * :Ada")
    client.listed = offers(client.hear())
    return client


def account(place, nick):
    return place.world.nicks[nick]


def test_scram_logs_in(place):
    place.register("ada")
    client = opened(place)
    assert "sasl=PLAIN,SCRAM-SHA-256" in client.listed
    assert Scram(client, "ada@phone").run() == [
        f":{NAME} 900 * ada!~u@on.chatd ada :You are now logged in as ada",
        f":{NAME} 903 * :SASL authentication successful",
    ]
    client.send("CAP END")
    assert numerics(client.hear(1))[0] == "001"
    assert [one.label for one in place.world.sessions.values()] == ["IRC phone"]


def test_a_wrong_password_fails_and_may_be_tried_again(place):
    place.register("ada")
    client = opened(place)
    assert numerics(Scram(client, "ada", "wrong-password").run()) == ["904"]
    assert account(place, "ada").account.failed == 1
    assert numerics(Scram(client, "ada").run()) == ["900", "903"]


def test_guesses_are_delayed_as_those_by_plain_are(place):
    place.register("ada")
    client = opened(place)
    for _ in range(3):
        assert numerics(Scram(client, "ada", "wrong-password").run()) == ["904"]
    for delay in (1, 2, 4):
        guess = Scram(opened(place), "ada", "wrong-password")
        guess.begin()
        assert guess.prove() == []
        assert "too many" not in guess.client.hear(delay)[-1]
    last = Scram(opened(place), "ada", "wrong-password").run()
    assert "too many failed attempts" in last[-1]
    place.advance(60)
    assert numerics(Scram(opened(place), "ada").run()) == ["900", "903"]


@pytest.mark.parametrize("what", ["nobody", "disabled", "deleted", "no verifier"])
def test_nobody_learns_who_has_an_account(place, what):
    before = Scram(opened(place, "eve"), "ada").begin()
    if what != "nobody":
        place.register("ada")
    asked = Scram(opened(place, "eve"), "ada").begin()
    assert (asked["s"], asked["i"]) == (before["s"], before["i"])
    user = place.world.nicks.get("ada")
    if what == "disabled":
        accounts.set_flag(place.world, user, DISABLED, on=True)
    elif what == "deleted":
        accounts.delete(place.world, user, 8)
    elif what == "no verifier":
        accounts.set_password(place.world, user, user.account.password)
    exchange = Scram(opened(place, "eve"), "ada")
    asked = exchange.begin()
    assert (asked["s"], asked["i"]) == (before["s"], before["i"])
    (refused,) = exchange.finish()
    assert refused == (
        f":{NAME} 904 * :The nick or the password is wrong, or this account may not be used now."
    )


def test_a_password_is_verified_by_scram_from_the_first_plain_login_on(place):
    place.register("ada")
    user = account(place, "ada")
    accounts.set_password(place.world, user, user.account.password)
    assert place.world.scrams == {}
    place.enter("ada", password=PASSWORD)
    kept = place.world.scrams[user.id]
    assert numerics(Scram(opened(place), "ada").run()) == ["900", "903"]
    place.enter("ada", password=PASSWORD)
    assert place.world.scrams[user.id] == kept


def test_a_password_that_is_changed_meanwhile_is_wrong(place):
    place.register("ada")
    user = account(place, "ada")
    exchange = Scram(opened(place), "ada")
    exchange.begin()
    accounts.set_password(place.world, user, "another hash")
    assert numerics(exchange.finish()) == ["904"]
    accounts.delete(place.world, user, 8)
    assert place.world.scrams == {}


def test_what_is_kept_goes_where_the_configuration_has_none(place):
    place.register("ada")
    assert len(place.playground.store.scrams) == 1
    place.playground.crash_server()
    place.playground.config = Place(accounts={"scram": False}).playground.config
    place.playground.start_server()
    client = opened(place, "eve")
    assert "sasl=PLAIN " in client.listed
    client.send("AUTHENTICATE SCRAM-SHA-256")
    assert numerics(client.hear(1)) == ["908", "904"]
    assert place.playground.store.scrams == {}


def test_a_client_that_goes_before_it_has_heard_leaves_no_session(place):
    place.register("ada")
    for ends in ("AUTHENTICATE *", "CAP END", None):
        client = opened(place, "bea")
        exchange = Scram(client, "ada")
        exchange.begin()
        assert exchange.prove()[0].startswith("AUTHENTICATE ")
        if ends is None:
            client.transport.abortConnection()
        else:
            client.send(ends)
        client.hear(1)
        assert [one for one in place.world.sessions.values() if one.user.nick == "ada"] == []
        client.transport.abortConnection()
        place.advance(1)


@pytest.mark.parametrize("said", ["n,,n=ada", "p=x,,n=ada,r=abc", "", "n,a=eve,n=ada,r=abc"])
def test_what_is_no_scram_fails(place, said):
    client = opened(place)
    client.send("AUTHENTICATE SCRAM-SHA-256")
    client.hear()
    assert numerics(Scram(client, "ada").say(said)) == ["904"]


def test_where_others_read_along_no_password_is_asked_for(place):
    place.playground.network._listeners[PORTS["irc"]]._factory.rules = ListenerRules(guests="allowed")
    client = Irc(place)
    place.playground.network.connect(client, PORTS["irc"], host="192.0.2.1")
    client.send("CAP LS 302", "NICK ada", "USER u 0 * :Ada")
    assert " sasl" not in offers(client.hear())


# ---- certificates -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people():
    return {nick: issue(nick, called=nick) for nick in ("ann", "eve")}


@pytest.fixture
def tls(place, people):
    world = place.world
    for nick in people:
        user = world.add_user(nick)
        accounts.make(world, user, "", 7)
        certificates.add(world, user, print_of(people[nick]), "", 7)
    place.playground.server.hub.change()
    place.advance(0.1)
    return Tls(place.playground, *people.values())


def over_tls(place, tls, shows):
    client = Irc(place)
    trusting = CertificateOptions(
        privateKey=None if shows is None else shows.privateKey.original,
        certificate=None if shows is None else shows.original,
        trustRoot=trustRootFromCertificates([tls.own]),
    )
    wrapped = tls.wrapped(trusting, Factory.forProtocol(lambda: client))
    place.playground.network.connect(wrapped.buildProtocol(None), PORTS["irc"])
    place.advance(0.5)
    client.send("CAP LS 302", "CAP REQ sasl")
    client.listed = offers(client.hear(0.5))
    return client


def external(client, name=""):
    client.send("AUTHENTICATE EXTERNAL")
    heard = client.hear(0.5)
    client.send(f"AUTHENTICATE {base64.b64encode(name.encode()).decode() or '+'}")
    return heard + client.hear(1)


def test_a_certificate_logs_in_to_the_account_that_is_named(place, tls, people):
    client = over_tls(place, tls, people["ann"])
    assert "sasl=PLAIN,EXTERNAL,SCRAM-SHA-256" in client.listed
    assert numerics(external(client)) == ["904"]  # nobody has said who they are
    assert numerics(external(client, "eve")) == ["904"]
    assert numerics(external(client, "nobody")) == ["904"]
    client.send("NICK ann", "USER ann 0 * :Ann")
    client.hear(0.5)
    assert numerics(external(client)) == ["900", "903"]
    client.send("CAP END")
    assert numerics(client.hear(1))[0] == "001"
    assert client.ask("WHOIS ann")[-2].split()[1] == "317"


def test_external_is_offered_to_whoever_shows_a_certificate(place, tls):
    client = over_tls(place, tls, None)
    assert "sasl=PLAIN,SCRAM-SHA-256" in client.listed
    assert numerics(external(client, "ann"))[:2] == ["908", "904"]


def test_plain_goes_over_tls_as_well(place, tls):
    client = over_tls(place, tls, None)
    client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ann', PASSWORD)}")
    assert numerics(client.hear(1)) == ["904"]


# ---- Strict Transport Security ----------------------------------------------------------------------


def test_who_comes_in_plain_text_is_sent_to_tls(people):
    place = Place(irc={"sts_port": 6697, "sts_days": 2})
    plain_text = place.connect()
    plain_text.send("CAP LS 302", "CAP REQ sts", "CAP LIST")
    *listed, refused, known = plain_text.hear()
    assert offers(listed).split()[-1] == "sts=port=6697"
    assert " NAK " in refused and "sts" not in known
    old = place.connect()
    old.send("CAP LS")
    assert "sts" not in offers(old.hear()).split()
    tls = Tls(place.playground, *people.values())
    assert over_tls(place, tls, None).listed.split()[-1] == "sts=port=6697,duration=172800"


def test_nobody_is_sent_anywhere_by_default(place):
    client = place.connect()
    client.send("CAP LS 302")
    assert "sts" not in offers(client.hear())
