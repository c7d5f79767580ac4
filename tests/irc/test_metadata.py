"""Metadata: what users and channels say of themselves, who hears of it, and what is refused."""

import pytest

from chatd.chat.changes.rows import PutMember
from chatd.server.irc.network import Network
from chatd.server.irc.questions import Questions
from tests.irc.conftest import NAME
from tests.irc.test_registration import numerics

CAPS = ("draft/metadata-3", "batch")


def enter(place, nick, *more, **fields):
    return place.enter(nick, *CAPS, *more, **fields)


def shown(lines):
    """Return ``lines`` as words, without tags and source, and the names of batches as ``B``."""
    found = []
    for line in lines:
        rest = line.partition(" ")[2] if line.startswith("@") else line
        head, _, text = rest.partition(" :") if rest.startswith(":") else ("", "", "")
        words = head.split()[1:] + ([text] if text else [])
        found.append(" ".join("B" if word[:2] in {"+b", "-b"} else word for word in words))
    return found


def test_what_one_says_is_shown(place):
    ada, bea = enter(place, "ada"), enter(place, "bea")
    assert ada.ask("METADATA * SET display-name :Ada L") == [f":{NAME} 761 ada ada display-name * :Ada L"]
    assert shown(bea.ask("METADATA ADA GET display-name url Bad!")) == [
        "BATCH B metadata ada",
        "761 bea ada display-name * Ada L",
        "766 bea ada url Nothing is said by that key",
        "WARN METADATA INVALID_KEY Bad! A key has small letters, digits, _ . / and -, 64 at most.",
        "BATCH B",
    ]
    assert shown(bea.ask("METADATA ada LIST"))[1] == "761 bea ada display-name * Ada L"
    assert "760 bea ada display-name * Ada L" in shown(bea.ask("WHOIS ada"))
    assert ada.ask("METADATA * SET display-name") == [
        f":{NAME} 766 ada ada display-name :Nothing is said by that key"
    ]
    assert shown(ada.ask("METADATA * LIST")) == ["BATCH B metadata ada", "BATCH B"]


def test_all_of_it_is_cleared(place):
    ada = enter(place, "ada")
    ada.ask("METADATA * SET a 1", "METADATA * SET b 2")
    assert [line.split()[0] for line in shown(ada.ask("METADATA * CLEAR"))] == [
        "BATCH",
        "766",
        "766",
        "BATCH",
    ]
    assert place.world.metadata == {}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("METADATA nobody SET a 1", "INVALID_TARGET"),
        ("METADATA #nowhere LIST", "INVALID_TARGET"),
        ("METADATA a!b LIST", "INVALID_TARGET"),
        ("METADATA bea SET a 1", "KEY_NO_PERMISSION"),
        ("METADATA bea CLEAR", "KEY_NO_PERMISSION"),
        ("METADATA * SET A 1", "INVALID_KEY"),
        ("METADATA * SET " + "a" * 65 + " 1", "INVALID_KEY"),
        ("METADATA * SET a :" + "x" * 480, "INVALID_VALUE"),
        ("METADATA * SET a :x\x02y", "INVALID_VALUE"),
        ("METADATA * FOO", "INVALID_PARAMS"),
        ("METADATA *", "INVALID_PARAMS"),
        ("METADATA * GET", "INVALID_PARAMS"),
        ("METADATA bea SUB a", "INVALID_TARGET"),
    ],
)
def test_what_is_refused(place, said, code):
    ada = enter(place, "ada")
    enter(place, "bea")
    (heard,) = ada.ask(said)
    assert heard.split()[1:4] == ["FAIL", "METADATA", code]


def test_what_is_no_text_is_refused_once(place):
    ada = enter(place, "ada")
    ada.send(b"METADATA * SET a :x\xffy")
    (heard,) = ada.hear()
    assert heard.split()[1] == "FAIL" and "INVALID_UTF8" in heard


def test_others_in_a_channel_hear_of_it(place):
    ada, bea, cem = enter(place, "ada"), enter(place, "bea"), place.enter("cem", "draft/metadata-2", "batch")
    dan = enter(place, "dan")
    for client in (ada, bea, cem):
        client.ask("JOIN #tea")
    for client in (ada, bea):
        client.hear()
    assert shown(bea.ask("METADATA * SUB url foo url"))[0] == "770 bea url foo"
    cem.ask("METADATA * SUB url")
    dan.ask("METADATA * SUB url")
    ada.ask("METADATA * SET url :https://a.example")
    ada.ask("METADATA * SET other :x", "METADATA * SET url :https://a.example")
    assert bea.hear() == [f":{NAME} 761 bea ada url * https://a.example"]
    assert cem.hear() == [f":{NAME} METADATA ada url * https://a.example"]
    assert dan.hear() == [] and ada.hear() == []
    ada.ask("METADATA * SET url")
    assert bea.hear() == [f":{NAME} 766 bea ada url :Nothing is said by that key"]
    assert cem.hear() == [f":{NAME} METADATA ada url *"]
    bea.ask("METADATA * UNSUB url")
    ada.ask("METADATA * SET url :b")
    assert bea.hear() == []


def test_what_was_said_comes_with_the_subscription_and_with_the_channel(place):
    ada, bea = enter(place, "ada"), enter(place, "bea")
    ada.ask("JOIN #tea", "METADATA * SET url :a", "METADATA #tea SET url :t")
    bea.ask("METADATA * SUB url")
    assert shown(bea.ask("JOIN #tea"))[-4:] == [
        "BATCH B metadata #tea",
        "761 bea #tea url * t",
        "761 bea ada url * a",
        "BATCH B",
    ]
    assert shown(bea.ask("METADATA #tea SYNC"))[1:-1] == ["761 bea #tea url * t", "761 bea ada url * a"]
    assert shown(bea.ask("METADATA * SUB foo")) == ["770 bea foo", "BATCH B metadata *ALL", "BATCH B"]
    assert shown(bea.ask("METADATA * SUBS")) == ["BATCH B metadata-subs", "772 bea foo url", "BATCH B"]
    bea.ask("METADATA * UNSUB url foo")
    said = shown(bea.ask("METADATA * SUB url"))
    assert said[0] == "770 bea url" and sorted(said[2:-1]) == ["761 bea #tea url * t", "761 bea ada url * a"]


def test_a_channel_is_its_operators_to_describe(place):
    ada, bea = enter(place, "ada"), enter(place, "bea")
    for client in (ada, bea):
        client.ask("JOIN #tea", "METADATA * SUB url")
    ada.hear()
    assert ada.ask("METADATA #tea SET url :t") == [f":{NAME} 761 ada #tea url * t"]
    assert bea.hear() == [f":{NAME} 761 bea #tea url * t"]
    assert bea.ask("METADATA #tea SET url :u")[0].split()[3] == "KEY_NO_PERMISSION"
    ada.ask("MODE #tea +i")
    cem = enter(place, "cem")
    assert cem.ask("METADATA #tea LIST")[0].split()[3] == "INVALID_TARGET"


def test_who_is_watched_is_heard_of(place):
    ada = enter(place, "ada")
    ada.ask("METADATA * SET url :a")
    bea = enter(place, "bea")
    bea.ask("METADATA * SUB url")
    assert shown(bea.ask("MONITOR + ada"))[1:] == ["BATCH B metadata ada", "761 bea ada url * a", "BATCH B"]
    ada.ask("METADATA * SET url :b")
    assert bea.hear() == [f":{NAME} 761 bea ada url * b"]


def test_before_the_connection_is_registered(place):
    ada = place.connect()
    ada.send("CAP LS 302", "CAP REQ :draft/metadata-3 batch")
    assert "draft/metadata-3=before-connect,max-subs=50" in " ".join(ada.hear())
    ada.send("METADATA * SET url :a", "METADATA ada SET url :b", "METADATA * SUB url", "METADATA * LIST")
    assert shown(ada.hear()) == [
        "761 * * url * a",
        "FAIL METADATA INVALID_TARGET ada There is nobody and nothing of that name.",
        "770 * url",
        "BATCH B metadata *",
        "761 * * url * a",
        "BATCH B",
    ]
    ada.send("NICK ada", "USER ada 0 * :Ada", "CAP END")
    heard = shown(ada.hear())
    begin = heard.index("BATCH B metadata ada")
    assert heard[begin + 1] == "761 ada ada url * a"
    assert begin < next(number for number, line in enumerate(heard) if line.startswith("422"))


def test_it_stays_with_an_account_and_goes_with_a_guest(place):
    place.register("ada")
    enter(place, "ada", password="a-password").ask("METADATA * SET url :a")
    gus = enter(place, "gus")
    gus.ask("METADATA * SET url :g")
    gus.send("QUIT")
    gus.hear()
    place.playground.crash_server()
    place.playground.start_server()
    bea = enter(place, "bea")
    assert "761 bea ada url * a" in shown(bea.ask("METADATA ada LIST"))
    assert place.world.metadata == {f"u{place.world.nicks['ada'].id}": {"url": "a"}}


def test_it_is_told_once_it_is_on_the_disk(place):
    ada, bea = enter(place, "ada"), enter(place, "bea")
    for client in (ada, bea):
        client.ask("JOIN #tea", "METADATA * SUB url")
    ada.hear()
    place.playground.store.held = True
    ada.send("METADATA * SET url :a")
    assert (ada.hear(), bea.hear()) == ([], [])
    place.playground.store.failing = OSError("no space left")
    place.playground.store.held = False
    place.playground.store.release()
    assert ada.hear()[0].split()[1:4] == ["FAIL", "METADATA", "RATE_LIMITED"]
    assert bea.hear() == [] and place.world.metadata == {}


def test_there_are_bounds(place):
    ada = enter(place, "ada")
    for number in range(20):
        ada.ask(f"METADATA * SET k{number} :v")
    assert ada.ask("METADATA * SET k :v")[0].split()[3] == "LIMIT_REACHED"
    assert numerics(ada.ask("METADATA * SET k7 :w")) == ["761"]
    for number in range(50):
        ada.ask(f"METADATA * SUB k{number}")
    assert "LIMIT_REACHED" in ada.ask("METADATA * SUB too-much")[0]
    assert all(len(line) <= 510 for line in ada.ask("METADATA * SUBS"))


def test_who_does_not_ask_for_it_knows_no_such_command(place):
    ada = place.enter("ada")
    assert numerics(ada.ask("METADATA * LIST")) == ["421"]


def test_a_list_of_two_lines_has_what_bots_want_in_the_last(place):
    ada = place.connect()
    ada.send("CAP LS 302")
    first, last = ada.hear()
    assert "message-tags" in last and "server-time" in last and " LS * " in first


def test_very_many_are_looked_at_some_in_each_turn(place, monkeypatch):
    ada = enter(place, "ada")
    ada.ask("JOIN #tea", "METADATA * SUB url", "METADATA * SET url :a")
    world, hub = place.world, place.playground.server.hub
    for number in range(1100):
        user = world.add_user(f"u{number}")
        world.change(PutMember(world.rooms["#tea"].log.id, user.id, 0))
    hub.change()
    place.advance(0.1)
    rests, rest = [], Questions.rest
    monkeypatch.setattr(Questions, "rest", lambda self: rests.append(1) or rest(self))
    for target in ("#tea", "*ALL"):
        del rests[:]
        assert shown(ada.ask(f"METADATA {target} SYNC"))[1:-1] == ["761 ada ada url * a"]
        assert len(rests) == 2
    bea = enter(place, "bea")
    bea.ask("METADATA * SUB foo")
    assert shown(bea.ask("JOIN #tea"))[-1].startswith("774 bea #tea 0")
    assert shown(bea.ask("METADATA * SUB url"))[-1].startswith("774 bea *ALL 0")


def test_peers_are_found_whichever_way_is_shorter(place):
    ada, bea, cem = (place.enter(nick, "setname") for nick in ("ada", "bea", "cem"))
    for channel in ("#one", "#two", "#three", "#four"):
        for client in (ada, bea):
            client.ask(f"JOIN {channel}")
    ada.hear()
    bea.hear()
    network = Network.of(place.playground.server)
    user = place.world.nicks["ada"]
    assert {client.nick for client in network.peers_of(user)} == {"ada", "bea"}
    ada.ask("SETNAME :A")
    assert bea.hear() == [":ada!~u@on.chatd SETNAME A"] and cem.hear() == []
    for number in range(20):
        place.enter(f"n{number}")
    assert {client.nick for client in network.peers_of(user)} == {"ada", "bea"}
