"""Mentions: the server tells whom a text names, among those who are there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat import mentions
from chatd.chat.mentions import EVERYBODY, mentions_in
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.limits import MAX_MENTIONS
from chatd.wire.names import fold
from tests.helpers import come_in, restart, sends

NICKS = ["ann", "ben", "Zoë", "dr.no", "jo-ann", "文"]


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    for nick in NICKS:
        come_in(playground, nick, m.Join(id=1, room="#tea"))
        playground.advance()
    come_in(playground, "outsider")
    playground.advance()
    return playground


def parts(playground, nick="ann"):
    world = playground.server.hub.world
    return world, world.rooms["#tea"], world.nicks[nick]


@pytest.mark.parametrize(
    ("text", "nicks"),
    [
        ("@ben hello", ["ben"]),
        ("hello @Ben, and @zoë!", ["ben", "Zoë"]),
        ("(@ben)", ["ben"]),
        ("@ben's tea", ["ben"]),
        ("@dr.no.", ["dr.no"]),
        ("@jo-ann", ["jo-ann"]),
        ("@ben-ann", ["ben"]),
        ("@文さん", []),
        ("@文、", ["文"]),
        ("@ben @ben", ["ben"]),
        ("@ann talks of herself", ["ann"]),
        ("mail@ben.example #@ben @@ben", []),
        ("@outsider @nobody @ @! @", []),
        ("ben", []),
    ],
)
def test_who_is_named_is_mentioned(playground, text, nicks):
    assert list(mentions_in(*parts(playground), text)) == nicks


def test_the_room_is_mentioned_by_who_may(playground):
    assert mentions_in(*parts(playground, "ann"), "@room tea!") == (EVERYBODY,)
    assert mentions_in(*parts(playground, "ben"), "@room tea!") == ()
    ann = come_in(playground, "ann2", m.Join(id=1, room="#own"))
    playground.advance()
    ann.say(m.Set(id=2, room="#own", rule="mention-room", value="member"))
    playground.advance()
    ben = come_in(playground, "ben2", m.Join(id=1, room="#own"), *sends("#own", "@Room, tea!"))
    playground.advance()
    assert [one.mentions for one in ann.of(m.Event) if one.kind == "message"] == [(EVERYBODY,)]
    restart(playground)
    assert playground.server.hub.world.rooms["#own"].rules.calling == 3
    assert ben.of(m.Error) == []


def test_so_many_and_no_more(playground):
    for number in range(MAX_MENTIONS + 5):
        come_in(playground, f"u{number}", m.Join(id=1, room="#tea"))
    playground.advance()
    text = " ".join(f"@u{number}" for number in range(MAX_MENTIONS + 5))
    assert len(mentions_in(*parts(playground), text)) == MAX_MENTIONS


def test_an_event_tells_it_and_a_direct_message_need_not(playground):
    eve = come_in(playground, "eve", m.Join(id=1, room="#tea"), *sends("#tea", "@ben", "ben"))
    eve.say(m.Send(id=5, n=3, room="@ben", text="@eve"))
    playground.advance()
    eve.say(m.Edit(id=6, n=4, room="#tea", seq=len(NICKS) + 2, text="@ann"))
    playground.advance()
    told = [(one.kind, one.mentions) for one in eve.of(m.Event) if one.kind in {"message", "edit"}]
    assert told == [("message", ("ben",)), ("message", ()), ("message", ()), ("edit", ("ann",))]


@given(st.text(alphabet="@abn. 'room文é\u200d\n#", max_size=60))
def test_no_text_is_too_odd(text):
    playground = test_no_text_is_too_odd.playground
    assert set(mentions_in(*parts(playground), text)) <= {*NICKS, EVERYBODY}


@pytest.fixture(autouse=True)
def _shared(playground):
    test_no_text_is_too_odd.playground = playground


@pytest.mark.parametrize("piece", ["@" + "\ufdfa'" * 31 + "a ", "@" + "a'" * 31 + "a ", "@a ", "@ben' "])
def test_no_text_makes_much_work(playground, piece, monkeypatch):
    """What is compared with nicks is bounded, however many names a text seems to hold."""
    folded = []
    monkeypatch.setattr(mentions, "fold", lambda word: folded.append(word) or fold(word))
    mentions_in(*parts(playground), piece * (16_384 // len(piece.encode())))
    assert sum(map(len, folded)) <= mentions.LOOKED_AT + 32
