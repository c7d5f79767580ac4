"""What is unread, as programs see it."""

from chatd.client.core.notices import UnreadSeen
from chatd.wire import messages as m
from tests.client.entering import now
from tests.helpers import ask, come_in


def test_programs_see_it(world, enter):
    ann, ben = enter("ann", "#a"), enter("ben", "#a")
    world.advance(1)
    (room,) = ann.followed()
    assert (room.unread, room.mentions, room.mention) == (0, 0, 0)
    ben.send("#a", "@ann, tea?")
    ben.send("#a", "or coffee?")
    world.advance(1)
    (room,) = ann.followed()
    assert (room.unread, room.mentions, room.mention) == (2, 1, 3)
    assert [one for one in ann.heard if isinstance(one, UnreadSeen)] == []
    ann.read("#a", 3)
    world.advance(1)
    assert (room.read, room.unread, room.mentions, room.mention) == (3, 1, 0, 0)
    (seen,) = [one for one in ann.heard if isinstance(one, UnreadSeen)]
    assert (seen.name, seen.read, seen.unread, seen.mentions) == ("#a", 3, 1, 0)


def test_a_nick_that_another_device_takes_is_ours(world, enter):
    ann, ben = enter("ann", "#a"), enter("ben", "#a")
    world.advance(1)
    other = come_in(world, token=ann._machine.session.token, device=True, wait=0.1)
    ask(world, other, m.Nick(id=1, nick="anna"))
    world.advance(1)
    assert ann.nickname == "anna"
    sent = ben.send("#a", "@anna, tea?")
    world.advance(1)
    assert now(sent).seq
    (room,) = ann.followed()
    assert (room.unread, room.mentions) == (1, 1)
