"""A user with very many logs of direct messages: the welcome is bounded, and nothing is missed (P4, P5)."""

import pytest

from chatd.wire import messages as m
from tests.helpers import come_in, restart, sends

MOST = 4


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr("chatd.wire.limits.MAX_WELCOME_DIRECT", MOST)


@pytest.fixture
def people(playground):
    """Return Ann, and ten who have written to her one after the other; with the first two she talks last."""
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    friends = [
        come_in(playground, f"n{number}", *sends("@ann", f"from {number}"), wait=0.1) for number in range(10)
    ]
    ann.say(*[m.Read(id=2, room=f"@1+{user}", seq=1) for user in range(2, 12)])
    ann.say(*sends("@n1", "to one"), *sends("@n0", "to zero", n=2))
    playground.advance(1)
    return ann, friends


def followed(talker):
    return sorted(state.room for message in talker.of(m.Welcome) for state in message.rooms)


def again(playground, ann, **fields):
    return come_in(playground, token=ann.of(m.Welcome)[0].token, **fields)


@pytest.mark.parametrize("restarted", [False, True])
def test_the_latest_are_followed_from_the_welcome_on(playground, people, restarted):
    ann, _ = people
    ann.say(*[m.Read(id=2, room=f"@1+{user}", seq=2) for user in (2, 3)])
    playground.advance(1)
    if restarted:
        restart(playground)
    ann = again(playground, ann)
    assert followed(ann) == ["#a", "@1+10", "@1+11", "@1+2", "@1+3"]


def test_those_with_something_unread_come_first(playground, people):
    ann, friends = people
    for user in (2, 3):
        ann.say(m.Read(id=2, room=f"@1+{user}", seq=2))
    playground.advance()
    token = ann.of(m.Welcome)[0].token
    ann.transport.loseConnection()
    playground.advance(1)
    friends[3].say(*sends("@ann", "unread", n=2))
    playground.advance(1)
    for number in (6, 7, 8, 9):
        friends[number].say(m.Topic(id=4, room="@ann", text="read"))
        playground.advance(1)
    reader = come_in(
        playground, token=token, follow="listed", cursors={f"@1+{user}": 2 for user in (8, 9, 10, 11)}
    )
    reader.say(*[m.Read(id=2, room=f"@1+{user}", seq=2) for user in (8, 9, 10, 11)])
    playground.advance(1)
    assert followed(come_in(playground, token=token))[1:] == ["@1+10", "@1+11", "@1+5", "@1+9"]


def test_the_others_are_followed_when_something_is_said_in_them(playground, people):
    ann, friends = people
    one, two = again(playground, ann), come_in(playground, token=ann.of(m.Welcome)[0].token, device=True)
    assert "@1+6" not in followed(one)
    friends[4].say(*sends("@ann", "news", "more", n=2))
    playground.advance(1)
    for device in (one, two):
        assert device.texts("@1+6") == ["news", "more"]
        (told,) = [state for rooms in device.of(m.Rooms) for state in rooms.rooms if state.room == "@1+6"]
        assert (told.cursor, told.peer) == (1, "n4")
    friends[4].say(*sends("@ann", "still", n=4), m.Topic(id=1, room="@ann", text="t"))
    playground.advance(1)
    assert one.seqs("@1+6") == [2, 3, 4, 5]


def test_what_was_missed_in_them_comes_too(playground, people):
    ann, friends = people
    token = ann.of(m.Welcome)[0].token
    ann.transport.loseConnection()
    playground.advance(1)
    for number in range(5, 10):
        friends[number].say(*sends("@ann", "meanwhile", n=2))
        playground.advance(1)
    ann = come_in(playground, token=token)
    assert "@1+7" not in followed(ann)
    friends[5].say(m.Nick(id=1, nick="five"), *sends("@ann", "now", n=3))
    playground.advance(1)
    assert ann.texts("@1+7") == ["meanwhile", "now"]
    assert ann.seqs("@1+7") == [2, 3, 4]


def test_what_a_hello_names_is_followed_in_any_case(playground, people):
    ann, _ = people
    names = {f"@1+{user}": 1 for user in range(4, 12)}
    ann = again(playground, ann, cursors=names)
    assert set(followed(ann)) == {"#a", "@1+2", "@1+3", *names}


def test_any_of_them_can_be_asked_for(playground, people):
    ann, _ = people
    ann = again(playground, ann)
    ann.say(m.Join(id=5, room="@n4", after=0), m.History(id=6, room="@1+7"))
    playground.advance(1)
    assert ann.texts("@1+6") == ["from 4"]
    assert [len(ok.events) for ok in ann.of(m.Ok) if ok.id == 6] == [1]


def test_a_device_that_follows_what_it_lists_is_left_alone(playground, people):
    ann, friends = people
    device = again(playground, ann, follow="listed", cursors={"#a": 0})
    friends[4].say(*sends("@ann", "news", n=2))
    playground.advance(1)
    assert device.texts() == []


def test_a_new_nick_is_told_in_the_latest_only(playground, people, monkeypatch):
    """Whoever has very many of them would make a turn long with each new nick."""
    monkeypatch.setattr("chatd.chat.renaming.MAX_WELCOME_DIRECT", MOST)
    ann, friends = people
    ann.say(m.Nick(id=9, nick="anna"))
    playground.advance(1)
    told = {n for n, friend in enumerate(friends) if any(e.kind == "nick" for e in friend.of(m.Event))}
    assert told == {0, 1, 8, 9}
    assert any(event.kind == "nick" and event.room == "#a" for event in ann.of(m.Event))
    friends[5].say(*sends("@anna", "hello anna", n=2))
    ann.say(*sends("@n5", "hello", n=3))
    playground.advance(1)
    assert friends[5].of(m.Event)[-1].by == "anna"
