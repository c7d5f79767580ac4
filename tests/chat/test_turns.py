"""What happens in one turn is bounded, however much there is to be done: it is counted, not timed (P6)."""

from itertools import pairwise

import pytest

from chatd.chat import accounts, directory, erasures, invitations
from chatd.chat.changes.rows import PutErasure, PutInvite
from chatd.chat.crowd import Membership
from chatd.chat.log import Log
from chatd.chat.state import Room, User
from chatd.control.messages import AskUserList
from chatd.control.users import perform
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import come_in, sends, turns

FOREVER = 1 << 60


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    return playground


def world_of(playground):
    return playground.server.hub.world


# ---- what has ended -------------------------------------------------------------------------------------


@pytest.fixture
def gone(playground):
    """Return thirty guests who were in three rooms each, and whose connections have ended."""
    talkers = [
        come_in(playground, f"n{number}", *[m.Join(id=1, room=f"#{room}") for room in "abc"], wait=0.1)
        for number in range(30)
    ]
    for talker in talkers:
        talker.transport.abortConnection()
    playground.advance(1)
    return talkers


def expiring(playground):
    world = world_of(playground)
    world.calendar.now += FOREVER // 2
    return playground.server.hub.expire(1, playground.wall(), unclaimed=True)


def test_thousands_of_sessions_end_a_few_at_a_time(playground, gone, monkeypatch):
    monkeypatch.setattr("chatd.chat.expiring.AT_ONCE", 10)
    slices = list(expiring(playground))
    assert max(work for work, _ in slices) < 10 + 4
    assert sum(len(ended) for _, ended in slices) == 30
    playground.advance(1)
    world = world_of(playground)
    assert not world.sessions
    assert not world.users
    assert not any(room.members for room in world.rooms.values())


def test_no_more_are_looked_at_in_one_turn_either(playground, gone, monkeypatch):
    monkeypatch.setattr("chatd.chat.expiring.LOOKED_AT", 7)
    slices = list(expiring(playground))
    assert max(len(ended) for _, ended in slices) <= 7
    assert not world_of(playground).sessions


def test_who_comes_back_between_two_turns_stays(playground, gone, monkeypatch):
    monkeypatch.setattr("chatd.chat.expiring.AT_ONCE", 10)
    slices = expiring(playground)
    next(slices)
    back = come_in(playground, token=gone[29].of(m.Welcome)[0].token, wait=0.1)
    list(slices)
    playground.advance(1)
    assert [user.nick for user in world_of(playground).users.values()] == ["n29"]
    back.say(*sends("#a", "here"))
    playground.advance(1)
    assert back.texts("#a") == ["here"]


def test_housekeeping_does_so_turn_by_turn(playground, gone, monkeypatch):
    monkeypatch.setattr("chatd.chat.expiring.AT_ONCE", 4)
    world_of(playground).calendar.now += FOREVER // 2
    left = [30]
    for _ in range(61):
        left += [len(world_of(playground).sessions) for _ in turns(playground.clock, 60)]
    assert left[-1] == 0
    assert max(before - after for before, after in pairwise(left)) <= 4


def test_of_invitations_whoever_makes_one_has_only_their_own_looked_at(playground):
    world = world_of(playground)
    for nick in ("ann", "ben"):
        come_in(playground, nick)
    ann, ben = world.nicks["ann"], world.nicks["ben"]
    for user in (ann, ben):
        for number in range(5):
            world.change(PutInvite(b"%d %d" % (user.id, number), user.id, 1, 1))
    world.calendar.now = 10
    invitations.invite(world, ann, "a code", 1, 7)
    assert [row.by for row in world.invites.values()] == [ben.id] * 5 + [ann.id]
    assert {by: len(some) for by, some in world.invites_by.items()} == {ann.id: 1, ben.id: 5}


# ---- what is listed -------------------------------------------------------------------------------------


def test_a_page_of_a_very_large_room_is_what_sorting_all_members_gives(playground, monkeypatch):
    monkeypatch.setattr("chatd.chat.directory.FEW_MEMBERS", 5)
    for number in range(40):
        come_in(playground, f"n{number}", *([m.Join(id=1, room="#big")] if number % 3 else []))
    world = world_of(playground)
    room = world.rooms["#big"]
    keys = sorted(user.key for user in room.members)
    assert len(keys) > 5
    for after in ("", "n2", "n25", "z"):
        looks, page = directory._keys_behind(world, room, after, 4)
        assert page == [key for key in keys if key > after][:4]
        assert looks <= 4 * 2
    asker = come_in(playground, "zoe", m.Join(id=1, room="#big"), m.Members(id=2, room="#big", limit=3))
    playground.advance()
    ok = next(ok for ok in asker.of(m.Ok) if ok.members is not None)
    assert ([member.nick for member in ok.members], ok.more) == (keys[:3], True)


def test_former_nicks_of_accounts_are_on_no_page_of_members(playground, monkeypatch):
    monkeypatch.setattr("chatd.chat.directory.FEW_MEMBERS", 0)
    world = world_of(playground)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    accounts.make(world, world.nicks["ann"], "hash", 1)
    ann.say(m.Nick(id=2, nick="zoe"), m.Members(id=3, room="#a"))
    playground.advance(1)
    assert [member.nick for member in ann.of(m.Ok)[-1].members] == ["zoe"]
    assert world.nicks["ann"] is world.nicks["zoe"]


def test_all_accounts_are_listed_in_order_a_page_after_the_other(playground, monkeypatch):
    monkeypatch.setattr("chatd.control.users.PAGE", 2)
    world = world_of(playground)
    for nick in ("Cem", "ann", "guest", "ben", "Dan", "eve"):
        come_in(playground, nick)
        if nick != "guest":
            accounts.make(world, world.nicks[nick.lower()], "hash", 1)
    rows = iter(perform(world, AskUserList(id=1), 1).rows)
    assert next(rows).nick == "ann"
    come_in(playground, "fay")
    accounts.make(world, world.nicks["fay"], "hash", 1)
    assert [row.nick for row in rows] == ["ben", "Cem", "Dan", "eve", "fay"]


# ---- very many logs of direct messages ------------------------------------------------------------------


def test_of_very_many_logs_of_direct_messages_a_few_are_looked_at(monkeypatch):
    ann, looked = User(1, "ann", "ann"), []
    for other in range(2, 1002):
        log = Log(other, f"@1+{other}", head=1)
        room = Room(log.name, log)
        room.members = {ann: Membership(0), User(other, str(other), None): Membership(0)}
        room.moves_up()
    is_unread = Room.is_unread
    monkeypatch.setattr(Room, "is_unread", lambda room, user: looked.append(room) or is_unread(room, user))
    assert [room.log.id for room in ann.newest_direct(3)] == [1001, 1000, 999]
    assert len(looked) <= 3


def test_presence_of_somebody_with_very_many_of_them_is_told_in_pieces(playground, monkeypatch):
    monkeypatch.setattr("chatd.chat.presence.AT_ONCE", 4)
    ann = come_in(playground, "ann", *sends("@ann", "to myself"))
    friends = [come_in(playground, f"n{n}", *sends("@ann", "hello"), wait=0.1) for n in range(12)]
    for friend in friends[6:]:
        friend.transport.abortConnection()
    playground.advance(40)
    token = ann.of(m.Welcome)[0].token
    ann.transport.abortConnection()
    playground.advance(40)
    come_in(playground, token=token)
    counts = list(playground.server.hub.presence.tell(playground.clock.seconds()))
    playground.advance()
    assert max(counts) <= 4
    assert counts[:6] == [1, 4, 4, 4, 1, 4]  # of thirteen logs; then of six in which somebody hears it
    assert all("ann" in friend.of(m.Presence)[-1].online for friend in friends[:6])


# ---- erasures -------------------------------------------------------------------------------------------


def test_an_erasure_looks_at_some_rooms_in_a_turn(playground, monkeypatch):
    monkeypatch.setattr(erasures, "AT_ONCE", 3)
    world = world_of(playground)
    ann = come_in(playground, "ann", *[m.Join(id=1, room=f"#r{number}") for number in range(20)], wait=0.1)
    user = world.nicks["ann"]
    accounts.make(world, user, "hash", 1)
    ann.say(*sends("#r19", "secret"))
    playground.advance(1)
    world.change(PutErasure(user.id, 0, 0, ""))
    slices = erasures.Slices(world)
    turns = 1
    while (step := slices.next()) is None:
        assert slices.busy
        turns += 1
    assert turns >= 20 // 3
    assert step[1].log.id == min(world.rooms_by_id)
