"""Erasures: all that an account has said is removed, log by log, slice by slice.

Each slice is one decision, with one event `remove` that names what it erases. How far an erasure has come is
kept with the same commit (`PutErasure`), so that a crash, or a commit that fails, ends none of it.
"""

from array import array
from bisect import bisect_left

from chatd.chat.changes.rows import DropErasure, PutErasure
from chatd.chat.erasing import SAID, erase, withdraw_topic
from chatd.chat.following import rouse
from chatd.chat.permissions import by_its_nick
from chatd.chat.rules import Kind
from chatd.chat.snapshots import numbers_of
from chatd.chat.state import Room, User
from chatd.chat.world import World
from chatd.wire.messages import Event
from chatd.wire.stored import event_in

MOST = 200
"""Events that one slice erases at the most: some 10 ms of work for the store (P6)."""

AT_ONCE = 5000
"""Rooms that are passed in one turn at the most, which stays short (P6)."""


def begin(world: World, user: User) -> None:
    """Let all be erased that ``user``, an account, has said; call it while its sessions are still known."""
    sessions = " ".join(str(session.id) for session in user.sessions)
    world.change(PutErasure(user.id, 0, 0, sessions))


class Way:
    """How far one erasure has come in memory: behind what is kept of it (``row``) by what held nothing.

    ``rooms`` are those that are left, the last one first.
    """

    def __init__(self, world: World, row: PutErasure) -> None:
        self.row = row
        self.seq = row.seq
        rooms = sorted(world.rooms_by_id)  # they nearly are: that takes a few milliseconds
        self.rooms = numbers_of(reversed(rooms[bisect_left(rooms, row.room) :]))
        if not self.rooms or self.rooms[-1] != row.room:
            self.seq = 0


class Slices:
    """What is to be done for the erasures of ``world``, one slice after the other.

    ``busy`` is whether there is more to be done at once, though `next` has returned None.
    """

    def __init__(self, world: World) -> None:
        self.busy = False
        self._world = world
        self._ways: dict[int, Way] = {}
        self._unstored: dict[int, dict[int, int]] = {}
        self._unseen: dict[int, array[int]] = {}

    def next(self) -> tuple[PutErasure, Room, int] | None:
        """Return an erasure with the room whose events are to be looked at, and the first of these.

        Hand them to `take`. None is returned if nothing is to be looked at now.
        """
        world = self._world
        self.busy = False
        for row in list(world.erasures.values()):
            if not self._is_durable(row):
                continue
            way = self._ways.get(row.user)
            if way is None or way.row != row:  # the first time, or a commit has failed
                way = self._ways[row.user] = Way(world, row)
            for _ in range(min(AT_ONCE, len(way.rooms))):
                room = world.rooms_by_id.get(way.rooms[-1])
                if room is not None and room.rules.kind != Kind.DELETED:
                    first = max(room.log.first, way.seq)
                    if first <= room.log.head:
                        return row, room, first
                way.rooms.pop()
                way.seq = 0
            self.busy = True
            if not way.rooms:
                world.change(DropErasure(row.user))
                del self._ways[row.user], self._unstored[row.user], self._unseen[row.user]
            return None
        return None

    def _is_durable(self, row: PutErasure) -> bool:
        """Return whether all is on disk that had been said when it was begun; some rooms are looked at."""
        rooms = self._world.rooms_by_id
        if row.user not in self._unstored:
            self._unstored[row.user] = {}
            self._unseen[row.user] = numbers_of(rooms)
        waiting, unseen = self._unstored[row.user], self._unseen[row.user]
        for _ in range(min(AT_ONCE, len(unseen))):
            room = rooms.get(unseen.pop())
            if room is not None and room.log.last > room.log.head:
                waiting[room.log.id] = room.log.last
        if unseen:
            self.busy = True
            return False
        for number, last in list(waiting.items()):
            room = rooms.get(number)
            if room is None or room.log.head >= min(last, room.log.last):
                del waiting[number]
        return not waiting

    def take(self, row: PutErasure, room: Room, first: int, stored: list[bytes], now: int) -> int:
        """Erase what the account has said in the ``stored`` events of ``room`` from ``first`` on.

        Returns how many these were. ``now`` is in milliseconds since 1970.
        """
        world = self._world
        way = self._ways.get(row.user)
        if way is None or world.erasures.get(row.user) != row:
            return 0  # a commit has failed meanwhile
        if not stored and room.log.first > first:  # retention was faster: look again from there
            way.seq = room.log.first
            return 0
        user = world.users[row.user]
        sessions = {int(one) for one in row.sessions.split()}
        found: list[Event] = []
        last = max(first - 1, room.log.first - 1) if stored else room.log.head
        for one in stored:
            event = event_in(one)
            last = event.seq
            said = event.session in sessions or by_its_nick(user, event)
            if said and event.kind in SAID and event.seq not in room.log.removing:
                found.append(event)
                if len(found) == MOST:
                    break
        way.seq = last + 1
        if found:
            self._erase(room, user, found, now)
            way.row = row._replace(room=room.log.id, seq=way.seq)
            world.change(way.row)
        return len(found)

    def _erase(self, room: Room, user: User, found: list[Event], now: int) -> None:
        world = self._world
        for event in found:
            withdraw_topic(world, room, event, user.nick, now)
        by = world.post(room, "remove", user.nick, now, refs=tuple(event.seq for event in found))
        for event in found:
            erase(world, room, event, by, user.nick, user)
        if room.direct:
            rouse(world.batch, room)
