"""Blocking: the requests by which people say whose direct messages they take.

What follows from that is decided by `chatd.chat.permissions.check_direct`.
"""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

from chatd.chat.changes.rows import DropAllow, DropBlock, PutAllow, PutBlock
from chatd.chat.permissions import EVERYBODY, NOBODY, SHARED
from chatd.chat.state import Peer, Session, User
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_BLOCKED


def block(world: World, peer: Peer, session: Session, _: None, request: m.Block, now: int) -> m.Ok:
    """Take no direct messages from somebody; without a name, tell whose are not taken."""
    user = session.user
    if not request.whom:
        known = [world.users[one] for one in sorted(user.blocked) if one in world.users]
        rows = [m.Member(nick=one.nick, online=False) for one in known]
        return m.Ok(id=request.id, members=rows)
    whom = world.user_called(request.whom)
    if whom is user:
        raise RequestError(Code.NOT_ALLOWED, "You cannot block yourself.")
    if len(user.blocked) >= MAX_BLOCKED and whom.id not in user.blocked:
        _forget_gone(world, user)
        if len(user.blocked) >= MAX_BLOCKED:
            raise RequestError(Code.TOO_MANY_ACTS, f"You block {MAX_BLOCKED} people; unblock some of them.")
    if whom.id not in user.blocked:
        world.change(PutBlock(user.id, whom.id))
    return m.Ok(id=request.id)


def unblock(world: World, peer: Peer, session: Session, _: None, request: m.Unblock, now: int) -> m.Ok:
    """Take direct messages from somebody again."""
    user, whom = session.user, world.user_called(request.whom)
    if whom.id not in user.blocked:
        raise RequestError(Code.NO_SUCH_ACT, f"You do not block {whom.nick}.")
    world.change(DropBlock(user.id, whom.id))
    return m.Ok(id=request.id)


def allow(world: World, peer: Peer, session: Session, _: None, request: m.Allow, now: int) -> m.Ok:
    """Say whose direct messages are taken."""
    user = session.user
    if request.direct not in {EVERYBODY, SHARED, NOBODY}:
        raise RequestError(
            Code.BAD_VALUE, f"Direct messages are taken from {EVERYBODY}, {SHARED} or {NOBODY}."
        )
    if request.direct != user.allow:
        change = DropAllow(user.id) if request.direct == EVERYBODY else PutAllow(user.id, request.direct)
        world.change(change)
    return m.Ok(id=request.id)


def _forget_gone(world: World, user: User) -> None:
    """Drop the blocks of ``user`` against people who are no more."""
    for whom in [whom for whom in user.blocked if whom not in world.users]:
        world.change(DropBlock(user.id, whom))
