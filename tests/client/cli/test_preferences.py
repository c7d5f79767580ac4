"""The settings file of a person: what it says holds unless they say something else."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.cli.commands import chatc
from chatd.client.cli.preferences import parse, preferences
from chatd.client.core.problems import ClientError

GUIDE = Path(__file__).parents[3] / "docs" / "USERGUIDE.md"


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("CHATD_SERVER", "CHATD_BELL", "CHATD_RECENT", "CHATD_NO_TYPING"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "chatd").mkdir()

    def write(text):
        (tmp_path / "chatd" / "chatc.toml").write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def settled(*arguments):
    """Return the parameters of the command, as click takes them from everywhere."""
    context = chatc.make_context("chatc", [*arguments, "rooms"], default_map=preferences())
    return {name: context.params[name] for name in ("server", "nick", "recent", "bell", "unheard", "strip")}


USUAL = {"server": "127.0.0.1:7411", "nick": "", "recent": 10, "bell": "mentions", "unheard": False}
USUAL |= {"strip": False}
ALL = 'server = "lan"\nnick = "ann"\nrecent = 0\nbell = "off"\ntyping = false\nplain = true\n'
CHOSEN = {"server": "lan", "nick": "ann", "recent": 0, "bell": "off", "unheard": True, "strip": True}


def test_without_a_file_all_is_as_usual(write):
    assert settled() == USUAL
    write("")
    assert settled() == USUAL


def test_what_stands_there_holds_and_options_and_the_environment_beat_it(write, monkeypatch):
    write(ALL)
    assert settled() == CHOSEN
    assert settled("--bell", "all", "--nick", "eva") == {**CHOSEN, "bell": "all", "nick": "eva"}
    monkeypatch.setenv("CHATD_RECENT", "5")
    monkeypatch.setenv("CHATD_SERVER", "chat.example.org")
    assert settled() == {**CHOSEN, "recent": 5, "server": "chat.example.org"}
    assert settled("--recent", "6")["recent"] == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('bel = "all"', "'bel' is no setting; did you mean bell?"),
        ("xyzzy = 1", "'xyzzy' is no setting; there are server, nick, recent, bell, typing, plain."),
        ('bell = "loud"', 'bell takes "off", "mentions", "all", not \'loud\'.'),
        ("bell = []", 'bell takes "off", "mentions", "all", not \'[]\'.'),
        ("recent = true", "recent takes a number from 0 to 200, not 'True'."),
        ("recent = -1", "recent takes a number from 0 to 200, not '-1'."),
        ('typing = "no"', "typing takes true or false, not 'no'."),
        ('nick = "a\\u001b"', "nick takes a name in quotes, not 'a\\x1b'."),
        ("[server]", "server takes an address in quotes, not '{}'."),
        ("nick", None),
        ("x = " + "[" * 2000, None),
        (b"\xff", "it is not UTF-8."),
    ],
)
def test_a_mistake_is_a_sentence_that_names_the_file(write, tmp_path, text, words):
    write(text)
    with pytest.raises(ClientError) as caught:
        preferences()
    assert caught.value.code == "bad-settings"
    assert f"The settings in {tmp_path}/chatd/chatc.toml " in caught.value.text
    assert words is None or caught.value.text.endswith(words)
    assert caught.value.text.endswith((".", "?"))


@pytest.mark.parametrize("words", [["--help"], ["send", "-h"], ["--nick", "ann", "--version"]])
def test_help_is_given_whatever_stands_there(write, words):
    write("xyzzy = 1")
    assert preferences(words) == {}
    with pytest.raises(ClientError):
        preferences(["send", "#a", "--", *words])
    write(ALL)
    assert preferences(words)["nick"] == "ann"


@given(st.text(max_size=40))
def test_whatever_stands_there_it_is_settings_or_a_sentence(text):
    try:
        parse(text)
    except ClientError as error:
        assert error.code == "bad-settings"


def test_the_guide_tells_all_of_them():
    section = GUIDE.read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(parse(ALL)) - {
        "unheard",
        "strip",
    } | {"typing", "plain"}
    assert parse(re.findall(r"```toml\n(.*?)```", section, re.DOTALL)[0])["bell"] == "all"
