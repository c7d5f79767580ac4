"""Declining: the request by which somebody says no to an invitation to a room."""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

from chatd.chat.acts import INVITE, is_invited
from chatd.chat.changes.rows import DropAct
from chatd.chat.names import check_room
from chatd.chat.state import Peer, Session
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError


def decline(world: World, peer: Peer, session: Session, _: None, request: m.Decline, now: int) -> m.Ok:
    """Let an invitation end, and tell the room; whoever is invited to none learns of no room."""
    user, name = session.user, check_room(request.room)
    room = world.rooms.get(name)
    if room is None or not is_invited(user, room, world.calendar.now):
        raise RequestError(Code.NO_SUCH_ACT, f"You are not invited to {name}.")
    seq = world.post(room, "decline", user.nick, now)
    for whom in list(user.invited[room]):
        world.change(DropAct(room.log.id, INVITE, whom))
    return m.Ok(id=request.id, seq=seq, room=room.name)
