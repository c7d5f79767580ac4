"""Registration: NICK, USER, CAP and SASL, up to 001 and the end."""

import base64
from dataclasses import replace

import pytest

from chatd.server.irc.capabilities import VALUES
from tests.irc.conftest import Place, offers

NAME = "My.Little.Server"


def numerics(lines):
    return [line.split(" ")[1] for line in lines if line.startswith(":")]


def plain(name, password, shown=""):
    return base64.b64encode(f"{shown}\0{name}\0{password}".encode()).decode()


@pytest.mark.parametrize("lines", [("NICK ada", "USER u 0 * :Ada"), ("user u 0 * :Ada", "nick ada")])
def test_a_guest_comes_in(place, lines):
    client = place.connect()
    client.send(*lines)
    heard = client.hear()
    assert numerics(heard) == [
        "001",
        "002",
        "003",
        "004",
        "005",
        "005",
        "005",
        "251",
        "252",
        "253",
        "255",
        "265",
        "266",
        "422",
    ]
    assert all(len(line.split(" :")[0].split()) <= 15 and line.isascii() for line in heard if " 005 " in line)


def test_ping_is_answered_with_its_token(place):
    client = place.enter("ada")
    client.send("PING :a b", "PING", "PING :")
    assert client.hear() == [
        f":{NAME} PONG {NAME} :a b",
        f":{NAME} 409 ada :No token was given",
        f":{NAME} PONG {NAME} :",
    ]


def test_quit_is_answered_before_registration_too(place):
    client = place.connect()
    client.send("QUIT :so long")
    assert client.hear() == ["ERROR :Closing link: so long"]
    assert client.ended


@pytest.mark.parametrize("nick", ["*", "a b", "a@b", "a,b", "#a", "-" * 40])
def test_a_nick_that_cannot_be_is_told_and_another_one_does(place, nick):
    client = place.connect()
    client.send(f"NICK :{nick}", "USER u 0 * :Ada")
    assert numerics(client.hear()) == ["432"]
    client.send("NICK ada")
    assert numerics(client.hear())[0] == "001"


def test_no_nick(place):
    client = place.connect()
    client.send("NICK", "NICK :", "USER u 0 * :", "USER ada", "WHO x", "FOO")
    assert numerics(client.hear()) == ["431", "431", "461", "461", "451", "451"]


def test_one_of_two_has_the_nick(place):
    one, other = place.connect(), place.connect()
    for client in (one, other):
        client.send("NICK ada")
    for client in (one, other):
        client.send("USER u 0 * :Ada")
    place.advance(0.3)
    heard = [numerics(client.hear(0)) for client in (one, other)]
    assert sorted(one[0] for one in heard) == ["001", "433"]
    late = place.connect()
    late.send("NICK ADA", "USER u 0 * :Ada")
    assert numerics(late.hear()) == ["433"]
    late.send("NICK bea")
    assert numerics(late.hear())[0] == "001"


def test_quit_frees_the_nick_at_once(place):
    client = place.enter("ada")
    client.send("QUIT")
    client.hear()
    place.enter("ada")


def test_a_lost_guest_frees_the_nick(place):
    place.enter("ada").transport.abortConnection()
    place.enter("ada")


# ---- capabilities -----------------------------------------------------------------------------------


def test_a_negotiation_holds_registration(place):
    client = place.connect()
    client.send("CAP LS 302", "NICK ada", "USER u 0 * :Ada")
    heard = client.hear()
    assert heard[-1].startswith(f":{NAME} CAP * LS :") and "sasl=PLAIN" in offers(heard)
    client.send("CAP REQ :server-time nonsense", "CAP LIST", "CAP REQ :echo-message server-time", "CAP LIST")
    assert client.hear() == [
        f":{NAME} CAP * NAK :server-time nonsense",
        f":{NAME} CAP * LIST cap-notify",
        f":{NAME} CAP * ACK :echo-message server-time",
        f":{NAME} CAP * LIST :cap-notify echo-message server-time",
    ]
    client.send("CAP END")
    assert numerics(client.hear())[0] == "001"


def test_an_old_client_sees_no_values(place):
    client = place.connect()
    client.send("CAP LS", "CAP LIST", "CAP FOO")
    listed, empty, unknown = client.hear()
    assert "=" not in listed
    assert empty == f":{NAME} CAP * LIST :"
    assert unknown == f":{NAME} 410 * FOO :Invalid CAP command"


def test_capabilities_take_effect_at_once_and_go_again(place):
    ada, bea = place.enter("ada"), place.enter("bea")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    ada.hear()
    assert ada.ask("CAP REQ :server-time") == [f":{NAME} CAP ada ACK server-time"]
    bea.ask("PRIVMSG #tea :hey")
    assert ada.hear()[0].startswith("@time=")
    ada.ask("CAP REQ :-server-time")
    bea.ask("PRIVMSG #tea :hey")
    assert ada.hear() == [":bea!~u@on.chatd PRIVMSG #tea :hey"]


# ---- SASL -------------------------------------------------------------------------------------------


def test_sasl(place):
    place.register("ada")
    client = place.connect()
    client.send("CAP REQ sasl", "NICK ada", "USER u 0 * :Ada", "AUTHENTICATE PLAIN")
    assert client.hear()[-1] == "AUTHENTICATE +"
    client.send(f"AUTHENTICATE {plain('ada', 'a-password')}")
    assert client.hear(1) == [
        f":{NAME} 900 * ada!~u@on.chatd ada :You are now logged in as ada",
        f":{NAME} 903 * :SASL authentication successful",
    ]
    client.send("CAP END")
    assert numerics(client.hear())[0] == "001"
    assert any(" 330 ada ada ada " in line for line in client.ask("WHOIS ada"))


@pytest.mark.parametrize(
    "said",
    [
        plain("ada", "wrong-password"),
        plain("ada", "a-password", "bea"),
        plain("", "a-password"),
        plain("ada", ""),
        "=",
        "!!",
    ],
)
def test_sasl_that_fails_may_be_tried_again(place, said):
    place.register("ada")
    client = place.connect()
    client.send("CAP REQ sasl", "NICK ada", "USER u 0 * :Ada", "AUTHENTICATE PLAIN", f"AUTHENTICATE {said}")
    assert numerics(client.hear(1))[-1] == "904"
    client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ada', 'a-password', 'ada')}", "CAP END")
    heard = numerics(client.hear(1))
    assert heard[:2] == ["900", "903"] and heard[2] == "001"


def test_who_logs_in_after_their_nick_was_refused_has_it_all_the_same(place):
    """As pydle, which ends the negotiation at the first of two lines of CAP LS, and goes on behind that."""
    place.register("ada")
    client = place.connect()
    client.send("CAP LS 302", "NICK ada", "USER u 0 * :Ada", "CAP END")
    assert numerics(client.hear(1))[-1] == "433"
    client.send(
        "CAP REQ sasl", "NICK ada_", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ada', 'a-password')}"
    )
    client.send("CAP END")
    assert any(" 001 ada :" in line for line in client.hear(1))
    assert place.world.nicks["ada"].nick == "ada"


def test_many_who_come_in_at_once_from_one_address_only_wait(place):
    """As after a restart: to each of them the attempts of the others look like guesses."""
    nicks = [f"bot{number}" for number in range(12)]
    for nick in nicks:
        place.register(nick)
    clients = {nick: place.connect() for nick in nicks}
    for nick, client in clients.items():
        said = f"AUTHENTICATE {plain(nick, 'a-password')}"
        client.send("CAP REQ sasl", f"NICK {nick}", "USER u 0 * :x", "AUTHENTICATE PLAIN", said, "CAP END")
    place.advance(5)
    for client in clients.values():
        assert numerics(client.hear(0))[1:4] == ["900", "903", "001"]


def test_sasl_comes_in_pieces(place):
    password = "p" * 250
    place.register("ada", password)
    client = place.connect()
    said = plain("ada", password, "")
    assert len(said) < 400
    client.send("CAP REQ sasl", "NICK ada", "USER u 0 * :Ada", "AUTHENTICATE PLAIN")
    client.send("AUTHENTICATE " + "A" * 400, "AUTHENTICATE +")
    assert numerics(client.hear(1))[-1] == "904"
    client.send("AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401)
    assert numerics(client.hear(1))[-1] == "905"
    client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {said}", "CAP END")
    assert "903" in numerics(client.hear(1))


def test_sasl_ends_when_it_is_endless(place):
    client = place.connect()
    client.send("CAP REQ sasl", "AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 20)
    assert "904" in numerics(client.hear(1))


def test_sasl_is_aborted(place):
    client = place.connect()
    client.send(
        "CAP REQ sasl", "AUTHENTICATE FOO", "AUTHENTICATE PLAIN", "AUTHENTICATE *", "AUTHENTICATE PLAIN"
    )
    client.send("NICK ada", "USER u 0 * :Ada", "CAP END")
    heard = numerics(client.hear(1))
    assert heard[1:5] == ["908", "904", "906", "906"]
    assert heard[5] == "001"


def test_an_account_is_not_open_to_guests(place):
    place.register("ada")
    client = place.connect()
    client.send("NICK ada", "USER u 0 * :Ada")
    assert numerics(client.hear(1)) == ["433"]


def test_pass_logs_in(place):
    place.register("ada")
    client = place.connect()
    client.send("PASS a-password", "NICK ada", "USER u 0 * :Ada")
    assert numerics(client.hear(1))[:2] == ["900", "001"]
    client = place.connect()
    client.send("PASS ada:wrong-password", "NICK ada", "USER u 0 * :Ada")
    heard = client.hear(1)
    assert numerics(heard) == ["464"] and heard[-1].startswith("ERROR :")


def test_a_login_that_nobody_waits_for_leaves_no_session(place):
    place.register("ada")
    before = len(place.world.sessions)
    client = place.connect()
    client.send("CAP REQ sasl", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ada', 'a-password')}")
    client.hear(1)
    client.transport.abortConnection()
    place.advance(1)
    assert len(place.world.sessions) == before


def test_a_device_of_an_account_has_one_session(place):
    place.register("ada")
    for _ in range(3):
        place.enter("ada", password="a-password").transport.abortConnection()
        place.advance(0.1)
    place.enter("ada", password="a-password", account="ada@phone")
    assert sorted(one.label for one in place.world.sessions.values()) == ["IRC", "IRC phone"]


def test_register(place):
    ada = place.enter("ada")
    assert ada.ask("REGISTER bea * a-password")[0].split()[3] == "ACCOUNT_NAME_MUST_BE_NICK"
    assert ada.ask("REGISTER * * short")[0].split()[3] == "WEAK_PASSWORD"
    ada.send("REGISTER ada a@example.org a-password")
    assert ada.hear(1) == [f":{NAME} REGISTER SUCCESS ada :ada is your account now."]
    assert ada.ask("REGISTER * * a-password")[0].split()[3] == "ALREADY_AUTHENTICATED"
    client = place.connect()
    client.send("REGISTER * * a-password")
    assert client.hear()[0].split()[3] == "COMPLETE_CONNECTION_REQUIRED"


def test_nobody_is_offered_to_register_where_that_is_closed(place):
    client = place.connect()
    client.send("CAP LS 302")
    assert "account-registration" in offers(client.hear())
    place.world.terms = replace(place.world.terms, registration="closed")
    client.send("CAP LS 302", "CAP REQ draft/account-registration")
    *listed, refused = client.hear()
    assert "account-registration" not in offers(listed) and " NAK " in refused


def test_no_list_is_cut_within_a_word():
    place = Place(irc={"name": "a" * 60 + ".b"})
    everything = set(VALUES)
    old, modern = place.enter("n" * 32), place.enter("m" * 32)
    old.send("CAP LS")
    (listed,) = old.hear()
    assert len(listed) <= 510 and everything > set(offers([listed]).split()) > {"message-tags", "server-time"}
    modern.send("CAP LS 302", "CAP REQ :" + " ".join(sorted(everything)))
    heard = modern.hear()
    acked = [line for line in heard if " ACK " in line]
    assert all(len(line) <= 510 for line in heard)
    assert " ".join(line.partition(" ACK :")[2] for line in acked).split() == sorted(everything)
