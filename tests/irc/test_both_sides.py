"""What native clients do, as those of IRC hear it."""

from chatd.chat import accounts
from chatd.chat.changes.rows import OPERATOR
from chatd.wire import messages as m
from tests.helpers import come_in
from tests.irc.conftest import NAME
from tests.irc.test_registration import numerics


def native(place, nick, *more):
    talker = come_in(place.playground, nick, *more)
    place.advance(0.3)
    return talker


def test_whoever_takes_another_nick_natively_is_found_by_those_who_watch(place):
    ada = place.enter("ada")
    dan = native(place, "dan")
    ada.ask("MONITOR + dan,dora")
    dan.say(m.Nick(id=1, nick="dora"))
    assert ada.hear() == [f":{NAME} 731 ada dan", f":{NAME} 730 ada dora!~u@on.chatd"]
    dan.say(m.Nick(id=2, nick="Dora"))
    assert ada.hear() == []
    assert [line.split()[1:4] for line in ada.ask("WHOWAS dan")[:1]] == [["314", "ada", "dan"]]
    assert numerics(ada.ask("WHOWAS dora"))[0] == "314"


def test_what_is_not_kept_is_told_nobody(place):
    ada, dan = place.enter("ada"), native(place, "dan")
    ada.ask("MONITOR + dan,dora")
    place.playground.store.failing = OSError("no space left")
    dan.say(m.Nick(id=1, nick="dora"))
    assert ada.hear() == []
    assert numerics(ada.ask("WHOWAS dan")) == ["406", "369"]


def test_operators_count_whatever_they_speak(place):
    place.register("ada")
    world = place.world
    accounts.set_flag(world, world.nicks["ada"], OPERATOR, on=True)
    bea = place.enter("bea")
    assert next(line for line in bea.ask("LUSERS") if " 252 " in line).split()[3] == "0"
    op = come_in(place.playground, "ada", password="a-password")
    place.advance(1)
    assert op.of(m.Welcome)
    assert next(line for line in bea.ask("LUSERS") if " 252 " in line).split()[3] == "1"
    place.enter("ada", password="a-password")
    assert next(line for line in bea.ask("LUSERS") if " 252 " in line).split()[3] == "1"


def test_names_cost_as_where_they_are_asked_for(place):
    for number in range(60):
        native(place, f"n{number}", m.Join(id=1, room="#tea"))

    def cost(client):
        gate = client.transport.incoming._sender.protocol.connection.input.gate
        before = gate.allowance.left
        client.ask("JOIN #tea")
        return before - gate.allowance.left

    told, not_told = cost(place.enter("ada")), cost(place.enter("bea", "no-implicit-names"))
    assert told - not_told > 1


def test_another_device_that_says_another_name_is_told(place):
    place.register("ada")
    bea, cem = place.enter("bea", "chghost"), place.enter("cem")
    ada = place.enter("ada", password="a-password", user="one")
    for client in (ada, bea, cem):
        client.ask("JOIN #tea")
    for client in (bea, cem):
        client.hear()
    place.enter("ada", password="a-password", user="two", account="ada@phone")
    assert bea.hear() == [":ada!~one@on.chatd CHGHOST ~two on.chatd"]
    assert cem.hear() == []
    place.enter("ada", password="a-password", user="two", account="ada@phone")
    assert bea.hear() == []
