"""Being away and busy at the console: what is typed, what everybody sees, and that it ends by itself."""

import pytest

from chatd.client.cli.away import said, seconds_of
from chatd.client.cli.text import span
from chatd.client.core.problems import ClientError
from tests.client.cli.sitting import Person, seated
from tests.client.entering import make_client


@pytest.fixture
def people(world):
    """Seat ann and ben in #tea."""
    with seated(world, "ann", "ben") as people:
        yield people


@pytest.mark.parametrize(
    ("argument", "text", "seconds"),
    [
        ("", "", 0),
        ("lunch", "lunch", 0),
        ("lunch for 30min", "lunch", 1800),
        ("for 2h", "", 7200),
        ("out for lunch", "out for lunch", 0),
        ("out for 1 d", "out", 86_400),
        ("for the win for 10s", "for the win", 10),
        ("for 2h or so", "for 2h or so", 0),
        ("before 2h", "before 2h", 0),
    ],
)
def test_a_time_at_the_end_is_how_long(argument, text, seconds):
    assert said(argument) == (text, seconds)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(9, "9 s"), (120, "120 s"), (121, "3 min"), (7199, "2 h"), (7201, "2 h 1 min"), (90_000, "1 d 1 h")],
)
def test_what_is_left_is_told_in_two_units(seconds, told):
    assert span(seconds) == told


@pytest.mark.parametrize("time", ["", "2", "h", "2 hours", "-2h", "2H"])
def test_what_is_no_time_is_said(time):
    with pytest.raises(ClientError, match="30s"):
        seconds_of(time)
    assert seconds_of(None) == 0


def test_others_see_it_and_lists_show_it(people):
    ann, ben = people.values()
    assert ben.type("/away lunch for 2h") == ["You are away: lunch (2 h left). /back ends it."]
    ann.world.advance(1.1)
    assert ann.paper.lines[-1] == "#tea * ben is away: lunch (2 h left)"
    assert "ben (away: lunch (2 h left))" in ann.type("/who")[-1]
    assert ben.type("/busy") == ["You are busy. /back ends it."]
    ann.world.advance(1.1)
    assert ann.paper.lines[-1] == "#tea * ben is busy"
    assert (ben.client.standing.state, ann.client.standing) == ("busy", None)
    assert ben.type("/back") == ["You are neither away nor busy."]
    ann.world.advance(1.1)
    assert ann.paper.lines[-1] == "#tea * ben is back"
    assert not [line for line in ben.paper.lines if "* ben is" in line]
    assert ben.type("/back now")[-1].endswith("Write /back")


def test_it_ends_by_itself_for_everybody(people):
    ann, ben = people.values()
    ben.type("/busy exam for 10s")
    ben.world.advance(8)
    assert ben.client.standing.state == "busy"
    ben.world.advance(5)
    assert ben.client.standing is None
    assert ann.paper.lines[-1] == "#tea * ben is back"


def test_all_devices_know_it_and_who_comes_back_is_reminded(world, people):
    ann, ben = people.values()
    ben.type("/busy \x1b[2Jdeep in thought")
    assert ben.client.standing is None, "a text with control characters is refused"
    ben.type("/busy deep in thought")
    del ann
    other = Person(world, make_client(world, "ben"))
    machine = other.client._machine
    machine.session.sibling, machine.session.nick = ben.client._machine.session.token, "ben"
    other.client.start()
    world.advance(2)
    assert "chatc: You are busy: deep in thought. /back ends it." in other.paper.lines
    other.type("/back")
    world.advance(1.1)
    assert ben.client.standing is None
    other.leave()
    other.client.stop()
    world.advance(1)
