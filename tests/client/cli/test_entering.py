"""Entering a room: its last lines, the line above what is new, and what counts as read."""

import pytest

from chatd.client.cli import entering
from chatd.client.profile.profiles import open_slot
from tests.client.cli.sitting import Person, seated
from tests.client.entering import HOME, make_client


@pytest.fixture
def people(world):
    """Seat ann, who owns #tea, and ben, who is there too and has said five things."""
    with seated(world, "ann", "ben") as people:
        people["ben"].type(*(f"text {n}" for n in range(5)))
        yield people


@pytest.fixture
def come(world, tmp_path):
    """Return a function that lets eva come, and come back with the same profile."""
    here = []

    def come(*lines, recent=3, **how):
        slot = open_slot("p", HOME, "eva", "eva", folder=tmp_path)
        eva = Person(world, make_client(world, "eva", slot=slot), recent=recent, **how)
        here.append(eva)
        eva.client.start()
        world.advance(0.5)
        eva.type(*lines)
        return eva

    yield come
    for eva in here:
        leave(world, eva)


def leave(world, person):
    if not person.paper.closed:
        person.leave()
        person.client.stop()
        person.talk.over.addErrback(lambda _: None)
        world.advance(5)


def read_by(nick, world):
    """Return where the read mark of ``nick`` in #tea is."""
    state = world.server.hub.world
    room = next(room for room in state.rooms.values() if room.name == "#tea")
    return room.members[state.nicks[nick]].read


@pytest.mark.usefixtures("people")
def test_who_enters_a_room_sees_its_last_lines(come):
    eva = come("/join #tea")
    assert eva.paper.shown == [
        "-- last lines of #tea; earlier: /history 3 5 --",
        "#tea 5 <ben> text 2",
        "#tea 6 <ben> text 3",
        "#tea 7 <ben> text 4",
        "#tea * eva joined",
    ]
    assert eva.type("/join #new") == ["#new * eva joined"], "there is nothing in a new one"


@pytest.mark.usefixtures("people")
def test_none_are_shown_where_none_are_wanted_and_to_programs(come, world):
    eva = come("/join #tea", recent=0)
    assert eva.paper.shown == ["#tea * eva joined"]
    leave(world, eva)
    bot = come(interactive=False)
    assert [line for line in bot.paper.lines if "text" in line or line.startswith("--")] == []


def test_who_comes_back_sees_what_was_there_and_below_a_line_what_is_new(people, come, world):
    ann, ben = people.values()
    eva = come("/join #tea", "I was here")
    leave(world, eva)
    ben.type("one", "/react ❤", "two")
    ann.type("/edit 8 x")
    eva = come()
    told = eva.paper.shown
    assert told[0] == "-- last lines of #tea; earlier: /history 3 7 --"
    assert told[-5:] == [
        "#tea 9 <eva> I was here",
        "-- 2 new in #tea since you left --",
        "#tea 10 <ben> one",
        "#tea * ben reacts with ❤ to 10 ben: one",
        "#tea 12 <ben> two",
    ]
    assert not any("meanwhile" in note for note in eva.paper.notes)
    world.advance(5)
    leave(world, eva)
    eva = come()
    assert not any("since you left" in line for line in eva.paper.shown), "nothing is new now"
    assert eva.paper.shown[-1] == "#tea 12 <ben> two"
    ben.type("three")
    assert eva.paper.shown[-1] == "#tea <ben> three", "and what comes now was not said behind one's back"


def test_what_was_read_on_another_device_is_not_new(people, come, world):
    ben = people["ben"]
    eva = come("/join #tea", "/join #other", "/join #tea")
    leave(world, eva)
    ben.type("read elsewhere", "not read")
    other = come("/join #other")
    other.client.read("#tea", 9)
    world.advance(1)
    leave(world, other)
    eva = come()
    eva.talk.switch(1)
    world.advance(1)
    told = eva.paper.shown
    mark = told.index("-- 1 new in #tea since you left --")
    assert "read elsewhere" in told[mark - 1]
    assert "not read" in told[mark + 1]


def test_lines_of_another_room_are_read_once_one_goes_there(people, come, world):
    ben = people["ben"]
    eva = come("/join #tea", "/join #hall")
    ben.type("look here")
    world.advance(5)
    assert eva.paper.shown[-1] == "#tea <ben> look here"
    assert read_by("eva", world) == 8, "which she has not, yet"
    eva.talk.switch(1)
    world.advance(5)
    assert read_by("eva", world) == 9
    assert eva.paper.shown[-1] == "#tea <ben> look here", "and it is not shown twice"
    eva.type("I see", "/join #hall")
    ben.type("and here")
    eva.client.send("#tea", "from elsewhere")
    world.advance(5)
    assert read_by("eva", world) == 12, "who says something there has seen what is there"


def test_what_comes_while_the_last_lines_are_asked_for_stands_behind_them(people, come, world):
    ben = people["ben"]
    eva = come("/join #tea", "/join #hall")
    leave(world, eva)
    world.network.latency = 0.2
    eva = come()
    eva.talk.switch(1)
    ben.talk.line("meanwhile")
    world.advance(2)
    told = [line.split(">")[-1].strip() for line in eva.paper.shown if "#tea" in line]
    assert told[-3:] == ["text 4", "#tea * eva joined", "meanwhile"] or told[-1] == "meanwhile"


@pytest.mark.parametrize("cause", ["cut", "flood"])
def test_nothing_is_lost_where_the_last_lines_do_not_come(people, come, world, monkeypatch, cause):
    ben = people["ben"]
    eva = come("/join #tea")
    leave(world, eva)
    ben.type(*(f"more {n}" for n in range(6)), wait=0.05)
    monkeypatch.setattr(entering, "MOST", 3 if cause == "flood" else 500)
    world.network.latency = 0.2
    eva = come()
    if cause == "cut":
        for connection in world.server.swept():
            connection.transport.abortConnection()
    world.advance(20)
    told = [line for line in eva.paper.shown if "more" in line]
    assert told == [f"#tea <ben> more {n}" for n in range(6)]


def test_a_reply_to_what_is_long_past_has_its_quote(people, come):
    ben = people["ben"]
    ben.type("/reply 3 to the first", "a", "b")
    eva = come("/join #tea")
    assert "#tea  8 <ben> (to 3 ben: text 0) to the first" in eva.paper.shown


def test_what_was_said_in_other_rooms_meanwhile_is_told_in_one_line(come, people, world):
    eva = come(*(f"/join #r{n}" for n in range(7)), "/join #tea")
    leave(world, eva)
    people["ben"].type("one", *(line for n in range(7) for line in (f"/join #r{n}",)))
    eva = come()
    assert eva.paper.notes[0].startswith("chatc: connected")
    (told,) = [note for note in eva.paper.notes if "meanwhile" in note]
    assert told.startswith("chatc: meanwhile 1 event in #r0, 1 event in #r1, ")
    assert told.endswith(" 1 event in #r4, more in 3 other rooms")


def test_what_was_read_before_the_end_is_read(people, come, world):
    eva = come("/join #tea", "I was here")
    leave(world, eva)
    assert read_by("eva", world) == 9


def test_rooms_in_which_something_is_unread_are_told_at_the_start(people, come, world):
    eva = come("/join #tea", "/join #hall")
    leave(world, eva)
    people["ben"].type("one", "@eva two")
    eva = come()
    assert eva.paper.notes[-1].startswith(
        "chatc: You are eva, in #tea (Alt-1, 2 unread, 1 for you), #hall (Alt-2)."
    )
    assert eva.prompt == "[tea 2!]> "
    other = come()
    other.talk.switch(1)
    world.advance(5)
    assert eva.prompt == other.prompt.replace("#tea", "") == "> ", "it is the same on all devices"


def test_the_last_lines_are_as_many_as_wanted_whatever_was_done_to_them(people, come):
    ben = people["ben"]
    ben.type("/edit 7 text 4, mended", "/react 6 👍", "/react 7 👍", "/react 5 👍", "/edit 6 text 3, mended")
    eva = come("/join #tea")
    assert eva.paper.shown[:-1] == [
        "-- last lines of #tea; earlier: /history 3 7 --",
        "#tea  7 <ben> text 4, mended (edited)",
        "      👍 1",
        "#tea  6 <ben> * text 3, mended (edited)",
    ]


def test_a_new_nick_is_told_once_though_several_rooms_tell_of_it(people):
    ann, ben = people.values()
    for somebody in (ann, ben):
        somebody.type("/join #hall")
    ben.type("/nick benny")
    assert [line for line in ann.paper.shown if "is now" in line] == ["#hall * ben is now benny"]
    ben.type("/nick ben", "/nick benny")
    assert len([line for line in ann.paper.shown if "is now" in line]) == 3


def test_nothing_is_shown_twice_where_all_comes_at_once(people, come, world):
    eva = come(recent=9)
    eva.client.pause_reading()
    eva.type("/join #tea")
    people["ben"].type("at once")
    eva.client.resume_reading()
    world.advance(1)
    told = [line.split(" ", 2)[-1] if line[5:6].isdigit() else line for line in eva.paper.shown]
    assert len([line for line in told if "eva joined" in line]) == 1
    assert len([line for line in told if "at once" in line]) == 1
    assert len([line for line in told if "text 4" in line]) == 1


def test_a_reply_that_comes_has_the_quote_of_what_was_never_shown_here(people, come, world):
    ben = people["ben"]
    eva = come("/join #tea", recent=0)
    world.network.latency = 0.1
    ben.type("/edit 3 text 0, mended", "/reply 3 yes", "and more", wait=0.05)
    world.advance(2)
    assert eva.paper.shown[-2:] == ["#tea 10 <ben> (to 3 ben: text 0, mended) yes", "#tea 11 <ben> and more"]
    world.network.latency = 0.0
    ben.type("/react 3 👍")
    assert eva.paper.shown[-1] == "#tea * ben reacts with 👍 to 3 ben: text 0, mended"


def test_what_something_is_about_is_looked_up_once(people, come, world):
    ben = people["ben"]
    eva = come("/join #tea", recent=0)
    asked = []
    look = eva.client.look
    eva.client.look = lambda room, seqs: asked.append((room, *seqs)) or look(room, seqs)
    ben.type("/react 5 👍", "/react 5 ❤", "/reply 5 yes")
    world.advance(5)
    assert asked == [("#tea", 5)]
    assert eva.paper.shown[-1] == "#tea * ben reacts with ❤ to 5 ben: text 2"


def test_a_link_that_breaks_while_something_is_looked_up_loses_nothing(people, come, world):
    ben = people["ben"]
    eva = come("/join #tea", recent=0)
    world.network.latency = 0.3
    ben.talk.line("/reply 3 yes")
    world.advance(0.8)
    for connection in world.server.swept():
        connection.transport.abortConnection()
    world.advance(20)
    told = [line for line in eva.paper.shown if "yes" in line]
    assert len(told) == 1
