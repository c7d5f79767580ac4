"""Thousands who come back at once are taken in beside those who are in, and none is blamed for waiting."""

from twisted.internet.task import Clock

from chatd.server.visits import TURN, Visits
from chatd.wire import messages as m
from tests.helpers import TALKERS, come_in, hello, sends


class Guest:
    """Takes a millisecond for a visit, which it notes."""

    def __init__(self, name, visited, clock):
        self.name, self.visited, self.clock = name, visited, clock

    def visit(self, most):
        assert most
        self.visited.append(self.name)
        self.clock.rightNow += 0.001
        return False


def test_who_is_in_does_not_wait_for_thousands_who_come():
    clock, visited, turns = Clock(), [], 1
    visits = Visits(clock, lambda: None)
    for number in range(1000):
        assert visits.add(Guest(number, visited, clock), newcomer=True)
    speaker = Guest("speaker", visited, clock)
    assert visits.add(speaker)
    assert not visits.add(speaker)
    assert speaker in visits
    visits.turn()
    assert "speaker" in visited[:2]
    while visits.turn():
        turns += 1
        visits.add(speaker)
    newcomers = [name for name in visited if name != "speaker"]
    assert newcomers == list(range(1000))
    assert turns <= 2 * 1000 / (TURN / 0.001)


def test_who_comes_does_not_wait_for_thousands_who_speak():
    clock, visited = Clock(), []
    visits = Visits(clock, lambda: None)
    for number in range(1000):
        visits.add(Guest(number, visited, clock))
    visits.add(Guest("newcomer", visited, clock), newcomer=True)
    visits.turn()
    assert "newcomer" in visited[:2]


def test_a_hello_that_waits_for_its_visit_is_not_late(playground, monkeypatch):
    """Where there are so many that it takes longer than a hello may, that is the daemon's doing (P7)."""
    held = []
    with monkeypatch.context() as patch:
        patch.setattr(Visits, "add", lambda _, visited, **__: held.append(visited) or True)
        patch.setattr(Visits, "__contains__", lambda _, visited: visited in held)
        talker, silent = TALKERS["native"](hello("ann")), TALKERS["native"]()
        for one in (talker, silent):
            playground.connect(one)
        playground.advance(15, step=1)
    assert not talker.lost
    assert silent.heard[-1].code == "hello-timeout"
    for visited in held:
        playground.server.visits.add(visited, newcomer=True)
    playground.advance(1)
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"), wait=1)
    talker.say(m.Join(id=1, room="#a"), *sends("#a", "at last"))
    playground.advance(1)
    assert ben.texts() == ["at last"]
