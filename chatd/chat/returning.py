"""Returning: what is kept for clients that were away when their user was removed or the room was deleted.

A client joins by itself the rooms that it wants and its session does not follow, and says from where it goes
on (``after``). So a member who was removed would be back, and a deleted room would be made anew, public and
with texts that were meant for the old one. A removal is an act of the room. Of a deleted room its name stays
(`chatd.chat.gone`), with an act for each of its members. These end after `REMOVED`.
"""

from collections.abc import Iterable, Sequence

from chatd.chat.acts import DELETION, INVITE, KICK, act_of
from chatd.chat.changes.rows import DropAct, PutAct
from chatd.chat.channel_modes import VOICE
from chatd.chat.gone import gone_name
from chatd.chat.hook import dropping, of_room
from chatd.chat.names import ROOM_SIGN, USER_SIGN, check_room
from chatd.chat.rules import Kind, Rules
from chatd.chat.state import Asker, Peer, Room, Session, User
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_NOTES, REMOVED


def delete(world: World, room: Room, members: Iterable[User] = ()) -> None:
    """Let ``room`` be deleted. Housekeeping removes its events, then the rest.

    ``members`` were in it until now; who was removed before hears that alone.
    """
    name = room.name
    for act in [act for act in room.acts.values() if act.what != KICK]:
        world.change(DropAct(room.log.id, act.what, act.whom))
    rules = Rules(kind=Kind.DELETED)
    row = room.row()._replace(name=gone_name(room.log.id, name), topic="", **rules._asdict())
    world.change(row)
    for hook in list(of_room(world.hooks.values(), room.log.id)):
        for change in dropping(hook):
            world.change(change)
    for user in members:
        note_deletion(world, room, user)
    keep_within_bounds(world, room)


def note_deletion(world: World, room: Room, user: User, by: str = "", reason: str = "") -> None:
    """Keep for some time that ``user`` was in ``room`` when it was deleted."""
    until = world.calendar.now + REMOVED * 1000
    world.change(PutAct(room.log.id, DELETION, f"{USER_SIGN}{user.key}", user.id, until, by, reason))


def keep_within_bounds(world: World, but: Room) -> None:
    """Drop what is kept of the first deleted rooms, ``but`` one, as long as it is too much."""
    count = sum(len(room.acts) for room in world.gone)
    rooms = iter(world.gone)
    while count > MAX_NOTES and (room := next(rooms, but)) is not but:
        count -= len(room.acts)
        for act in list(room.acts.values()):
            world.change(DropAct(room.log.id, act.what, act.whom))


def deletions(world: World, asker: Asker, name: str) -> list[tuple[Room, PutAct]]:
    """Return the rooms called ``name`` that were deleted with ``asker`` in them, and the acts of that.

    The latest comes first. Those from which the user was removed before are among them.
    """
    if not name.startswith(ROOM_SIGN) or not len(world.gone):
        return []
    found = [
        (room, act_of(asker, room, DELETION) or act_of(asker, room, KICK))
        for room in world.gone.named(check_room(name))
    ]
    return [(room, act) for room, act in found if act is not None]


def check(world: World, peer: Peer, session: Session, room: Room | None, name: str, asker: Asker) -> None:
    """Refuse once that a client goes on in a room from which its user was removed, or that was deleted.

    ``room`` is the one that is called ``name`` now, if there is one. Each device is told, until the user
    joins a room of that name. Raises `RequestError` ``removed``.
    """
    act = act_of(asker, room, KICK) if room is not None and room.acts else None
    known = [] if room is None or act is None else [(room, act)]
    known += deletions(world, asker, name)
    untold = [(one, act) for one, act in known if session.told.get(one.log.id) is not act]
    if not untold:
        return
    batch = world.batch

    def told() -> Sequence[m.Message]:
        if not batch.undone:
            session.told.update((one.log.id, act) for one, act in untold)
        return ()

    batch.tell(peer, told)
    removed, act = untold[0]
    raise RequestError(Code.REMOVED, _sentence(act, check_room(name), gone=removed is not room))


def _sentence(act: PutAct, name: str, *, gone: bool) -> str:
    why = f": {act.reason}" if act.reason else ""
    if act.what == KICK:
        return f"{act.by} has removed you from {name}{why}" + ("." if gone else "; join it to come back.")
    who = f"{act.by} has deleted {name}{why}" if act.by else f"{name} was deleted when its last member left"
    return f"{who}; join it again if you want a room of that name."


def forget(world: World, room: Room, user: User) -> None:
    """Drop what has invited ``user``, who has joined ``room``, and what would refuse their other devices."""
    for one in (room, *world.gone.named(room.name)):
        acts = [act for act in one.acts.values() if act.what in _USED and act.user == user.id]
        for act in acts:
            world.change(DropAct(one.log.id, act.what, act.whom))
        for session in user.sessions:
            if session.has("told"):
                session.told.pop(one.log.id, None)


_USED = frozenset({INVITE, KICK, DELETION, VOICE})
