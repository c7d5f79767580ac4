"""Talking: messages, echoes, labels, tags, and who hears them; answered once they are durable."""

import pytest

from chatd.wire import messages as m
from tests.helpers import come_in

NAME = "My.Little.Server"

ADA, BEA = ":ada!~u@on.chatd", ":bea!~u@on.chatd"
TAGS = ("message-tags", "server-time", "account-tag", "batch", "labeled-response", "echo-message")


def bare(line):
    return line.split(" ", 1)[1] if line.startswith("@") else line


def tags(line):
    return (
        dict(tag.partition("=")[::2] for tag in line[1:].split(" ")[0].split(";")) if line[0] == "@" else {}
    )


@pytest.fixture
def tea(place):
    """Return Ada, with no capabilities, and Bea, with many, in #tea."""
    ada, bea = place.enter("ada"), place.enter("bea", *TAGS)
    ada.ask("JOIN #tea")
    bea.ask("JOIN #tea")
    ada.hear()
    return ada, bea


def test_a_message_is_the_same_for_all(tea):
    ada, bea = tea
    assert ada.ask("PRIVMSG #tea :hey there") == []
    (line,) = bea.hear()
    assert bare(line) == f"{ADA} PRIVMSG #tea :hey there"
    assert tags(line)["msgid"] == "#tea:3" and tags(line)["time"].endswith("Z")
    (echo,) = bea.ask("@label=x PRIVMSG #tea :hey you")
    assert bare(echo) == f"{BEA} PRIVMSG #tea :hey you"
    assert tags(echo)["label"] == "x" and tags(echo)["msgid"] == "#tea:4"
    assert ada.hear() == [f"{BEA} PRIVMSG #tea :hey you"]


def test_messages_to_somebody(tea, place):
    ada, bea = tea
    (echo,) = bea.ask("@label=x PRIVMSG ada :psst")
    assert bare(echo) == f"{BEA} PRIVMSG ada :psst" and tags(echo)["label"] == "x"
    assert ada.hear() == [f"{BEA} PRIVMSG ada :psst"]
    ada.ask("NOTICE bea :psst yourself")
    assert [bare(line) for line in bea.hear()] == [f"{ADA} NOTICE bea :psst yourself"]
    heard = bea.ask("@label=y PRIVMSG bea :me")
    assert [tags(line).get("label") for line in heard] == ["y", None]


def test_nothing_is_echoed_before_it_is_durable(tea, place):
    ada, bea = tea
    place.playground.store.held = True
    bea.send("PRIVMSG #tea :hey", "PING x")
    assert bea.hear(1) == ada.hear(0) == []
    place.playground.store.held = False
    place.playground.store.release()
    place.advance(1)
    assert [bare(line).split()[1] for line in bea.hear()] == ["PRIVMSG", "PONG"]


def test_a_message_that_could_not_be_kept_is_refused(tea, place):
    ada, bea = tea
    place.playground.store.failing = OSError("full")
    (line,) = bea.ask("@label=x PRIVMSG #tea :hey")
    assert bare(line).split()[1] == "404" and tags(line)["label"] == "x"
    assert ada.hear() == []


def test_refusals(tea):
    ada, _ = tea
    asked = [
        "PRIVMSG #no :x",
        "PRIVMSG no :x",
        "PRIVMSG #tea :",
        "PRIVMSG #tea",
        "PRIVMSG",
        "PRIVMSG a,b,c,d,e :x",
    ]
    assert [line.split()[1] for line in ada.ask(*asked)] == ["403", "401", "412", "412", "411", "407"]
    assert ada.ask("NOTICE #no :x", "NOTICE no :x", "NOTICE #tea :", "NOTICE") == []
    ada.ask("PART #tea")
    assert ada.ask("PRIVMSG #tea :x")[0].split()[1] == "404"


def test_actions_and_questions_of_programs(tea):
    ada, bea = tea
    ada.ask("PRIVMSG #tea :\x01ACTION waves\x01")
    assert [bare(line) for line in bea.hear()] == [f"{ADA} PRIVMSG #tea :\x01ACTION waves\x01"]
    ada.ask("PRIVMSG bea :\x01VERSION\x01")
    assert bea.hear() == [f"{ADA} PRIVMSG bea :\x01VERSION\x01"]
    bea.ask("NOTICE ada :\x01VERSION mine\x01")
    assert ada.hear() == [f"{BEA} NOTICE ada :\x01VERSION mine\x01"]
    assert ada.ask("PRIVMSG #tea :\x01VERSION\x01")[0].split()[1] == "404"


def test_a_notice_of_a_native_client_is_one(tea, place):
    ada, _ = tea
    eve = come_in(place.playground, "eve", m.Join(id=1, room="#tea"))
    place.advance(0.3)
    eve.say(*[m.Send(id=n, n=n, room="#tea", text="hey", notice=n == 2) for n in (1, 2, 3)])
    said = [line.split()[1] for line in ada.hear() if line.startswith(":eve")]
    assert said == ["JOIN", "PRIVMSG", "NOTICE", "PRIVMSG"]


def test_formats_are_left_out(tea):
    ada, bea = tea
    ada.ask("PRIVMSG #tea :\x02bold\x02 \x0304,05red\x03 \x1ditalic\x0f")
    assert bare(bea.hear()[0]) == f"{ADA} PRIVMSG #tea :bold red italic"


def test_long_texts_of_others_come_in_pieces(tea, place):
    ada, bea = tea
    place.request(ada, "send", n=1, room="#tea", text="word " * 300 + "\n\nsecond line")
    heard = bea.hear()
    assert len(heard) == 5
    assert all(len(bare(line).encode()) <= 510 for line in heard)
    assert [("msgid" in tags(line)) for line in heard] == [True, False, False, False, False]
    assert heard[-1].endswith(":second line")


def test_a_line_that_would_not_fit_is_refused(tea):
    ada, bea = tea
    assert ada.ask("PRIVMSG #tea :" + "x" * 480)[0].split()[1] == "417"
    fits = 510 - len(f"{ADA} PRIVMSG #tea :")
    ada.ask("PRIVMSG #tea :" + "x" * fits)
    assert len(bare(bea.hear()[0])) == 510


def test_labels(tea):
    ada, bea = tea
    assert bea.ask("@label=a PING x") == [f"@label=a :{NAME} PONG {NAME} x"]
    assert bea.ask("@label=b FOO") == [f"@label=b :{NAME} 421 bea FOO :Unknown command"]
    assert bea.ask("@label=c PONG x") == [f"@label=c :{NAME} ACK"]
    assert bare(bea.ask("@label=d TOPIC #tea :green")[0]) == f"{BEA} TOPIC #tea :green"
    assert bea.ask("@label=e NICK bibi") == [f"@label=e {BEA} NICK bibi"]
    batch = bea.ask("@label=f WHOIS ada")
    assert tags(batch[0]) == {"label": "f"} and batch[0].endswith("labeled-response")
    name = batch[0].split()[3][1:]
    assert all(tags(line) == {"batch": name} for line in batch[1:-1])
    assert batch[-1] == f":{NAME} BATCH -{name}"
    assert tags(bea.ask("@label=g MODE #tea +m")[0]) == {"label": "g"}
    assert "label" in tags(bea.ask("@label=h PART #tea")[0])
    assert not [line for line in ada.hear() if "label" in line]


def test_a_label_without_an_echo_is_acknowledged(place):
    ada = place.enter("ada", "labeled-response", "batch")
    ada.ask("JOIN #tea")
    assert ada.ask("@label=x PRIVMSG #tea :hey") == [f"@label=x :{NAME} ACK"]


def test_reactions_and_replies(tea, place):
    ada, bea = tea
    ada.ask("PRIVMSG #tea :hey")
    bea.hear()
    heard = bea.ask(
        "@+draft/reply=#tea:3;+foo=1 PRIVMSG #tea :ho", "@+draft/reply=#tea:3;+draft/react=👍 TAGMSG #tea"
    )
    assert [bare(line) for line in heard] == [f"{BEA} PRIVMSG #tea :ho", f"{BEA} TAGMSG #tea"]
    assert tags(heard[0])["+draft/reply"] == "#tea:3" and tags(heard[0])["+foo"] == "1"
    assert tags(heard[1])["+draft/react"] == "👍"
    assert ada.hear() == [f"{BEA} PRIVMSG #tea :ho"]
    assert bea.ask("TAGMSG #no", "TAGMSG no")[0].split()[1] == "403"
    (labelled,) = bea.ask("@label=x;+draft/reply=#tea:3;+draft/react=🎉 TAGMSG #tea")
    assert tags(labelled)["label"] == "x"


def test_tags_that_chat_does_not_know_are_handed_on(tea, place):
    ada, bea = tea
    eve = place.enter("eve", "message-tags")
    eve.ask("JOIN #tea")
    ada.hear(), bea.hear()
    (echo,) = bea.ask("@label=x;+draft/reply=123;+draft/react=l😃;+a=b;c=d TAGMSG #tea")
    (line,) = eve.hear()
    assert bare(echo) == bare(line) == f"{BEA} TAGMSG #tea"
    assert tags(echo)["label"] == "x" and "label" not in tags(line) and "c" not in tags(line)
    assert tags(line)["+draft/react"] == "l😃" and tags(line)["+a"] == "b"
    assert tags(line)["msgid"] == tags(echo)["msgid"]
    bea.ask("@label=y;+a=b;c=d PRIVMSG #tea :hey")
    (line,) = eve.hear()
    assert tags(line)["+a"] == "b" and "c" not in tags(line)
    assert ada.hear() == [f"{BEA} PRIVMSG #tea :hey"]
    bea.ask("@+a=b TAGMSG eve")
    assert bare(eve.hear()[0]) == f"{BEA} TAGMSG eve"
    eve.ask("PART #tea")
    assert eve.ask("@+a=b TAGMSG #tea")[0].split()[1] == "404"
    assert ada.ask("TAGMSG #tea")[-1].split()[1] == "421"


def test_typing(tea, place):
    ada, bea = tea
    eve = place.enter("eve", "message-tags")
    eve.ask("JOIN #tea")
    ada.hear(), bea.hear()
    eve.ask("@+typing=active TAGMSG #tea")
    assert bea.hear(4) == ["@+typing=active :eve!~u@on.chatd TAGMSG #tea"]
    assert ada.hear() == eve.hear() == []


def test_edits_and_files_are_shown(tea, place):
    ada, bea = tea
    ada.ask("PRIVMSG #tea :hey")
    bea.hear()
    place.request(ada, "edit", n=2, room="#tea", seq=3, text="hello")
    (line,) = bea.hear()
    assert bare(line) == f"{ADA} PRIVMSG #tea :[edited] hello"
    assert tags(line)["+draft/reply"] == "#tea:3"


def test_away(tea):
    ada, bea = tea
    assert ada.ask("AWAY :at lunch") == [f":{NAME} 306 ada :You have been marked as being away"]
    assert bare(bea.ask("PRIVMSG ada :hey")[0]).split()[1] in {"301", "PRIVMSG"}
    ada.hear()
    assert " 301 bea ada :at lunch" in "".join(bea.ask("WHOIS ada"))
    assert bea.ask("USERHOST ada bea") == [f":{NAME} 302 bea :ada=-~u@on.chatd bea=+~u@on.chatd"]
    assert ada.ask("AWAY") == [f":{NAME} 305 ada :You are no longer marked as being away"]


def test_away_notify(place):
    ada, bea = place.enter("ada"), place.enter("bea", "away-notify")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    bea.hear()
    ada.ask("AWAY :at lunch")
    assert bea.ask() == [f"{ADA} AWAY :at lunch"]
    ada.ask("PART #tea", "JOIN #tea")
    assert [line.split()[1] for line in bea.ask()] == ["PART", "JOIN", "AWAY"]
    ada.ask("AWAY")
    assert bea.ask() == [f"{ADA} AWAY"]


def test_setname_and_accounts(place):
    ada, bea = place.enter("ada", "setname"), place.enter("bea", "setname", "account-notify", "account-tag")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    ada.hear()
    assert ada.ask("SETNAME :Ada L.") == [f"{ADA} SETNAME :Ada L."]
    assert bea.hear() == [f"{ADA} SETNAME :Ada L."]
    assert bea.ask("WHOIS ada")[0].endswith(":Ada L.")
    ada.send("PRIVMSG NickServ :REGISTER a-password")
    assert "Account created" in ada.hear(1)[0]
    assert bea.hear() == [f"{ADA} ACCOUNT ada"]
    ada.ask("PRIVMSG #tea :hey")
    assert bea.hear() == [f"@account=ada {ADA} PRIVMSG #tea :hey"]


def test_a_long_announcement_is_told_in_several_lines(place):
    text = " ".join(f"word{number}" for number in range(120))
    ada = place.enter("ada")
    ada.ask("JOIN #tea")
    network = place.playground.server.kinds["irc"]
    (client,) = network.clients_of(place.world.nicks["ada"])
    client.dialect.encode(m.Announcement(text=text, ts=1))
    told = [line.split(" :", 1)[1] for line in ada.hear()]
    assert len(told) > 1
    assert " ".join(told) == text
    event = m.Event(room="#tea", seq=9, ts=1, kind="announce", by="ada", text=text)
    lines = [line.decode().rstrip().split(" :", 1)[1] for line in network.renderer(set()).lines_of(event)]
    assert " ".join(lines) == text


def test_who_comes_is_not_away_any_more(place):
    place.register("ada")
    bea = place.enter("bea", "away-notify")
    ada = place.enter("ada", "sasl", password="a-password")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    ada.transport.abortConnection()
    for _ in range(4):
        bea.hear(10)
    bea.transport.abortConnection()
    eve = place.enter("eve", "away-notify", "server-time")
    eve.ask("JOIN #tea")
    place.enter("ada", password="a-password")
    assert any(line.endswith(f"{ADA} AWAY") for line in eve.hear(2))


def test_tags_that_are_to_be_kept_are_in_the_history(place):
    caps = ("message-tags", "draft/chathistory", "draft/event-playback", "batch", "labeled-response")
    ada, bea = place.enter("ada", *caps, "echo-message"), place.enter("bea", *caps)
    cem = place.enter("cem")
    for client in (ada, bea, cem):
        client.ask("JOIN #tea")
    for client in (ada, bea, cem):
        client.hear()
    kept = r"+draft/persist;+x=a\sb\:"
    (echo,) = ada.ask(f"@label=1;{kept};dropped=1 TAGMSG #tea")
    assert echo.startswith("@label=1;msgid=#tea:") and echo.endswith(f"{kept} :ada!~u@on.chatd TAGMSG #tea")
    (heard,) = bea.hear()
    assert heard == echo.replace("label=1;", "") and cem.hear() == []
    assert bea.ask("@+draft/persist;+y=1 TAGMSG #tea") == []
    assert ada.hear()[0].endswith("+draft/persist;+y=1 :bea!~u@on.chatd TAGMSG #tea")
    ada.ask("@+x=1 TAGMSG #tea")
    place.playground.crash_server()
    place.playground.start_server()
    dan = place.enter("dan", *caps)
    dan.ask("JOIN #tea")
    told = [line for line in dan.ask("CHATHISTORY LATEST #tea * 50") if " TAGMSG " in line]
    assert [line.split(";", 2)[2] for line in told] == [
        f"{kept} :ada!~u@on.chatd TAGMSG #tea",
        "+draft/persist;+y=1 :bea!~u@on.chatd TAGMSG #tea",
    ]
    plain = place.enter("eve", *(set(caps) - {"draft/event-playback"}))
    plain.ask("JOIN #tea")
    assert not any(" TAGMSG " in line for line in plain.ask("CHATHISTORY LATEST #tea * 50"))


def test_tags_that_may_not_be_said_are_not_kept(place):
    ada, bea = place.enter("ada", "message-tags"), place.enter("bea", "message-tags")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    ada.ask("MODE #tea +m")
    ada.hear()
    bea.hear()
    assert bea.ask("@+draft/persist TAGMSG #tea")[0].split()[1] == "404"
    assert bea.ask("@+draft/persist;+x=\x02 TAGMSG #tea")[0].split()[1] == "404"
    assert ada.hear() == []
