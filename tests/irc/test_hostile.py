"""Hostile lines: whatever comes costs its sender alone, and the daemon nothing that grows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.server.irc.commands import COMMANDS
from chatd.server.irc.names import fold, matches
from chatd.wire import messages as m
from chatd.wire.stored import pack
from tests.irc.conftest import Place

NAME = "My.Little.Server"


def test_a_line_without_end(place):
    client = place.enter("ada")
    client.send(b"x" * 20_000)
    assert client.hear()[-1].startswith("ERROR :A line is longer")
    assert client.ended


@pytest.mark.parametrize("verb", ["GET / HTTP/1.1", "POST / HTTP/1.1", "OPTIONS * HTTP/1.1"])
def test_a_browser(place, verb):
    client = place.connect()
    client.send(verb, "Host: localhost", "", "NICK ada", "USER u 0 * :x")
    assert client.hear()[0].startswith("ERROR :")
    assert client.ended


def test_lines_that_are_none(place):
    client = place.enter("ada", "labeled-response")
    assert client.ask(
        b"PRIVMSG ada :\xff", b"PRIVMSG ada :a\0b", b"\x01", b"", b" ", b"@x", b"@x ", b":x"
    ) == [
        f":{NAME} FAIL PRIVMSG INVALID_UTF8 :Lines are UTF-8 here; set your client to that.",
        f":{NAME} 421 ada * :Unknown command",
        f":{NAME} 421 ada * :Unknown command",
        f":{NAME} 421 ada * :Unknown command",
    ]
    assert client.ask(b"@label=x PRIVMSG ada :\xff")[0].startswith(f"@label=x :{NAME} FAIL")


def test_too_long_lines(place):
    client = place.enter("ada", "message-tags")
    client.ask("JOIN #tea")
    long = ["PRIVMSG #tea :" + "x" * 600, "@" + "t" * 4096 + " PRIVMSG #tea :x", b"y" * 9000]
    assert [line.split()[1] for line in client.ask(*long)] == ["417"] * 3
    assert client.ask("@" + "t" * 4094 + " PRIVMSG #tea :x") == []


def test_floods_before_registration(place):
    client = place.connect()
    client.send(
        *["CAP LS 302"] * 300, *["AUTHENTICATE x"] * 300, *[f"NICK n{number}" for number in range(300)]
    )
    heard = client.hear(5)
    assert len(heard) <= 1000
    assert len(place.world.users) == 0
    client.transport.abortConnection()
    place.advance(0.1)
    network = place.playground.server.kinds["irc"]
    assert not (network.opening or network.unregistered)


def test_a_connection_that_never_registers_ends(place):
    client = place.connect()
    client.send("CAP LS 302")
    heard = client.hear(30)
    assert heard[-1].startswith("ERROR :") and client.ended


def test_a_silent_client_is_asked_and_ends(place):
    client = place.enter("ada")
    heard = client.hear(100)
    assert f"PING {NAME}" in heard
    client.hear(200)
    assert client.ended


def test_masks_cost_what_they_are_long():
    assert not matches("*a" * 200 + "b", "a" * 32)
    assert matches("*a" * 16, "a" * 32)


MASKS = st.text("ab?*.[A", max_size=8)


@given(mask=MASKS, name=st.text("abB.[\n", max_size=8))
def test_a_mask_means_what_its_signs_say(mask, name):
    def meant(signs, rest):
        if not signs:
            return not rest
        if signs[0] == "*":
            return any(meant(signs[1:], rest[at:]) for at in range(len(rest) + 1))
        return bool(rest) and signs[0] in {"?", rest[0]} and meant(signs[1:], rest[1:])

    assert matches(mask, name) == meant(mask.lower(), name.lower())


WORD_LIST = """#tea #no ada bea * +o -b +b b +imt LS REQ END 302 10 : 0 %n,1 LATEST AROUND TARGETS
    msgid=#tea:1 + L S C a,b é timestamp=2020-01-01T00:00:00.000Z GET SET LIST CLEAR SUB UNSUB SUBS SYNC *ALL
    url PLAIN EXTERNAL SCRAM-SHA-256 AGFkYQBwYXNzd29yZDE= biwsbj1hZGEscj1hYmM= Yz1iaXdzLHI9YWJjLHA9QUFBQQ=="""
WORDS = st.sampled_from([*WORD_LIST.split(), "\x01PING 1\x01", "", "x" * 300])
LINES = st.tuples(
    st.sampled_from(["", "@label=x ", "@+draft/reply=#tea:1;+draft/react=👍 ", "@+typing=active "]),
    st.sampled_from(sorted(set(COMMANDS) - {"QUIT"})),
    st.lists(WORDS, max_size=5),
).map(lambda parts: parts[0] + parts[1] + " " + " ".join(parts[2]))


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=8))
def test_any_commands_are_answered(lines):
    place = Place()  # another one each time: guesses at passwords are put off longer and longer
    ada, bea = place.connect(), place.connect()
    caps = "labeled-response batch message-tags echo-message draft/chathistory draft/metadata-3 sasl"
    ada.send(f"CAP REQ :{caps}", "NICK :", *lines)
    ada.hear()
    for client, nick in ((ada, "ada"), (bea, "bea")):
        client.send(f"NICK {nick}", "USER u 0 * :x", "CAP END")
        client.hear(0.5)
    ada.send("JOIN #tea", *lines, "PING end")
    heard = ada.hear(3)
    assert any("PONG" in line and line.endswith(" end") for line in heard) or ada.ended, (lines, heard)
    for client in (ada, bea):
        client.send("QUIT")
        client.hear()
        client.transport.abortConnection()
    place.advance(0.2)


def test_an_event_that_cannot_be_told_costs_itself_alone(place, flush_failures):
    ada = place.enter("ada")
    ada.ask("JOIN #tea")
    renderer = place.playground.server.kinds["irc"].renderer(set())
    good = pack([m.Event(room="#tea", seq=9, ts=1, kind="message", by="bea", text="hey")])
    assert renderer.render([b"no event at all", *good]) == b":bea!~u@on.chatd PRIVMSG #tea :hey\r\n"
    assert flush_failures(ValueError)
    assert renderer.lines_of(m.Event(room="#tea", seq=9, ts=1, kind="message", by="bea", text=None)) == []
    assert flush_failures(AttributeError)


def test_a_notice_that_cannot_be_told_costs_itself_alone(place, flush_failures):
    place.enter("ada")
    renderer = place.playground.server.kinds["irc"].renderer({"message-tags"})
    broken = m.Typing(room="#tea", nicks=None)
    assert renderer.encode(broken) == b""
    assert flush_failures()


@pytest.mark.parametrize(
    "line",
    ["PRIVMSG", "NOTICE", "PRIVMSG ada", "NOTICE a,b :x", "PRIVMSG ada :" + "x" * 490, "PRIVMSG NickServ :x"],
)
def test_what_says_nothing_to_anybody_costs_as_much_as_a_message(place, line):
    client = place.enter("ada")
    (connection,) = place.playground.server.connections
    allowance = connection.input.gate.allowance
    client.send(line)
    before = allowance.left
    client.hear(0.001)
    assert allowance.left <= before - 0.5


def test_a_name_costs_by_how_many_are_looked_at_for_it(place):
    ada = place.enter("ada", "setname")
    others = [place.enter(f"n{number}") for number in range(3)]
    for client in (ada, *others):
        client.ask("JOIN #tea", "JOIN #tee")
    network = place.playground.server.kinds["irc"]
    user = place.world.nicks["ada"]
    assert network.tell_peers(user, "setname", b"") == 4  # there are no more, in however many rooms they meet
    ada.ask("PART #tee")
    for number in range(3, 9):
        place.enter(f"n{number}")
    assert network.tell_peers(user, "setname", b"") == 4  # in the room, where ten are here


def test_names_are_folded_as_ascii():
    assert fold("ÉA{b}Z") == "Éa{b}z"


def test_a_service_is_told_nothing(place):
    ada = place.enter("ada")
    assert "REGISTER <password>" in ada.ask("PRIVMSG NickServ : ")[0]
    assert not ada.ended


def test_a_name_that_begins_with_a_colon(place):
    ada = place.enter("ada")
    assert ada.ask("WHOIS ::no")[0] == f":{NAME} 401 ada no :No such nick"


def test_of_what_every_room_tells_little_is_remembered(place):
    ada, bea = place.enter("ada"), place.enter("bea")
    for client in (ada, bea):
        client.ask("JOIN #tea", "JOIN #tee")
    ada.hear()
    for number in range(80):
        bea.ask(f"NICK b{number}")
    assert sum(" NICK " in line for line in ada.hear()) == 80
    clients = place.playground.server.kinds["irc"].clients_of(place.world.nicks["ada"])
    assert [len(client.once) for client in clients] == [64]
