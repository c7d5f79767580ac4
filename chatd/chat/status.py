"""Status: the request by which people say that they are away or busy, and what others are told of it."""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

from typing import Final

from msgspec.structs import replace

from chatd.chat.changes.rows import PutStatus
from chatd.chat.permissions import may_speak
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.text import check_status
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_STATUS_SECONDS

STATES: Final = ("", "away", "busy")

ROOM_COST: Final = 2
"""What it costs of the session's allowance that one room more is told."""

ENDED_AT_ONCE: Final = 400
"""Statuses that end in one second at most: a commit of some milliseconds (P6)."""


def set_status(world: World, peer: Peer, session: Session, _: None, request: m.SetStatus, now: int) -> m.Ok:
    """Say that the user is away or busy, or that they are neither; the latest one counts."""
    if request.state not in STATES:
        raise RequestError(Code.BAD_VALUE, "Somebody is away, or busy, or neither.")
    check_status(request.text)
    if request.seconds > MAX_STATUS_SECONDS:
        raise RequestError(Code.BAD_VALUE, f"A status ends within {MAX_STATUS_SECONDS // 86_400} days.")
    user = session.user
    until = world.calendar.now + 1000 * request.seconds if request.seconds else 0
    if not request.state and world.statuses.known(user.id) is None:
        return m.Ok(id=request.id)
    row = PutStatus(user.id, request.state, request.text, until) if request.state else None
    world.set_status(user, row)
    session.charge(ROOM_COST * len(user.rooms))
    return m.Ok(id=request.id)


def told(world: World, row: PutStatus | None) -> m.StatusInfo | None:
    """Return ``row`` as it is told."""
    if row is None:
        return None
    left = (row.until - world.calendar.now + 999) // 1000 if row.until else 0
    return m.StatusInfo(state=row.state, text=row.text, seconds=left)


def own_status(world: World, user: User) -> m.StatusInfo | None:
    """Return what ``user`` says of themselves, as far as it is durable."""
    return told(world, world.statuses.durable(user.id, world.calendar.now))


def listed_status(world: World, room: Room, user: User) -> m.StatusInfo | None:
    """Return what a list of those in ``room``, which waits for the commit, says of ``user``."""
    return _fit(world, room, user, told(world, world.statuses.of(user.id, world.calendar.now)))


def status_in(world: World, room: Room, user: User) -> m.StatusInfo | None:
    """Return what those in ``room`` are told of ``user`` now."""
    return _fit(world, room, user, own_status(world, user))


def _fit(world: World, room: Room, user: User, status: m.StatusInfo | None) -> m.StatusInfo | None:
    """Return ``status`` without its text where ``user`` may not speak."""
    if status is None or not status.text or may_speak(world.asker(user, user.address), room):
        return status
    return replace(status, text="")


def end_statuses(world: World) -> bool:
    """Drop those that have ended; return whether there were any."""
    over = world.statuses.ended(world.calendar.now, ENDED_AT_ONCE)
    for row in over:
        user = world.users.get(row.user)
        if user is not None:
            world.set_status(user, None)
    return bool(over)
