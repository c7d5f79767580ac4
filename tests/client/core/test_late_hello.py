"""A second connection beside a suspected one, with each of its messages late: it ends no link that works."""

import pytest

from chatd.client.core.notices import Connected, EventSeen, Lost, Quiet, Revived, Stopped
from tests.client.entering import now

STORY = ("hello", "still?", "pong", "welcome")
"""What goes over the second connection, in this order, up and down in turns."""


class Play:
    """Ann is suspicious of her link, and Bob speaks."""

    def __init__(self, world, ann, bob):
        self.world, self.ann, self.bob = world, ann, bob
        world.advance(1)
        self.old = self.transport()
        self.sends = []
        self.count = 0

    def transport(self):
        """Return the transport of the newest link."""
        connectors = self.ann._driver.factory._connectors
        return connectors[max(connectors)].protocol.transport

    def speak(self):
        """Let both say something."""
        self.count += 1
        self.bob.send("#a", f"bob {self.count}")
        self.sends.append(self.ann.send("#a", f"ann {self.count}"))

    def fall_silent(self):
        """Let nothing come over the old link until a second one was tried."""
        self.old.incoming.hold()
        self.speak()
        while not self.said(Quiet):
            self.world.advance(0.1)
        self.world.advance()

    def said(self, kind):
        return [notice for notice in self.ann.heard if isinstance(notice, kind)]

    def heard(self):
        events = [notice.event for notice in self.said(EventSeen)]
        return [event.text for event in events if event.kind == "message"]

    def check(self):
        """Nothing is lost, doubled or out of order; nobody was told of a lost link."""
        self.speak()
        self.world.advance(0.2)
        for who in ("ann", "bob"):
            mine = [text for text in self.heard() if text.startswith(who)]
            assert mine == [f"{who} {number + 1}" for number in range(self.count)]
        assert all(now(sent) for sent in self.sends)
        assert not self.said(Stopped)


@pytest.fixture
def play(world, enter):
    return Play(world, enter("ann", "#a"), enter("bob", "#a"))


def second(play, late):
    """Let the second connection come as far as its message ``late``; return the pipe that this waits in."""
    world, step = play.world, STORY.index(late)
    world.network.holding = frozenset({"up", "down"})
    play.fall_silent()
    transport = play.transport()
    assert transport is not play.old
    pipes = (transport.pipe, transport.incoming)
    for number in range(step):
        pipes[number % 2].release()
        if number + 2 <= step:
            pipes[number % 2].hold()
        world.advance()
    world.network.holding = frozenset()
    pipe = pipes[step % 2]
    assert pipe.buffer, late
    return pipe


@pytest.mark.parametrize("wait", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("late", STORY[:3])
def test_the_old_link_goes_on_while_the_second_one_is_stuck(play, late, wait):
    second(play, late)
    play.world.advance(wait)
    play.old.incoming.release()
    play.world.advance(0.1)
    assert play.said(Revived)
    play.check()
    play.world.advance(30)
    play.check()
    assert not play.said(Lost)


@pytest.mark.parametrize("end", [True, False], ids=["ended", "end-lost"])
@pytest.mark.parametrize("wait", [0.1, 5.0])
@pytest.mark.parametrize("late", STORY)
def test_what_comes_late_ends_no_link_that_works(play, late, wait, end):
    pipe = second(play, late)
    play.old.incoming.release()
    play.world.advance(wait)
    if late != "welcome":
        play.check()
    pipe.release(end=end)
    play.world.advance(0.5)
    play.check()
    play.world.advance(20)
    play.check()
    assert not play.said(Lost)
    again = len(play.said(Connected)) - 1
    assert again == (late in {"pong", "welcome"})


@pytest.mark.parametrize("late", STORY)
def test_a_second_connection_that_is_late_still_takes_over_from_a_dead_one(play, late):
    pipe = second(play, late)
    play.world.advance(1)
    pipe.release()
    for other in (play.transport().pipe, play.transport().incoming):
        other.release()
    play.world.advance(0.5)
    play.check()
    assert not play.said(Revived)


def test_a_hello_that_was_given_up_and_comes_after_the_next_link_ends_nothing(world, enter):
    """The first hello waits somewhere on its way; the second connection is welcomed before it arrives."""
    world.network.holding = frozenset({"up"})
    ann = enter("ann", "#a")
    world.advance(1)
    play_first = Play(world, ann, enter("bob", "#a"))
    world.network.holding = frozenset()
    play_first.old.pipe.release()
    world.advance(1)
    world.network.holding = frozenset({"up"})
    play_first.old.abortConnection()
    world.advance(3)
    late = play_first.transport().pipe
    world.network.holding = frozenset()
    world.advance(15)
    assert len(play_first.said(Connected)) == 2
    late.release(end=False)
    play_first.check()
    world.advance(15)
    play_first.check()
    assert len(play_first.said(Lost)) == 1
