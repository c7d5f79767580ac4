"""Queries: who is here, who was, and what the server is."""

import pytest
from msgspec.structs import replace

from chatd.chat import accounts
from chatd.chat.changes.rows import OPERATOR
from chatd.ops.settings import IrcConfig
from chatd.wire import messages as m

NAME = "My.Little.Server"
ADA = ":ada!~u@on.chatd"


def numerics(lines):
    return [line.split(" ")[1] for line in lines]


@pytest.fixture
def tea(place):
    ada, bea = place.enter("ada"), place.enter("bea", "multi-prefix")
    ada.ask("JOIN #tea")
    bea.ask("JOIN #tea")
    ada.hear()
    return ada, bea


def test_who(tea, place):
    ada, bea = tea
    eve = place.enter("eve")
    assert ada.ask("WHO #tea") == [
        f":{NAME} 352 ada #tea ~u on.chatd {NAME} ada H@ :0 Real ada",
        f":{NAME} 352 ada #tea ~u on.chatd {NAME} bea H :0 Real bea",
        f":{NAME} 315 ada #tea :End of WHO list",
    ]
    assert numerics(eve.ask("WHO b*")) == ["352", "315"]
    bea.ask("MODE bea +i", "AWAY :lunch")
    assert numerics(eve.ask("WHO b*")) == ["315"]
    assert numerics(ada.ask("WHO b?A")) == ["352", "315"]
    assert eve.ask("WHO BEA")[0].split()[7:9] == ["bea", "G"]
    assert numerics(eve.ask("WHO no*", "WHO no")) == ["315", "315"]


def test_whox(tea):
    ada, _ = tea
    assert ada.ask("WHO bea %tcuihsnfdlaor,42")[0] == (
        f":{NAME} 354 ada 42 #tea ~u 255.255.255.255 on.chatd {NAME} bea H 0 0 0 n/a :Real bea"
    )
    for letter, shown in {"n": "bea", "a": "0", "f": "H", "r": ":Real bea", "c": "#tea"}.items():
        assert ada.ask(f"WHO bea %{letter}")[0] == f":{NAME} 354 ada {shown}"


def test_whois(tea, place):
    ada, bea = tea
    bea.ask("MODE bea +B", "AWAY :lunch")
    heard = ada.ask("WHOIS bea")
    assert heard[0] == f":{NAME} 311 ada bea ~u on.chatd * :Real bea"
    assert numerics(heard) == ["311", "319", "312", "301", "335", "317", "318"]
    assert numerics(ada.ask(f"WHOIS {NAME} bea", "WHOIS bea bea")).count("311") == 2
    assert numerics(ada.ask("WHOIS no")) == ["401", "318"]
    bea.ask("MODE bea +i")
    assert "319" not in numerics(place.enter("eve").ask("WHOIS bea"))


def test_private_rooms_are_in_no_whois_of_strangers(tea, place):
    ada, _ = tea
    ada.ask("MODE #tea +i")
    assert "319" not in numerics(place.enter("eve").ask("WHOIS ada"))


def test_whowas(tea):
    ada, bea = tea
    bea.ask("NICK bibi", "NICK bobo", "NICK bibi", "NICK bobo")
    heard = ada.ask("WHOWAS bibi")
    assert numerics(ada.ask("WHOWAS bibi 1")) == ["314", "312", "369"]
    assert numerics(ada.ask("WHOWAS bibi -1")) == ["314", "312", "314", "312", "369"]
    assert [line for line in heard if " 314 " in line] == [
        f":{NAME} 314 ada bibi ~u on.chatd * :Real bea"
    ] * 2
    assert numerics(ada.ask("WHOWAS no", "WHOWAS")) == ["406", "369", "431"]


def test_monitor(place):
    ada, bea = place.enter("ada"), place.enter("bea")
    assert ada.ask("MONITOR + Bea,eve,a*b") == [
        f":{NAME} 730 ada :bea!~u@on.chatd".replace(" :bea", " bea"),
        f":{NAME} 731 ada eve",
    ]
    eve = place.enter("Eve")
    assert ada.ask() == [f":{NAME} 730 ada Eve!~u@on.chatd"]
    eve.ask("NICK eVE")
    assert ada.ask() == []
    eve.ask("NICK evita")
    assert ada.ask() == [f":{NAME} 731 ada eVE"]
    bea.send("QUIT")
    bea.hear()
    assert ada.ask() == [f":{NAME} 731 ada bea"]
    assert ada.ask("MONITOR L") == [f":{NAME} 732 ada Bea,eve", f":{NAME} 733 ada :End of MONITOR list"]
    assert ada.ask("MONITOR S") == [f":{NAME} 731 ada Bea,eve"]
    ada.ask("MONITOR - eve", "MONITOR C")
    place.enter("bea")
    assert ada.ask("MONITOR L") == [f":{NAME} 733 ada :End of MONITOR list"]


def test_extended_monitor(place):
    ada = place.enter("ada", "extended-monitor", "away-notify", "setname", "account-notify")
    bea = place.enter("bea", "setname")
    ada.ask("MONITOR + bea")
    bea.ask("AWAY :lunch", "SETNAME :Bea B.", "AWAY")
    assert [line.split(" ", 1)[1] for line in ada.ask()] == ["AWAY :lunch", "SETNAME :Bea B.", "AWAY"]


def test_monitor_has_an_end(place):
    ada = place.enter("ada")
    heard = ada.ask(
        "MONITOR + " + ",".join(f"n{number}" for number in range(60)),
        "MONITOR + " + ",".join(f"m{number}" for number in range(60)),
    )
    assert numerics(heard)[-2:] == ["734", "731"] or "734" in numerics(heard)
    ada.transport.abortConnection()
    place.advance(0.3)
    assert not place.playground.server.kinds["irc"].watchers


def test_the_server(place):
    ada = place.enter("ada")
    asked = {
        "MOTD": ["422"],
        "VERSION": ["351", "005", "005", "005"],
        "TIME": ["391"],
        "INFO": ["371", "374"],
        "LUSERS": ["251", "252", "253", "255", "265", "266"],
        "ISON ada no": ["303"],
        "USER a 0 * :b": ["462"],
        "PASS x": ["462"],
        "AUTHENTICATE PLAIN": ["904"],
        "LINKS": ["365"],
        "HELP": ["704", "705", "705", "706"],
        "helpop privmsg": ["704", "705", "706"],
        "HELP nothing": ["524"],
        "OPER ada": ["461"],
        "OPER ada secret": ["464"],
        "KILL ada :x": ["481"],
    }
    assert {line: numerics(ada.ask(line)) for line in asked} == asked


def test_lusers_counts(place):
    ada = place.enter("ada")
    place.enter("bea").ask("MODE bea +i")
    place.connect().send("NICK eve")
    place.advance(0.3)
    heard = ada.ask("LUSERS")
    assert heard[0].endswith(":There are 1 users and 1 invisible on 1 servers")
    assert heard[2].split()[3] == "1"
    assert heard[3].endswith(":I have 2 clients and 0 servers")


def test_an_operator_ends_connections(place):
    place.register("ada")
    ada, bea = place.enter("ada", password="a-password"), place.enter("bea")
    user = next(user for user in place.world.users.values() if user.nick == "ada")
    accounts.set_flag(place.world, user, OPERATOR, on=True)
    assert numerics(ada.ask("OPER ada x", "KILL no")) == ["381", "MODE", "401"]
    ada.ask("KILL bea :enough")
    assert bea.hear() == ["ERROR :Closing link: Killed by ada: enough"]
    assert bea.ended
    assert numerics(ada.ask("WHOIS bea")) == ["401", "318"]


def test_an_older_topic_that_is_told_again_has_not_been_set_since(tea, place):
    ada, _ = tea
    ada.ask("TOPIC #tea :new")
    network = place.playground.server.kinds["irc"]
    setter = network.titled["#tea"]
    network.topic_set(m.Event(room="#tea", seq=2, ts=1, kind="topic", by="bea", text="old"))
    assert network.titled["#tea"] == setter
    for number in range(2000):
        network.topic_set(m.Event(room=f"#r{number}", seq=2, ts=1, kind="topic", by="bea", text="x"))
    assert len(network.titled) == 1000


def test_a_long_message_of_the_day_is_told_whole(place):
    text = " ".join(f"word{number}" for number in range(120))
    playground = place.playground
    playground.config = replace(playground.config, irc=IrcConfig(name=NAME, motd=f"a\n\n{text}"))
    playground._daemon.use(playground.config, None)
    told = [line.split(":- ", 1)[1] for line in place.enter("ada").ask("MOTD")[1:-1]]
    assert told[:2] == ["a", ""]
    assert " ".join(told[2:]) == text


def test_whoever_watches_learns_what_another_one_finds(place):
    ada, bea, eve = place.enter("ada"), place.enter("bea"), place.enter("eve")
    ada.ask("MONITOR + zed")
    place.request(bea, "nick", nick="zed")
    assert numerics(eve.ask("MONITOR + zed")) == ["730"]
    assert numerics(ada.hear()) == ["730"]


def test_lists_take_as_many_lines_as_they_need(place):
    ada = place.enter("ada")
    channels = [f"#a-channel-with-a-long-name-{number}" for number in range(40)]
    for begin in range(0, 40, 10):
        ada.ask("JOIN " + ",".join(channels[begin : begin + 10]))
    told = [line for line in ada.ask("WHOIS ada") if " 319 " in line]
    assert all(len(line.encode()) <= 510 for line in told)
    assert {word.lstrip("@:") for line in told for word in line.split()[4:]} == set(channels)
    nicks = [f"{number}" + "é" * 29 for number in range(60)]
    for begin in range(0, 60, 6):
        told = ada.ask("MONITOR + " + ",".join(nicks[begin : begin + 6]))
        assert all(line.split()[1] == "731" for line in told)
    told = ada.ask("MONITOR L")[:-1]
    assert all(len(line.encode()) <= 510 for line in told)
    assert [nick for line in told for nick in line.split()[3].split(",")] == nicks
    place.enter(nicks[0])
    found = ada.ask(f"USERHOST {nicks[0]}")[-1]
    assert nicks[0] in found
