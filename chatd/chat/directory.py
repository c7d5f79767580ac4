"""The directory: pages of rooms and of their members. Handlers as those of `chatd.chat.requests`."""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

import heapq
from collections.abc import Iterable
from itertools import islice

from chatd.chat.channel_modes import is_unlisted
from chatd.chat.names import check_nick
from chatd.chat.permissions import knows
from chatd.chat.rules import ROLE_NAMES, Kind
from chatd.chat.state import Asker, Peer, Room, Session, User
from chatd.chat.status import listed_status
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.limits import ROOMS_PER_MESSAGE

ROWS_PER_UNIT = 10
"""Rooms or members told that cost as much as a send."""

LOOKS_PER_UNIT = 200
"""Members looked through that cost as much as a send."""

STATUS_BYTES = 12_000
"""Bytes of what members say of themselves in one page, so that it fits into a frame; the page ends there."""

FEW_MEMBERS = 5000
"""Members up to which all of a room are looked at for a page of them: a millisecond of work (P6)."""


def list_rooms(world: World, peer: Peer, session: Session, _: None, request: m.ListRooms, __: int) -> m.Ok:
    """Answer with a page of the rooms that the user may know of."""
    asker = world.asker(session.user, peer.peer_host)
    limit = min(request.limit, ROOMS_PER_MESSAGE)
    names = heapq.merge(world.listing.open(request.after), _private_rooms(world, asker, request.after))
    page = list(islice(names, limit + 1))
    session.charge(len(page) / ROWS_PER_UNIT)
    rooms = [world.rooms[name] for name in page[:limit]]
    rows = [
        m.RoomInfo(
            room=room.name,
            members=room.size,
            head=room.log.head,
            topic=room.topic,
            kind=room.rules.kind,
        )
        for room in rooms
    ]
    return m.Ok(id=request.id, rooms=rows, more=len(page) > limit)


def _private_rooms(world: World, asker: Asker, after: str) -> Iterable[str]:
    """Return the names behind ``after`` of the private rooms that ``asker`` may know of, in their order."""
    user = asker.user
    if user.operator:
        return world.listing.private(after)
    rooms = [
        room for room in (*user.rooms, *user.invited) if room.rules.kind == Kind.PRIVATE or is_unlisted(room)
    ]
    known = {room.name for room in rooms if knows(asker, room)}
    return sorted(name for name in known if name > after)


def list_members(world: World, peer: Peer, session: Session, room: Room, request: m.Members, _: int) -> m.Ok:
    """Answer with a page of the members of ``room``."""
    after = check_nick(request.after)[1] if request.after else ""
    looks, page = _keys_behind(world, room, after, request.limit + 1)
    session.charge(looks // LOOKS_PER_UNIT + len(page) / ROWS_PER_UNIT)
    rows: list[m.Member] = []
    left = STATUS_BYTES
    for key in page[: request.limit]:
        rows.append(_member(world, room, world.nicks[key]))
        status = rows[-1].status
        left -= 0 if status is None else STATUS_BYTES // 100 + 2 * len(status.text.encode())
        if left <= 0:
            break
    return m.Ok(id=request.id, members=rows, more=len(page) > len(rows))


def _keys_behind(world: World, room: Room, after: str, most: int) -> tuple[int, list[str]]:
    """Return the first keys of the nicks of members behind ``after``, and how many were looked at for that.

    Of a large room it is not all: the nicks of the server are gone through in their order until there are
    enough members among them.
    """
    if len(room.members) <= FEW_MEMBERS:
        keys = [user.key for user in room.members if user.key is not None and user.key > after]
        return len(room.members), heapq.nsmallest(most, keys)
    page: list[str] = []
    looks = 0
    for key in world.nick_order.behind(after):
        looks += 1
        user = world.nicks[key]
        if user.key == key and user in room.members:
            page.append(key)
            if len(page) == most:
                break
    return looks, page


def _member(world: World, room: Room, user: User) -> m.Member:
    address = user.address if world.terms.show_addresses else ""
    role = ROLE_NAMES[room.members[user].role]
    return m.Member(
        nick=user.nick,
        online=user.connected or user.announced,
        address=address,
        role=role,
        operator=user.operator,
        status=listed_status(world, room, user),
    )
