"""What is unread in other rooms: in the prompt, in /rooms and in /unread."""

import pytest

from chatd.client.cli.marks import COUNTED, ReadMarks, Unread
from chatd.client.cli.showing import prompt
from chatd.client.core.counts import Counts
from chatd.client.core.notices import LinkState
from chatd.client.core.rooms import Followed
from chatd.client.values import Status
from tests.client.cli.sitting import seated


@pytest.fixture
def people(world):
    """Seat ann, who owns #tea and talks in #hall, and ben, who is in #tea."""
    with seated(world, "ann", "ben") as people:
        people["ann"].type("/join #hall")
        yield people


def test_the_prompt_tells_what_is_unread_elsewhere_until_one_goes_there(people):
    ann, ben = people.values()
    assert ann.prompt == "#hall> "
    ben.type("one", "/react ❤", "two")
    assert ann.prompt == "#hall [tea 2]> "
    ben.type("@ann three", "/msg ann psst")
    assert ann.prompt == "#hall [tea 3!, @ben 1!]> "
    ann.type("my own, here")
    ann.talk.switch(1)
    assert ann.prompt == "#tea [@ben 1!]> "
    ann.type("/join #hall")
    assert ann.prompt == "#hall [@ben 1!]> "
    ann.type("/msg ben yes?")
    assert ann.prompt == "#hall> ", "who answers has read it"


def test_rooms_and_unread_tell_it(people):
    ann, ben = people.values()
    assert ann.type("/unread") == ["You have read everything."]
    ben.type("one", "@ann two", "/msg ann psst")
    assert ann.type("/rooms") == [
        "*  2 #hall  1 member",
        "   1 #tea  2 members, 2 unread, 1 for you",
        "   3 @ben  1 unread, for you",
    ]
    assert ann.type("/unread") == [
        "   1 #tea  2 unread, 1 for you; /jump #tea 4 goes to the first for you",
        "   3 @ben  1 unread, for you; /jump @ben 1 goes to the first for you",
    ]
    assert ann.type("/unread tea") == ["   3 @ben  1 unread, for you; /jump @ben 1 goes to the first for you"]
    assert ann.type("/unread all") == ["You have read everything."]
    assert "You are in no room #nowhere" in ann.type("/unread #nowhere")[0]


def test_it_is_told_without_a_connection(people, world):
    ann, ben = people.values()
    ben.type("one")
    world.crash_server()
    world.advance(1)
    assert ann.type("/rooms")[:2] == ["   1 #tea  1 unread", "*  2 #hall"]
    assert ann.prompt == "#hall (offline) [tea 1]> "


def test_what_is_unread_in_followed_threads_is_told(people):
    ann, ben = people.values()
    assert ann.type("/threads tea") == [
        "You follow no thread in #tea; you do where you reply, or are replied to."
    ]
    ann.type("/join #tea", "tea or coffee?", "/join #hall")
    ben.type("/reply 3 tea", "what else?", "/reply 3 or milk")
    assert ann.type("/unread") == ["   1 #tea  3 unread, 2 in your threads"]
    assert ann.type("/threads tea") == [
        "     3 <ann> tea or coffee?  2 replies, 2 unread",
        "-- threads that you follow in #tea; /thread number shows one --",
    ]
    ann.talk.switch(1)
    ann.world.advance(4)
    assert ann.type("/threads")[0] == "     3 <ann> tea or coffee?  2 replies"
    ann.type("/remove 3")
    assert ann.type("/threads")[0] == "     3 <ann> (removed)  2 replies"


OTHERS = [("#hall", Unread(3)), ("@ben", Unread(1, 1, 9)), ("#quiet", Unread()), ("#tea", Unread(COUNTED))]


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (60, "#kitchen [@ben 1!, hall 3, tea 1000+]> "),
        (30, "#kitchen [@ben 1!, +2]> "),
        (22, "#kitchen [+3!]> "),
        (14, "#kitchen> "),
    ],
)
def test_the_prompt_leaves_room_for_the_line(columns, shown):
    up = Status(LinkState.CONNECTED, "", "ann", None, 0.0, None, "", 0)
    assert prompt("#kitchen", up, OTHERS, columns, known=True) == shown
    assert prompt("", up, [], columns, known=True) == "> "


@pytest.mark.parametrize(
    ("room", "columns", "shown"),
    [
        ("#kitchen", 40, "#kitchen (offline, 2 waiting)> "),
        ("#kitchen", 24, "#kitchen (offline, 2)> "),
        ("#a-long-name-of-a-room", 24, "#a-long-… (offline, 2)> "),
        ("#kitchen", 10, "#ki… (offline, 2)> "),
    ],
)
def test_the_end_of_the_prompt_is_always_there(room, columns, shown):
    down = Status(LinkState.WAITING, "", "ann", None, 0.0, None, "", 2)
    assert prompt(room, down, [], columns, known=True) == shown


def test_where_the_server_does_not_count_what_was_displayed_is_counted(world):
    marks = ReadMarks(world.clock, None)
    room = Followed("#tea", "#tea", 9, 9)
    marks.opened("#tea", 5)
    for seq in (4, 6, 8):
        marks.said("#tea", seq, for_us=seq == 8)
    assert marks.unread(room) == Unread(2, 1, 8)
    room.counts = Counts(read=5, unread=3, mentions=2, mention=7)
    assert marks.unread(room) == Unread(3, 2, 7), "where it does, it knows better"
    marks.opened("#tea", 6)
    assert marks.unread(room) == Unread(1, 1, 8), "until something is read here of which it does not know"
