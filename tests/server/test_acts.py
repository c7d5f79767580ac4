"""Bans, mutes, invitations and notes of removals: how many there may be, and how they end (P5, P6)."""

import pytest

from chatd.chat.acts import BAN, MUTE
from chatd.chat.changes.rows import DropAct, PutAct
from chatd.chat.moderation import prune
from chatd.ops.settings import Config, LimitsConfig
from chatd.testing import MemoryStore, Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.helpers import come_in, restart

HOUR = 3600


class Counted(dict):
    """A dict that counts how often it is gone through from its beginning."""

    times = 0

    def __iter__(self):
        self.times += 1
        return super().__iter__()

    def values(self):
        self.times += 1
        return super().values()


class Watched(MemoryStore):
    """A store that notes how many acts each commit drops."""

    def __init__(self):
        super().__init__()
        self.dropped = []

    def append(self, changes, done):
        self.dropped.append(sum(isinstance(change, DropAct) for change in changes.others))
        super().append(changes, done)


def begin(**limits):
    playground = Playground(Config(limits=LimitsConfig(**limits)))
    playground.start_server()
    return playground, come_in(playground, "ann", m.Join(id=1, room="#tea"), m.Join(id=2, room="#hall"))


def ask(playground, talker, *messages):
    before = len(talker.heard)
    talker.say(*messages)
    playground.advance()
    return [getattr(one, "code", None) for one in talker.heard[before:] if isinstance(one, m.Ok | m.Error)]


def ban(number, room="#tea", seconds=0):
    return m.Ban(id=5, room=room, whom=f"nobody{number}", seconds=seconds)


def put(world, room, number, until, what=BAN):
    for one in range(number):
        world.change(PutAct(room.log.id, what, f"@x{one}", 0, until, "ann", ""))


def test_acts_that_end_are_not_gone_through_again_for_each_of_them():
    playground, _ = begin()
    world = playground.server.hub.world
    room = world.rooms["#tea"]
    now = world.calendar.now
    put(world, room, 100, now + 1, MUTE)
    world.change(PutAct(room.log.id, MUTE, "@y", 0, 0, "ann", ""))
    room.acts = Counted(room.acts)
    world.calendar.now += 10
    prune(world, room)
    assert list(room.acts) == [(MUTE, "@y")]
    assert room.acts.times <= 3
    assert room.strict


def test_acts_of_many_rooms_end_in_slices(monkeypatch):
    monkeypatch.setattr("chatd.server.housekeeping.AT_ONCE", 40)
    monkeypatch.setattr("chatd.server.housekeeping.SLICE", 40)
    store = Watched()
    playground = Playground(Config(), store)
    playground.start_server()
    rooms = [m.Join(id=number, room=f"#room{number}") for number in range(30)]
    come_in(playground, "ann", *rooms)
    world = playground.server.hub.world
    for room in world.rooms.values():
        put(world, room, 10, world.calendar.now + 1)
    playground.advance(70.0, step=0.5)
    assert not any(room.acts for room in world.rooms.values())
    assert sum(store.dropped) == 300
    assert max(store.dropped) <= 50
    restart(playground)
    assert not any(room.acts for room in playground.server.hub.world.rooms.values())


def test_one_user_bans_mutes_removes_and_invites_so_often_in_an_hour():
    playground, ann = begin(acts_per_hour=4)
    come_in(playground, "ben", m.Join(id=1, room="#tea"))
    come_in(playground, "cem", m.Join(id=1, room="#tea"))
    asked = [
        m.InviteTo(id=3, room="#hall", whom="ben"),
        m.Mute(id=4, room="#tea", whom="ben"),
        m.Kick(id=5, room="#tea", whom="ben"),
        m.Ban(id=6, room="#tea", whom="ben"),
    ]
    assert ask(playground, ann, *asked) == [None] * 4
    for one in asked:
        assert ask(playground, ann, one) == [Code.TOO_FAST]
    assert ann.of(m.Error)[-1].retry_after > 0
    assert ask(playground, ann, m.Unban(id=7, room="#tea", whom="ben")) == [None]
    playground.clock.advance(HOUR / 4 + 1)
    assert ask(playground, ann, ban(1), ban(2)) == [None, Code.TOO_FAST]


@pytest.mark.parametrize("again", [False, True])
def test_so_many_acts_there_are_in_all(again):
    playground, ann = begin(max_acts=3)
    ben = come_in(playground, "ben", m.Join(id=1, room="#tea"), m.Join(id=2, room="#hall"))
    assert ask(playground, ann, ban(1), ban(2, "#hall"), ban(3, seconds=60)) == [None] * 3
    if again:
        token = ann.of(m.Welcome)[0].token
        restart(playground)
        ann = come_in(playground, token=token)
    mute = m.Mute(id=6, room="#hall", whom="ben")
    assert ask(playground, ann, mute) == [Code.TOO_MANY_ACTS]
    assert ask(playground, ann, ban(1, seconds=5)) == [None]  # in place of one that there is
    assert ask(playground, ann, m.Kick(id=7, room="#tea", whom="ben")) == [None]
    if not again:
        assert ben.of(m.Left) == [m.Left(room="#tea")]
    assert playground.server.hub.world.acts == 3
    assert ask(playground, ann, m.Unban(id=8, room="#hall", whom="nobody2"), mute) == [None, None]
    playground.advance(200.0, step=1.0)
    assert ask(playground, ann, ban(4), ban(5), ban(6)) == [None, None, Code.TOO_MANY_ACTS]
