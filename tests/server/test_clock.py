"""The wall clock steps, and nobody is hurt: times in a room never go back, also after a restart (P7)."""

import pytest

from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import Talker, hello, sends

DAY = 86_400


class Stepping(Playground):
    """A playground whose wall clock can be stepped, by ``step`` seconds."""

    step = 0

    def wall(self):
        return super().wall() + round(self.step * 1000)


@pytest.fixture
def playground():
    playground = Stepping()
    playground.start_server()
    return playground


def come_in(playground, nick="", *more, **fields):
    talker = Talker(hello(nick, **fields), *more)
    playground.connect(talker)
    playground.advance(0.1)
    return talker


def restart(playground):
    playground.crash_server()
    playground.start_server()


@pytest.mark.parametrize("restarted", [False, True])
def test_times_never_go_back(playground, restarted):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"))
    before = ann.of(m.Event)[-1].ts
    playground.step = -DAY
    if restarted:
        restart(playground)
    ben = come_in(playground, "ben", m.Join(id=1, room="#a", after=0), *sends("#a", "two"))
    assert [event.ts >= before for event in ben.of(m.Event)[-2:]] == [True, True]
    assert [ok.ts for ok in ben.of(m.Ok) if ok.ts] == [before]
