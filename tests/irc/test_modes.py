"""Modes for which rooms have no rule: keys, limits, voices, lists of masks, and being listed nowhere."""

import pytest

from tests.irc.conftest import Place

NAME = "My.Little.Server"
ADA, BEA, EVE = (f":{nick}!~u@on.chatd" for nick in ("ada", "bea", "eve"))


def numerics(lines):
    return [line.split()[1] for line in lines]


@pytest.fixture
def tea(place):
    ada, bea = place.enter("ada"), place.enter("bea")
    ada.ask("JOIN #tea")
    return ada, bea


def test_a_key(tea, place):
    ada, bea = tea
    assert ada.ask("MODE #tea +k sesame") == [f"{ADA} MODE #tea +k *"]
    assert ada.ask("MODE #tea")[0] == f":{NAME} 324 ada #tea +kn sesame"
    assert bea.ask("MODE #tea")[0] == f":{NAME} 324 bea #tea +kn *"
    for line in ("JOIN #tea", "JOIN #tea x", "JOIN #a,#tea x,y"):
        assert numerics(bea.ask(line))[-1] == "475"
    ada.hear()
    place.request(bea, "history", room="#tea")
    assert bea.hear() == []  # nothing is read without it
    assert bea.ask("JOIN #tea,#b sesame")[0] == f"{BEA} JOIN #tea"
    eve = place.enter("eve")
    ada.ask("INVITE eve #tea")
    eve.hear()
    assert eve.ask("JOIN #tea")[0] == f"{EVE} JOIN #tea"
    ada.hear()
    assert ada.ask("MODE #tea -k") == [f"{ADA} MODE #tea -k *"]
    assert place.enter("dan").ask("JOIN #tea")[0].split()[1] == "JOIN"


@pytest.mark.parametrize("key", ["with blanks", "k" * 400, ""])
def test_what_is_no_key(tea, key):
    ada, bea = tea
    heard = ada.ask(f"MODE #tea +k :{key}")
    assert [line.split(" :")[0] for line in heard] == [f":{NAME} 696 ada #tea k *"]
    assert bea.ask("JOIN #tea")[0] == f"{BEA} JOIN #tea"


def test_a_limit(tea, place):
    ada, bea = tea
    eve = place.enter("eve")
    assert ada.ask("MODE #tea +l 1") == [f"{ADA} MODE #tea +l 1"]
    assert [line.split(" :")[0] for line in bea.ask("JOIN #tea")] == [f":{NAME} 471 bea #tea"]
    assert ada.ask("MODE #tea +l 2") == [f"{ADA} MODE #tea +l 2"]
    assert ada.ask("MODE #tea")[0] == f":{NAME} 324 ada #tea +ln 2"
    assert bea.ask("JOIN #tea")[0] == f"{BEA} JOIN #tea"
    ada.ask("MODE #tea +l 1")
    bea.hear()
    assert bea.ask("PRIVMSG #tea :still here", "NAMES #tea")[0].split()[1] == "353"
    assert numerics(eve.ask("JOIN #tea")) == ["471"]
    ada.hear()
    assert ada.ask("MODE #tea -l") == [f"{ADA} MODE #tea -l"]
    assert eve.ask("JOIN #tea")[0] == f"{EVE} JOIN #tea"


@pytest.mark.parametrize("limit", ["0", "-1", "abc", ""])
def test_what_is_no_limit(tea, limit):
    ada, bea = tea
    heard = ada.ask(f"MODE #tea +l :{limit}")
    assert [line.split(" :")[0] for line in heard] == [f":{NAME} 696 ada #tea l {limit}"] * bool(limit)
    assert bea.ask("JOIN #tea")[0] == f"{BEA} JOIN #tea"


def test_a_voice(tea, place):
    ada, bea = tea
    bea.ask("JOIN #tea")
    ada.ask("MODE #tea +mt")
    bea.hear()
    assert numerics(bea.ask("PRIVMSG #tea :hey")) == ["404"]
    assert ada.ask("MODE #tea +v bea") == [f"{ADA} MODE #tea +v bea"]
    assert bea.hear() == [f"{ADA} MODE #tea +v bea"]
    assert bea.ask("PRIVMSG #tea :hey") == []
    assert ada.hear() == [f"{BEA} PRIVMSG #tea :hey"]
    assert numerics(bea.ask("TOPIC #tea :x")) == ["482"]
    ada.ask("MODE #tea +v ada")
    assert ada.ask("NAMES #tea")[0] == f":{NAME} 353 ada = #tea :@ada +bea"
    eve = place.enter("eve", "multi-prefix")
    assert eve.ask("NAMES #tea")[0] == f":{NAME} 353 eve = #tea :@+ada +bea"
    assert [line.split()[8] for line in eve.ask("WHO #tea")[:-1]] == ["H@+", "H+"]
    bea.ask("PART #tea", "JOIN #tea")
    assert numerics(bea.ask("PRIVMSG #tea :hey")) == ["404"]
    assert numerics(ada.ask("MODE #tea +v no", "MODE #tea +v eve"))[-2:] == ["401", "441"]


def test_masks_keep_out(tea, place):
    ada, _ = tea
    place.register("dan")
    ada.ask("MODE #tea +b *!~evil@*")
    eve = place.enter("eve", user="evil")
    assert numerics(eve.ask("JOIN #tea")) == ["474"]
    assert ada.ask("MODE #tea +e EVE!*@*") == [f"{ADA} MODE #tea +e eve!*@*"]
    assert eve.ask("JOIN #tea")[0].split()[1] == "JOIN"
    ada.hear()
    ada.ask("MODE #tea -b *!~evil@*", "MODE #tea +b a:dan")
    dan = place.enter("danny", password="a-password", account="dan")
    assert numerics(dan.ask("JOIN #tea")) == ["474"]
    guest = place.enter("dandy")
    assert guest.ask("JOIN #tea")[0].split()[1] == "JOIN"
    ada.hear()
    assert ada.ask("MODE #tea -b a:DAN") == [f"{ADA} MODE #tea -b a:dan"]
    assert dan.ask("JOIN #tea")[0].split()[1] == "JOIN"


def test_lists_are_for_members(tea, place):
    ada, bea = tea
    ada.ask("MODE #tea +b eve!*@*", "MODE #tea +I bea", "MODE #tea +e *@on.chatd")
    assert numerics(bea.ask("MODE #tea b")) == ["442"]
    bea.ask("JOIN #tea")
    rows = bea.ask("MODE #tea +b", "MODE #tea +e", "MODE #tea +I")
    assert [line.split()[1:5] for line in rows if len(line.split()) == 7] == [
        ["367", "bea", "#tea", "eve!*@*"],
        ["348", "bea", "#tea", "*!*@on.chatd"],
        ["346", "bea", "#tea", "bea!*@*"],
    ]
    assert rows[0].split()[5] == "ada!~u@on.chatd" and rows[0].split()[6].isdigit()
    assert [number for number in numerics(rows) if number in {"368", "349", "347"}] == ["368", "349", "347"]


def test_masks_invite(tea):
    ada, bea = tea
    ada.ask("MODE #tea +i")
    assert numerics(bea.ask("JOIN #tea")) == ["473"]
    assert ada.ask("MODE #tea +I bea!*@*") == [f"{ADA} MODE #tea +I bea!*@*"]
    assert bea.ask("JOIN #tea")[0] == f"{BEA} JOIN #tea"
    bea.ask("PART #tea")
    ada.hear()
    assert ada.ask("MODE #tea -I bea!*@*") == [f"{ADA} MODE #tea -I bea!*@*"]
    assert numerics(bea.ask("JOIN #tea")) == ["473"]


def test_masks_let_somebody_not_speak(tea, place):
    ada, _ = tea
    ada.ask("MODE #tea +b m:BEA!*@*")
    eve = place.enter("eve", user="bea")
    bea = place.enter("bee", user="bea")
    eve.ask("JOIN #tea")
    bea.ask("NICK bea2", "JOIN #tea")
    ada.ask("MODE #tea +b m:*!~bea@*")
    for client in (eve, bea):
        client.hear()
        assert numerics(client.ask("PRIVMSG #tea :hey")) == ["404"]
        assert client.ask("TAGMSG #tea")[0].split()[1] == "421"
    assert eve.ask("MODE #tea b")[-2].split()[4] == "m:*!~bea@*"
    ada.ask("MODE #tea +v eve", "MODE #tea +e m:bea2!*@*")
    for client in (eve, bea):
        client.hear()
        assert client.ask("PRIVMSG #tea :hey") == []
    ada.hear()
    ada.ask("MODE #tea -v eve", "MODE #tea -b m:*!~BEA@*")
    eve.hear()
    assert eve.ask("PRIVMSG #tea :hey") == []


def test_a_channel_that_is_not_listed(tea, place):
    ada, bea = tea
    assert ada.ask("MODE #tea +s") == [f"{ADA} MODE #tea +s"]
    assert ada.ask("NAMES #tea")[0] == f":{NAME} 353 ada @ #tea @ada"
    assert [line.split()[3] for line in ada.ask("LIST") if " 322 " in line] == ["#tea"]
    for line in ("LIST", "LIST #tea", "NAMES #tea", "WHO #tea", "WHOIS ada"):
        assert not {"322", "353", "352", "319"} & set(numerics(bea.ask(line))), line
    assert bea.ask("JOIN #tea")[0] == f"{BEA} JOIN #tea"
    assert [line.split()[3] for line in bea.ask("LIST") if " 322 " in line] == ["#tea"]
    ada.hear()
    assert ada.ask("MODE #tea -s") == [f"{ADA} MODE #tea -s"]
    assert [line.split()[3] for line in place.enter("eve").ask("LIST") if " 322 " in line] == ["#tea"]


def test_who_owns_a_channel_may_give_that_up(tea):
    ada, bea = tea
    bea.ask("JOIN #tea")
    ada.ask("MODE #tea +i")
    bea.hear()
    assert ada.ask("MODE #tea -o ada") == [f"{ADA} MODE #tea -o ada"]
    assert bea.hear() == [f"{ADA} MODE #tea -o ada"]
    assert numerics(ada.ask("INVITE bea #tea", "MODE #tea +k x", "MODE #tea +o ada"))[1:] == ["482", "482"]


def test_what_is_told_to_some(tea, place):
    ada, bea = tea
    eve = place.enter("eve")
    for client in (bea, eve):
        client.ask("JOIN #tea")
    ada.ask("MODE #tea +v eve")
    for client in (ada, bea, eve):
        client.hear()
    assert bea.ask("PRIVMSG @#tea :help") == []
    assert (ada.hear(), eve.hear()) == ([f"{BEA} PRIVMSG @#tea :help"], [])
    assert bea.ask("NOTICE +#tea :hey") == []
    assert ada.hear() == eve.hear() == [f"{BEA} NOTICE +#tea :hey"]
    assert numerics(place.enter("dan").ask("PRIVMSG @#tea :x", "PRIVMSG @#no :x")) == ["404", "403"]


def test_both_rules_and_modes_in_one_line(tea):
    ada, bea = tea
    bea.ask("JOIN #tea")
    ada.hear()
    assert ada.ask("MODE #tea +im-i+l 5") == [
        f"{ADA} MODE #tea {change}" for change in ("+i", "+m", "-i", "+l 5")
    ]
    assert ada.ask("MODE #tea")[0] == f":{NAME} 324 ada #tea +lmn 5"
    assert numerics(bea.ask("MODE #tea +k x", "MODE #tea +v bea", "MODE #tea +e x"))[-3:] == ["482"] * 3


def test_modes_outlive_the_daemon():
    place = Place()
    place.register("ada")
    ada = place.enter("ada", password="a-password")
    ada.ask(
        "JOIN #tea", "MODE #tea +kl sesame 7", "MODE #tea +s", "MODE #tea +b m:eve!*@*", "MODE #tea +v ada"
    )
    place.playground.crash_server()
    place.playground.start_server()
    place.advance(1)
    ada = place.enter("ada", "multi-prefix", password="a-password")
    assert ada.ask("MODE #tea")[0] == f":{NAME} 324 ada #tea +klns sesame 7"
    assert ada.ask("NAMES #tea")[0] == f":{NAME} 353 ada @ #tea @+ada"
    assert ada.ask("MODE #tea b")[0] == f":{NAME} 367 ada #tea m:eve!*@*"
    eve = place.enter("eve")
    assert "#tea" not in "".join(eve.ask("LIST"))
    assert numerics(eve.ask("JOIN #tea")) == ["475"]
