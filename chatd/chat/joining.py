"""Joining: who comes into a room, and who leaves. Handlers as those of `chatd.chat.requests`."""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

from chatd.chat import removing, returning
from chatd.chat.channel_modes import check_entry
from chatd.chat.comparing import TurnedJoin
from chatd.chat.following import follow, follow_everywhere
from chatd.chat.names import USER_SIGN
from chatd.chat.permissions import check_reader, check_room
from chatd.chat.rules import Standing
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.text import check_reason
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_ROOMS


def join(world: World, peer: Peer, session: Session, _: None, request: m.Join, now: int) -> m.Ok:
    """Let the user into a room and have this connection follow it; make the room if there is none."""
    user, reads = session.user, peer.reads_only
    asker = world.asker(user, peer.peer_host)
    known = world.find_room(asker, request.room)
    member = None if known is None else known.members.get(user)
    comes = member is None or (member.reads_only and not reads)
    if comes:
        if reads:
            known = check_reader(known)
        if known is not None:
            check_room(asker, known, request)
            check_entry(asker, known, request.key)
        if request.after is not None:
            returning.check(world, peer, session, known, request.room, asker)
    head = known.log.head if known is not None else 0
    if request.after is not None and request.after > head:
        raise RequestError(
            Code.CURSOR_BEYOND_HEAD,
            f"{request.room[:64]} has events up to {head} only; follow it from there.",
        )
    if member is None and not request.room.startswith(USER_SIGN):
        _check_room_limit(user)
    room = known or world.open_room(asker, request.room, now)
    seq = None
    start = room.log.head
    comes = comes and (
        member is not None or user not in room.members
    )  # a direct log is made with its members
    if comes:
        start = room.log.last
        if reads:
            world.add_member(room, user, Standing.READER, start + 1)
        else:
            seq = world.post(room, "join", user.nick, now, operator=known is not None and user.operator)
            world.add_member(room, user, Standing.MEMBER if known else Standing.OWNER, seq)
        returning.forget(world, room, user)
    cursor = start if request.after is None else request.after
    follow(world.batch, peer, room, cursor, restored=isinstance(request, TurnedJoin))
    if comes:
        follow_everywhere(world.batch, room, user, start)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def _check_room_limit(user: User) -> None:
    if len(user.rooms) >= MAX_ROOMS:
        raise RequestError(Code.TOO_MANY_ROOMS, f"{MAX_ROOMS} rooms are the limit; leave one first.")


def leave(world: World, peer: Peer, session: Session, room: Room, request: m.Leave, now: int) -> m.Ok:
    """Let the user leave ``room``."""
    check_reason(request.reason)
    name = room.name
    seq = removing.leave(world, room, session.user, now, request.reason)
    return m.Ok(id=request.id, seq=seq, room=name)
