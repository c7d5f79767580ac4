"""Channels: coming, going, topics, names, lists, modes and those who keep order."""

import pytest

NAME = "My.Little.Server"

ADA, BEA = ":ada!~u@on.chatd", ":bea!~u@on.chatd"


@pytest.fixture
def tea(place):
    """Return Ada, who has made #tea, and Bea, who is there too."""
    ada, bea = place.enter("ada"), place.enter("bea")
    ada.ask("JOIN #tea")
    bea.ask("JOIN #tea")
    ada.hear()
    return ada, bea


def test_join(place):
    ada, bea = place.enter("ada"), place.enter("bea", "extended-join", "userhost-in-names")
    assert ada.ask("JOIN #tea") == [
        f"{ADA} JOIN #tea",
        f":{NAME} 353 ada = #tea @ada",
        f":{NAME} 366 ada #tea :End of NAMES list",
    ]
    ada.ask("TOPIC #tea :green tea")
    heard = bea.ask("JOIN #tea")
    assert heard[0] == f"{BEA} JOIN #tea * :Real bea"
    assert [line.split()[1] for line in heard[1:]] == ["332", "333", "353", "366"]
    assert heard[3] == f":{NAME} 353 bea = #tea :@ada!~u@on.chatd bea!~u@on.chatd"
    assert ada.hear() == [f"{BEA} JOIN #tea"]
    assert bea.ask("JOIN #tea") == []


def test_join_several(place):
    ada = place.enter("ada")
    heard = ada.ask("JOIN #a,b,#c k,l")
    assert [line for line in heard if " JOIN " in line] == [f"{ADA} JOIN #a", f"{ADA} JOIN #c"]
    assert [line for line in heard if " 403 " in line] == [f":{NAME} 403 ada b :No such channel"]


def test_part(tea):
    ada, bea = tea
    assert bea.ask("PART #tea :so long") == [f"{BEA} PART #tea :so long"]
    assert ada.hear() == [f"{BEA} PART #tea :so long"]
    assert [line.split()[1] for line in bea.ask("PART #tea", "PART #no")] == ["442", "403"]
    ada.ask("PRIVMSG #tea :hey")
    assert bea.hear() == []
    assert ada.ask("NAMES #tea") == [
        f":{NAME} 353 ada = #tea @ada",
        f":{NAME} 366 ada #tea :End of NAMES list",
    ]


def test_quit_is_told_once(place):
    ada, bea = place.enter("ada"), place.enter("bea")
    for client in (ada, bea):
        client.ask("JOIN #a,#b")
    ada.hear()
    bea.send("QUIT :so long")
    assert ada.hear() == [f"{BEA} QUIT :Quit: so long"]


def test_nick_is_told_once(place):
    ada, bea = place.enter("ada"), place.enter("bea")
    for client in (ada, bea):
        client.ask("JOIN #a,#b")
    ada.hear()
    assert bea.ask("NICK bibi") == [f"{BEA} NICK bibi"]
    assert ada.hear() == [f"{BEA} NICK bibi"]
    assert bea.ask("NICK bibi") == []
    assert bea.ask("NICK Bibi") == [":bibi!~u@on.chatd NICK Bibi"]
    assert bea.ask("NICK ada")[0].split()[1] == "433"
    assert bea.ask("NICK *")[0].split()[1] == "432"
    place.enter("bea")


def test_topic(tea):
    ada, bea = tea
    assert ada.ask("TOPIC #tea") == [f":{NAME} 331 ada #tea :No topic is set"]
    assert bea.ask("TOPIC #tea :green tea") == [f"{BEA} TOPIC #tea :green tea"]
    assert ada.hear() == [f"{BEA} TOPIC #tea :green tea"]
    assert [line.split()[1] for line in ada.ask("TOPIC #tea")] == ["332", "333"]
    ada.ask("MODE #tea +t")
    bea.hear()
    assert bea.ask("TOPIC #tea :black tea")[0].split()[1] == "482"
    assert ada.hear() == []
    assert ada.ask("TOPIC #tea :") == [f"{ADA} TOPIC #tea :"]
    assert ada.ask("TOPIC #no :x")[0].split()[1] == "403"


def test_kick(tea):
    ada, bea = tea
    assert bea.ask("KICK #tea ada")[0].split()[1] == "482"
    assert ada.ask("KICK #no bea")[0].split()[1] == "403"
    assert ada.ask("KICK #tea eve")[0].split()[1] == "441"
    assert ada.ask("KICK #tea bea") == [f"{ADA} KICK #tea bea :ada"]
    assert bea.hear() == [f"{ADA} KICK #tea bea :ada"]
    assert bea.ask("KICK #tea ada")[0].split()[1] == "442"
    assert bea.ask("JOIN #tea")[0] == f"{BEA} JOIN #tea"


def test_invite(tea, place):
    ada, bea = tea
    eve = place.enter("eve")
    assert ada.ask("INVITE eve #tea") == [f":{NAME} 341 ada eve #tea"]
    assert eve.hear() == [f"{ADA} INVITE eve #tea"]
    assert bea.hear() == []
    ada.ask("MODE #tea +i")
    bea.hear()
    assert bea.ask("INVITE eve #tea")[0].split()[1] == "482"
    assert [line.split()[1] for line in ada.ask("INVITE no #tea", "INVITE bea #tea")] == ["401", "443"]
    assert eve.ask("JOIN #tea")[0] == ":eve!~u@on.chatd JOIN #tea"
    late = place.enter("late")
    assert late.ask("JOIN #tea")[0].split()[1] == "473"
    assert late.ask("LIST", "NAMES #tea", "TOPIC #tea", "MODE #tea", "WHO #tea") == [
        f":{NAME} 321 late Channel :Users  Name",
        f":{NAME} 323 late :End of LIST",
        f":{NAME} 366 late #tea :End of NAMES list",
        f":{NAME} 403 late #tea :No such channel",
        f":{NAME} 403 late #tea :No such channel",
        f":{NAME} 315 late #tea :End of WHO list",
    ]


def test_list(tea):
    ada, _ = tea
    ada.ask("JOIN #cafe", "TOPIC #cafe :black")

    def rows(wish):
        return [line.split(" ")[3:5] for line in ada.ask(f"LIST {wish}") if " 322 " in line]

    assert rows("") == [["#cafe", "1"], ["#tea", "2"]]
    assert rows("#tea,#no") == [["#tea", "2"]]
    assert rows(">1") == rows("#t*") == rows("!#c*") == [["#tea", "2"]]
    assert rows("<2") == [["#cafe", "1"]]


def test_modes(tea):
    ada, bea = tea
    assert [line.split()[1] for line in bea.ask("MODE #tea")] == ["324", "329"]
    assert bea.ask("MODE #tea +t")[0].split()[1] == "482"
    assert ada.ask("MODE #tea +t") == [f"{ADA} MODE #tea +t"]
    assert bea.hear() == [f"{ADA} MODE #tea +t"]
    assert ada.ask("MODE #tea")[0] == f":{NAME} 324 ada #tea +nt"
    assert ada.ask("MODE #tea +m") == [f"{ADA} MODE #tea +m"]
    bea.hear()
    assert bea.ask("PRIVMSG #tea :hey")[0].split()[1] == "404"
    assert bea.ask("NOTICE #tea :hey") == []
    assert ada.ask("MODE #tea +x")[0].split()[1] == "472"


def test_operators(tea, place):
    ada, bea = tea
    eve = place.enter("eve")
    assert [line.split()[1] for line in ada.ask("MODE #tea +o eve")] == ["441"]
    assert [line.split()[1] for line in ada.ask("MODE #tea +o no")] == ["401"]
    assert [line.split()[1] for line in ada.ask("MODE #no +o bea")] == ["403"]
    assert [line.split()[1] for line in bea.ask("MODE #tea +o bea")] == ["482"]
    assert [line.split()[1] for line in eve.ask("MODE #tea +o bea")] == ["442"]
    assert ada.ask("MODE #tea +o bea") == [f"{ADA} MODE #tea +o bea"]
    assert bea.hear() == [f"{ADA} MODE #tea +o bea"]
    assert ada.ask("MODE #tea -o bea") == [f"{ADA} MODE #tea -o bea"]


def test_bans(tea, place):
    ada, bea = tea
    assert ada.ask("MODE #tea +b eve!*@*") == [f"{ADA} MODE #tea +b eve!*@*"]
    assert [line.split()[1] for line in ada.ask("MODE #tea b")] == ["367", "368"]
    eve = place.enter("eve")
    assert eve.ask("JOIN #tea")[0].split()[1] == "474"
    ada.ask("MODE #tea -b eve!*@*")
    assert eve.ask("JOIN #tea")[0] == ":eve!~u@on.chatd JOIN #tea"
    bea.hear()
    ada.ask("MODE #tea +b bea")
    assert bea.hear() == [f"{ADA} MODE #tea +b bea!*@*", f"{ADA} KICK #tea bea :ada"]
    assert ada.ask("MODE #tea +b :a!b c")[0].split()[1:5] == ["696", "ada", "#tea", "b"]


def test_own_modes(place):
    ada = place.enter("ada")
    place.enter("bea")
    assert ada.ask("MODE ada") == [f":{NAME} 221 ada +"]
    assert ada.ask("MODE ada +iB") == [f"{ADA} MODE ada +i+B"]
    assert ada.ask("MODE ada") == [f":{NAME} 221 ada +Bi"]
    assert [line.split()[1] for line in ada.ask("MODE ada +x", "MODE bea +i", "MODE no")] == [
        "501",
        "502",
        "401",
    ]


def test_a_deleted_room_ends_for_all(tea, place):
    ada, bea = tea
    place.request(ada, "delete-room", room="#tea")
    assert bea.hear() == [f":{NAME} KICK #tea bea :This room has ended for you."]
    assert ada.ask("NAMES #tea")[-1] == f":{NAME} 366 ada #tea :End of NAMES list"
