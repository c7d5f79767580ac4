"""A message that comes alone costs few turns of the reactor; who hears it waits for no other."""

import pytest

from chatd.server.visits import Visits
from chatd.wire import messages as m
from tests.helpers import come_in, sends


@pytest.fixture
def turns(monkeypatch):
    """Return the turns of the committer so far, each as how many connections were visited in it."""
    turns, turn = [], Visits.turn

    def counted(visits):
        turns.append(len(visits))
        return turn(visits)

    monkeypatch.setattr(Visits, "turn", counted)
    return turns


def test_a_message_alone_takes_one_turn(playground, turns):
    ann, ben = [come_in(playground, nick, m.Join(id=1, room="#a"), wait=1) for nick in ("ann", "ben")]
    for n in (1, 2, 3):
        turns.clear()
        ann.say(*sends("#a", f"text {n}", n=n))
        playground.advance()
        assert turns == [1]
        assert ann.of(m.Ok)[-1].id == 1000 + n
        assert ben.texts() == [f"text {k}" for k in range(1, n + 1)]


def test_what_comes_during_a_commit_takes_one_turn_more(playground, turns):
    ann, ben = [come_in(playground, nick, m.Join(id=1, room="#a"), wait=1) for nick in ("ann", "ben")]
    playground.store.held = True
    turns.clear()
    ann.say(*sends("#a", "one"))
    playground.advance()
    ann.say(*sends("#a", "two", n=2))
    playground.advance()
    assert turns == [1, 1]
    playground.store.held = False
    playground.store.release()
    playground.advance()
    assert turns == [1, 1, 0]
    assert ben.texts() == ["one", "two"]


def test_who_is_not_served_at_once_is_served_in_the_turns_behind(playground, turns, monkeypatch):
    monkeypatch.setattr("chatd.chat.publisher.HALF", 2)
    crowd = [come_in(playground, f"n{number}", m.Join(id=1, room="#a"), wait=1) for number in range(10)]
    turns.clear()
    crowd[0].say(*sends("#a", "hello"))
    playground.advance()
    assert turns == [1, 0]
    assert [talker.texts() for talker in crowd] == [["hello"]] * 10


def test_a_call_for_nothing_during_a_commit_keeps_no_later_one_from_the_disk(playground):
    """As a page does that is read then; behind it comes what nobody's visit brings: an erasure, a command."""
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), wait=1)
    hub, store = playground.server.hub, playground.store
    store.held = True
    ann.say(*sends("#a", "one"))
    playground.advance()
    hub.call()
    store.held = False
    store.release()
    playground.advance()
    hub.world.post(hub.world.rooms["#a"], "topic", "ann", playground.server.wall(), text="tea")
    hub.call()
    playground.advance()
    assert [event.text for event in ann.of(m.Event)][-2:] == ["one", "tea"]
