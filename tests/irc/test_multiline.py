"""Messages of several lines: said in a batch, told in one to who takes that, and in lines to all others."""

import pytest

NAME = "My.Little.Server"
CAPS = (
    "batch",
    "draft/multiline",
    "message-tags",
    "server-time",
    "labeled-response",
    "echo-message",
    "draft/chathistory",
)
BEA = ":bea!~u@on.chatd"


def bare(line):
    return line.split(" ", 1)[1] if line.startswith("@") else line


@pytest.fixture
def tea(place):
    ada, bea, eve = place.enter("ada"), place.enter("bea", *CAPS), place.enter("eve", *CAPS)
    for client in (ada, bea, eve):
        client.ask("JOIN #tea")
    for client in (ada, bea, eve):
        client.hear()
    return ada, bea, eve


def say(client, *lines, label="x"):
    begin, end = f"@label={label} BATCH +1 draft/multiline #tea", "BATCH -1"
    return client.ask(begin, *[f"@batch=1{line}" for line in lines], end)


def test_one_text_for_all(tea, place):
    ada, bea, eve = tea
    heard = say(
        bea,
        " PRIVMSG #tea :one",
        " PRIVMSG #tea :",
        " PRIVMSG #tea :two ",
        ";draft/multiline-concat PRIVMSG #tea :three",
    )
    assert heard[0].startswith("@label=x;")
    told = eve.hear()
    name = bare(told[0]).split()[2][1:]
    assert bare(told[0]) == f"{BEA} BATCH +{name} draft/multiline #tea"
    assert "msgid=#tea:4" in told[0] and "time=" in told[0]
    assert told[1:] == [
        f"@batch={name} {BEA} PRIVMSG #tea :one",
        f"@batch={name} {BEA} PRIVMSG #tea :",
        f"@batch={name} {BEA} PRIVMSG #tea :two ",
        f"@batch={name};draft/multiline-concat {BEA} PRIVMSG #tea :three",
        f"{BEA} BATCH -{name}",
    ]
    assert [bare(line) for line in heard] == [bare(line) for line in told]
    assert ada.hear() == [
        f"{BEA} PRIVMSG #tea :one",
        f"{BEA} PRIVMSG #tea :two ",
        f"{BEA} PRIVMSG #tea :three",
    ]
    history = eve.ask("CHATHISTORY LATEST #tea * 5")
    assert [bare(line) for line in history[1:-1]] == [bare(line) for line in told]


def test_long_lines_go_on(tea, place):
    _, bea, eve = tea
    text = "x" * 1000 + "\n" + "ä" * 300
    place.request(bea, "send", n=1, room="#tea", text=text)
    told = eve.hear()[1:-1]
    again = ""
    for line in told:
        assert len(bare(line).encode()) <= 510
        again += ("" if "concat" in line.split()[0] else "\n") + line.split(" :", 2)[-1]
    assert again[1:] == text


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "MULTILINE_INVALID"),
        ([" PRIVMSG #tea :"], "MULTILINE_INVALID"),
        ([" PRIVMSG #tea :a", ";draft/multiline-concat PRIVMSG #tea :"], "MULTILINE_INVALID"),
        ([" PRIVMSG #no :a"], "MULTILINE_INVALID_TARGET"),
        ([" PRIVMSG #tea :a"] * 33, "MULTILINE_MAX_LINES"),
        ([" PRIVMSG #tea :" + "x" * 450] * 10, "MULTILINE_MAX_BYTES"),
    ],
)
def test_what_is_no_message(tea, lines, code):
    _, bea, eve = tea
    heard = say(bea, *lines)
    assert heard[0].split()[:5] == ["@label=x", f":{NAME}", "FAIL", "BATCH", code]
    assert eve.hear() == []
    assert bare(say(bea, " PRIVMSG #tea :fine")[0]).endswith("PRIVMSG #tea :fine")


def test_only_who_asks_for_it_may(tea):
    ada, *_ = tea
    assert ada.ask("BATCH +1 draft/multiline #tea")[0].split()[3] == "UNKNOWN_TYPE"
    assert ada.ask("BATCH -1")[0].split()[3] == "MULTILINE_INVALID"
