"""Who types: told while somebody does, shown above the prompt, and gone with what was typed."""

import pytest
from twisted.internet.task import Clock

from chatd.client.cli.typists import SHOWN, Typists
from chatd.client.core.notices import TypingSeen
from chatd.client.core.typing import AGAIN
from tests.client.cli.sitting import Person, seated
from tests.client.entering import make_client


@pytest.fixture
def people(world):
    """Seat ann and ben in #tea, who tell and see who types."""
    with seated(world, "ann", "ben", typing=True) as people:
        yield people


def rows(person):
    return person.talk.waiting_rows()


def press(person, *texts, wait=0.2):
    for text in texts:
        person.talk.typing(text)
        person.world.advance(wait)


def told(person):
    return [one.nicks for one in person.client.heard if isinstance(one, TypingSeen)]


def test_others_see_it_and_it_goes_by_itself(people):
    ann, ben = people.values()
    press(ben, "h", "he", "hel", wait=0.4)
    assert (rows(ann), rows(ben)) == (("ben is typing",), ())
    painted = ann.paper.painted
    ann.world.advance(SHOWN)
    assert rows(ann) == ()
    assert ann.paper.painted > painted


def test_it_stays_as_long_as_somebody_types(people):
    ann, ben = people.values()
    press(ben, "h", wait=1.2)
    for number in range(60):
        press(ben, "h" * number)
        assert rows(ann) == ("ben is typing",), number
    assert len(told(ann)) <= 1 + 60 * 0.2 // AGAIN + 1


def test_it_goes_with_what_was_typed_and_comes_again_at_once(people):
    ann, ben = people.values()
    press(ben, "hello", wait=1.2)
    assert rows(ann) == ("ben is typing",)
    ben.type("hello", wait=0.1)
    assert rows(ann) == ()
    press(ben, "and", wait=1.2)
    assert rows(ann) == ("ben is typing",)


def test_only_the_room_in_which_one_talks_shows_it(people):
    ann, ben = people.values()
    ann.type("/join #hall")
    press(ben, "hello", wait=1.2)
    assert rows(ann) == ()
    ann.type("/join #tea")
    assert rows(ann) == ("ben is typing",)


def test_commands_are_not_told_of_but_a_text_that_begins_with_a_slash_is(people):
    ann, ben = people.values()
    press(ben, "/passwd", "/", wait=1.2)
    assert told(ann) == []
    press(ben, "//join", wait=1.2)
    assert told(ann) == [("ben",)]


def test_before_a_message_that_waits_nothing_is_said_nor_without_a_link(people):
    _, ben = people.values()
    heard = []
    ben.world.server.hub.typing.note = lambda *told: heard.append(told[-1].room)
    ben.world.store.held = True
    ben.talk.line("one")
    press(ben, "h", wait=1.2)
    assert heard == []
    ben.world.store.held = False
    ben.world.store.release()
    ben.world.advance(0.5)
    press(ben, "h", wait=0.2)
    assert heard == ["#tea"]
    ben.client.stop()
    ben.world.advance(5)
    press(ben, "h", wait=1.2)
    assert heard == ["#tea"]


def test_many_are_counted():
    typists = Typists(Clock(), lambda: None)
    typists.type("#tea", ("ann", "ben"))
    assert typists.rows("#tea") == ("ann and ben are typing",)
    typists.type("#tea", ("cyd", "dan\x1b[2J"))
    assert typists.rows("#tea") == ("ann, ben and 2 more are typing",)
    typists.said("#tea", "Ann")
    assert typists.rows("#tea") == ("ben, cyd and 1 more are typing",)
    assert "\x1b" not in "".join(typists.rows("#tea"))
    typists.forget()
    assert typists.rows("#tea") == ()


def test_who_types_where_nobody_looks_is_forgotten_too():
    clock = Clock()
    typists = Typists(clock, lambda: None)
    typists.type("#hall", ("ann",))
    clock.advance(SHOWN / 2)
    typists.type("#hall", ("ben",))
    clock.advance(SHOWN / 2)
    assert typists.rows("#hall") == ("ben is typing",)
    clock.advance(SHOWN / 2)
    assert not typists._until


@pytest.mark.parametrize("without", ["ann", "ben"])
def test_who_wants_none_of_it_neither_tells_nor_is_told(world, without):
    ann, ben = (Person(world, make_client(world, nick, typing=nick != without)) for nick in ("ann", "ben"))
    for somebody in (ann, ben):
        somebody.client.start()
        world.advance(0.5)
        somebody.type("/join #tea")
    press(ben, "h", wait=1.2)
    press(ann, "h", wait=1.2)
    assert told(ann) == told(ben) == []
    for somebody in (ann, ben):
        somebody.leave()
        somebody.client.stop()
    world.advance(5)
