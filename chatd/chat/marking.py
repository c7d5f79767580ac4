"""Marking: requests of IRC alone, modes and tags that are kept. Handlers as in `chatd.chat.requests`."""

from chatd.chat import channel_modes as modes
from chatd.chat.changes.rows import DropAct
from chatd.chat.moderation import Deed
from chatd.chat.rules import Standing
from chatd.chat.state import Peer, Room, Session
from chatd.chat.text import check_text
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError


def mark_people(
    world: World, peer: Peer, session: Session, room: Room, request: modes.MarkPeople, now: int
) -> m.Ok:
    """Give a voice, or put a mask on a list, or take that back."""
    deed = Deed.of(world, peer, session, room, request, now)
    on = request.change[0] == "+"
    if request.change[1] == "v":
        user = world.user_called(request.whom)
        if user not in room.members:
            raise RequestError(Code.NO_SUCH_USER, f"No member of {room.name} is called {request.whom[:64]}.")
        what, whom, mark, shown = modes.VOICE, str(user.id), user.id, user.nick
    else:
        what, whom = modes.named(request.change, request.whom)
        mark, shown = 0, modes.shown(what, whom)
    if ((what, whom) in room.acts) == on:
        return m.Ok(id=request.id, room=room.name)
    if on:
        if sum(1 for _ in modes.masks(room, what)) >= modes.MOST_MASKS and what != modes.VOICE:
            raise RequestError(Code.TOO_MANY_ACTS, f"{room.name} has {modes.MOST_MASKS} of these masks.")
        deed.check_count(what, whom)
    seq = deed.post("mode", shown, value=request.change)
    if on:
        world.change(modes.put(room, what, whom, mark, session.user.nick))
    else:
        world.change(DropAct(room.log.id, what, whom))
    world.batch.narrow(room)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def mark_room(
    world: World, peer: Peer, session: Session, room: Room, request: modes.MarkRoom, now: int
) -> m.Ok:
    """Give the room a key or a limit, or have it listed or not; an owner gives it up by ``-o``."""
    deed = Deed.of(world, peer, session, room, request, now)
    if request.rule == "-o":
        world.change(room.member_row(session.user)._replace(role=Standing.MEMBER))
        seq = deed.post("role", session.user.nick, value="member")
        return m.Ok(id=request.id, seq=seq, room=room.name)
    on = request.rule[0] == "+"
    what, whom = modes.named(request.rule, request.value)
    before = modes.parameter(room, what)
    if before == whom if on else not before:
        return m.Ok(id=request.id, room=room.name)
    if on:
        deed.check_count(what, whom)
    told = {modes.KEY: "*", modes.LIMIT: whom if on else ""}.get(what, "")  # no key lies in a log
    seq = deed.post("mode", told, value=request.rule)
    for drop in modes.ended(room, what):
        world.change(drop)
    if on:
        world.change(modes.put(room, what, whom, 0, session.user.nick))
    world.batch.narrow(room)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def keep_tags(
    world: World, peer: Peer, session: Session, room: Room, request: modes.KeepTags, now: int
) -> m.Ok:
    """Keep what somebody says to a room by tags."""
    del peer
    check_text(request.text)
    seq = world.post(room, modes.TAGS, session.user.nick, now, request.text)
    return m.Ok(id=request.id, seq=seq, room=room.name)
