"""Memberships that sleep until somebody asks for them are the same as those that were awake all the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat import crowd
from chatd.chat.changes.applying import apply, load, undo
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import DropMember, PutMember, PutRoom, PutUser
from chatd.chat.crowd import crowds_of
from chatd.chat.later import Later, each
from chatd.chat.storage import Snapshot, StoredRoom
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import come_in

USERS, ROOMS = range(1, 6), range(1, 5)
ROWS = st.builds(
    PutMember,
    room=st.sampled_from(ROOMS),
    user=st.sampled_from(USERS),
    read=st.integers(0, 12),
    role=st.sampled_from([1, 3, 3, 4, 5]),
    since=st.integers(0, 12),
)
MEMBERS = st.lists(ROWS, max_size=14, unique_by=lambda row: row[:2])
STEPS = st.lists(
    st.one_of(
        ROWS,
        st.builds(DropMember, room=st.sampled_from(ROOMS), user=st.sampled_from(USERS)),
        st.tuples(
            st.sampled_from(["size", "readers", "owners", "members", "rooms", "undo"]), st.sampled_from(ROOMS)
        ),
    ),
    max_size=25,
)


def world_of(rows, *, asleep):
    """Return records with these memberships, in three rooms and the direct messages of 1 and 2."""
    names = {1: "#a", 2: "#b", 3: "#c", 4: "@1+2"}
    rows = sorted(rows)
    awake = [row for row in rows if row.room == 4 or not asleep]
    crowds, haunts = crowds_of(row for row in rows if row not in awake)
    records = Records()
    users = [PutUser(user, f"u{user}", f"u{user}") for user in USERS]
    rooms = [StoredRoom(PutRoom(room, names[room], "", 1), 9, 9, "") for room in ROOMS]
    load(records, Snapshot("s", rooms, {PutUser: users, PutMember: awake}, crowds, haunts))
    return records


def ask(records, what, number):
    room, user = records.rooms_by_id[number], records.users[number]
    if what == "size":
        return room.size
    if what == "readers":
        return room.has_readers
    if what == "owners":
        return [owner.id for owner in room.owners]
    if what == "members":
        return [(member.id, *known) for member, known in room.members.items()]
    return [one.name for one in user.rooms], [one.name for one in user.direct]


@given(MEMBERS, STEPS)
def test_asleep_and_awake_are_the_same(rows, steps):
    worlds = [world_of(rows, asleep=True), world_of(rows, asleep=False)]
    inverses = [[], []]
    for step in steps:
        if isinstance(step, tuple) and step[0] == "undo":
            for records, done in zip(worlds, inverses, strict=True):
                undo(records, [done.pop()] if done else [])
        elif isinstance(step, PutMember | DropMember):
            there = any(user.id == step.user for user in worlds[1].rooms_by_id[step.room].members)
            for records, done in zip(worlds, inverses, strict=True):
                if there or isinstance(step, PutMember):
                    done.append(apply(records, step))
        else:
            asleep, awake = (ask(records, *step) for records in worlds)
            assert asleep == awake
    for what in ("size", "readers", "owners", "members", "rooms"):
        for number in ROOMS:
            asleep, awake = (ask(records, what, number) for records in worlds)
            assert asleep == awake


def test_what_nobody_asks_for_sleeps_on():
    records = world_of([PutMember(1, 1, 3), PutMember(1, 2, 3, 5), PutMember(2, 1, 3)], asleep=True)
    (a, b, _), ann = list(records.rooms_by_id.values())[:3], records.users[1]
    assert (a.size, b.size, a.has_readers) == (2, 1, False)
    assert a.asleep and b.asleep and ann.asleep
    apply(records, PutMember(1, 1, 7))
    assert not a.asleep
    assert b.asleep
    assert [user.id for user in a.owners] == [2]
    assert a.members[ann].read == 7


def test_a_large_room_is_awake_from_the_start(monkeypatch):
    """It is only then that waking it holds up nobody."""
    monkeypatch.setattr("chatd.chat.changes.applying.LARGE", 2)
    records = world_of([PutMember(1, user, 0) for user in (1, 2, 3)] + [PutMember(2, 1, 0)], asleep=True)
    assert not records.rooms_by_id[1].asleep
    assert records.rooms_by_id[2].asleep
    assert crowd.LARGE <= 5000


def test_what_is_made_later_is_made_once_and_nothing_else_is():
    class Thing(Later):
        __slots__ = ("names",)
        LATER = each("names", dict)

    thing = Thing()
    assert not thing.has("names")
    assert thing.names is thing.names
    assert not thing.has("names")
    thing.names["a"] = 1
    assert thing.has("names")
    with pytest.raises(AttributeError, match="'Thing' object has no attribute 'other'"):
        _ = thing.other


def is_made(thing, name):
    try:
        object.__getattribute__(thing, name)
    except AttributeError:
        return False
    return True


def test_what_the_daemon_does_by_itself_wakes_nobody():
    """Neither its start, nor a day of keeping house, nor a list of all rooms; nor is a container made."""
    playground = Playground()
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"))
    come_in(playground, "ben", m.Join(id=1, room="#tea"), m.Join(id=2, room="#milk"))
    ann.say(m.Set(id=2, room="#tea", rule="kind", value="private"))
    playground.advance(1)
    playground.crash_server()
    playground.start_server()
    playground.advance(86_400.0, step=600.0)
    world = playground.server.hub.world
    assert [room.size for room in world.rooms.values()] == [2, 1]
    assert all(room.asleep for room in world.rooms.values())
    assert all(user.asleep for user in world.users.values())
    assert not [name for room in world.rooms.values() for name in room.LATER if is_made(room, name)]
