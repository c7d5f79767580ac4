"""The announcement of the day: everybody who comes in hears it, and people read it once."""

import pytest
from msgspec.structs import replace

from chatd.client.cli.text import announcement_lines
from chatd.client.core.notices import AnnouncementSeen
from chatd.ops.config import ConfigError, load
from chatd.ops.settings import Config
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.client.entering import make_client
from tests.helpers import TALKERS, come_in, restart

TEXT = "The server moves on Sunday.\nNothing is lost."


@pytest.fixture
def playground():
    playground = Playground(Config(announcement=TEXT))
    playground.start_server()
    return playground


def announce(playground, text):
    """Reload with another announcement."""
    playground.config = replace(playground.config, announcement=text)
    playground._daemon.use(playground.config, None)


@pytest.mark.parametrize("speaks", list(TALKERS))
def test_it_comes_behind_every_welcome(playground, speaks):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), speaks=speaks, wait=0.1)
    (said,) = ann.of(m.Announcement)
    assert (said.text, said.ts, said.daily) == (TEXT, playground.wall() - 100, True)
    assert [type(message) for message in ann.heard[:2]] == [m.Welcome, m.Announcement]
    again = come_in(playground, token=ann.of(m.Welcome)[0].token, speaks=speaks, wait=0.1)
    assert [said.text for said in again.of(m.Announcement)] == [TEXT]


def test_a_reload_exchanges_it_for_those_who_come(playground):
    ann = come_in(playground, "ann", wait=0.1)
    announce(playground, "Tea at four.")
    assert [said.text for said in come_in(playground, "ben", wait=0.1).of(m.Announcement)] == ["Tea at four."]
    announce(playground, " \n")
    assert not come_in(playground, "cem", wait=0.1).of(m.Announcement)
    assert len(ann.of(m.Announcement)) == 1


def test_a_client_tells_of_it_once_until_it_says_something_else(playground):
    client = make_client(playground, "ann")
    client.start()

    def said():
        return [notice.text for notice in client.heard if isinstance(notice, AnnouncementSeen)]

    playground.advance(1)
    for _ in range(3):
        restart(playground)
        playground.advance(5)
    assert said() == [TEXT]
    announce(playground, "Tea at four.")
    restart(playground)
    playground.advance(5)
    assert said() == [TEXT, "Tea at four."]


def test_people_see_that_the_server_says_it():
    text = announcement_lines(AnnouncementSeen(TEXT, 0))
    assert "*** the server says: The server moves on Sunday.\n" in text


@pytest.mark.parametrize(("text", "wrong"), [("\\u001b[31m", True), ("x" * 1001, True), ("a\\nb", False)])
def test_only_a_short_text_without_control_characters_is_taken(tmp_path, text, wrong):
    file = tmp_path / "chatd.toml"
    file.write_text(f'announcement = "{text}"\n')
    if not wrong:
        assert load(str(file)).announcement == "a\nb"
        return
    with pytest.raises(ConfigError) as caught:
        load(str(file))
    (sentence,) = caught.value.sentences
    assert "announcement: " in sentence
    assert "of at most 1,000 characters without control characters" in sentence
