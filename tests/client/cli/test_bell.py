"""The bell: it rings for what is said to us, seldom, and never for what we have said or read."""

import pytest

from tests.client.cli.sitting import Person, seated
from tests.client.entering import make_client


@pytest.fixture
def people(world):
    """Seat ann, who owns #tea, and ben, who is there too."""
    with seated(world, "ann", "ben") as people:
        world.advance(5)
        yield people


@pytest.fixture
def third(world):
    """Return a function that seats eva, who wants to hear a bell."""
    made = []

    def sit(**how):
        eva = Person(world, make_client(world, "eva"), **how)
        made.append(eva)
        eva.client.start()
        world.advance(0.5)
        eva.type("/join #tea", "/join #hall")
        return eva

    yield sit
    for eva in made:
        eva.leave()
        eva.client.stop()
        eva.talk.over.addErrback(lambda _: None)


def test_it_rings_for_mentions_and_for_direct_messages(people):
    ann, ben = people.values()
    ben.type("nobody", "/react ❤", "@ann you", "/msg ann psst", wait=2)
    assert ann.paper.rung == 2
    ann.type("@ann me", "/msg ben no", "/edit 6 @ann", wait=2)
    assert (ann.paper.rung, ben.paper.rung) == (2, 1)


def test_an_edit_that_mentions_us_anew_rings_once(people):
    ann, ben = people.values()
    ben.type("you there", "/edit @ann you there", wait=2)
    assert ann.paper.rung == 1
    ben.type("/edit @ann are you there", "/edit are you there", wait=2)
    assert ann.paper.rung == 1
    ben.type("/edit @ann are you there?", wait=2)
    assert ann.paper.rung == 2
    ben.type("@ann you", "/edit @ann you!", wait=2)
    assert ann.paper.rung == 3
    ann.type("mine", "/edit @ann mine", wait=2)
    assert ann.paper.rung == 3


def test_the_same_of_what_was_never_shown_here(people, third):
    ben = people["ben"]
    ben.type("@ann you there")
    eva = third()
    ben.type("/edit @eva you there", wait=2)
    assert eva.paper.rung == 1
    ben.type("/edit @eva are you there", "/edit there", wait=2)
    assert eva.paper.rung == 1


@pytest.mark.parametrize("busy", [False, True])
def test_an_edit_in_another_room_rings_as_well_unless_we_are_busy(people, third, busy):
    ben, eva = people["ben"], third()
    eva.type(*["/busy"] if busy else [])
    ben.type("you there", "/edit @eva you there", wait=2)
    assert eva.paper.rung == (0 if busy else 1)
    assert next(one for one in eva.client.followed() if one.room == "#tea").mentions == 1


def test_it_rings_once_a_second(people):
    ann, ben = people.values()
    ben.type(*["@ann you"] * 8, wait=0.25)
    assert ann.paper.rung == 2


@pytest.mark.parametrize(("bell", "rung"), [("off", 0), ("mentions", 1), ("all", 2)])
def test_it_rings_for_what_is_wanted(people, third, bell, rung):
    ben = people["ben"]
    eva = third(bell=bell)
    ben.type("one", "@eva two", wait=2)
    eva.type("three", "@room four", wait=2)
    assert eva.paper.rung == rung


def test_what_was_said_while_we_were_away_rings_once_and_what_was_read_elsewhere_never(people, world):
    ann, ben = people.values()
    world.network.cut()
    world.advance(20)
    ann.hearing._marks.opened("#tea", 4)
    world.network.heal()
    ben.type("@ann read elsewhere", "@ann new", "@ann newer", wait=0.1)
    world.advance(40)
    assert "newer" in ann.paper.shown[-1]
    assert ann.paper.rung == 1


def test_it_is_silent_while_one_is_busy(people):
    ann, ben = people.values()
    ann.type("/busy for 20s")
    ben.type("@ann you", "/msg ann psst", wait=2)
    assert ann.paper.rung == 0
    ann.world.advance(20)
    ben.type("@ann now", wait=2)
    assert ann.paper.rung == 1
    ann.type("/away")
    ben.type("@ann there?", wait=2)
    assert ann.paper.rung == 2
