"""Removing: ends memberships, and keeps for clients that were away that this was somebody's doing."""

from collections.abc import Sequence
from typing import NamedTuple

from chatd.chat import returning, threads
from chatd.chat.acts import KICK
from chatd.chat.batch import Removal
from chatd.chat.changes.rows import DropAct, PutAct
from chatd.chat.names import USER_SIGN
from chatd.chat.quota import reached
from chatd.chat.rules import Kind, Standing
from chatd.chat.state import Room, User
from chatd.chat.succession import succeed
from chatd.chat.sweeps import Sweep
from chatd.chat.world import World
from chatd.wire.limits import MAX_ACTS, REMOVED


class Note(NamedTuple):
    """What is kept of a removal: who did it and why."""

    by: str
    reason: str


def leave(world: World, room: Room, user: User, now: int, reason: str = "", value: str = "") -> int | None:
    """End a membership because ``user`` goes, and return the number of the event that says so.

    There is none for a reader. ``reason`` and ``value`` stand in it.
    """
    reads = room.members[user].reads_only
    seq = room.log.last
    if not reads:
        seq = world.post(room, "leave", user.nick, now, reason=reason, value=value)
    drop(world, room, user, seq)
    close_if_empty(world, room, [user] if len(user.sessions) > 1 else [])
    return None if reads else seq


def remove(
    world: World, room: Room, user: User, seq: int, note: Note | None, sweep: Sweep | None = None
) -> None:
    """Let ``user`` be no member any more; event ``seq`` is the last that they are handed.

    A ``note`` of it is kept for their devices that are away.
    """
    if note is not None:
        _keep(world, room, user, note)
    drop(world, room, user, seq, sweep)
    close_if_empty(world, room, [])


def drop(world: World, room: Room, user: User, seq: int, sweep: Sweep | None = None) -> None:
    """End a membership by event ``seq``. Whoever owned the room has a successor."""
    member = room.members[user]
    threads.drop_all(world, room, user)
    world.drop_member(room, user)
    world.batch.end(Removal(room, user, seq, member.since, sweep))
    if member.role == Standing.OWNER:
        succeed(world, room, user, room.log.ts)


def _keep(world: World, room: Room, user: User, note: Note) -> None:
    """Keep a note for some time, in place of the oldest of too many, or not if there is no place for it."""
    full = reached(world.acts, world.terms.quota.acts)
    if full or len(room.acts) >= MAX_ACTS:
        known = [act for act in room.acts.values() if act.what == KICK and act.user != user.id]
        if full and not known:
            return
        if full or len(known) >= MAX_ACTS:
            oldest = min(known, key=lambda act: act.until)
            world.change(DropAct(room.log.id, KICK, oldest.whom))
    until = world.calendar.now + REMOVED * 1000
    whom = f"{USER_SIGN}{user.key}"
    world.change(PutAct(room.log.id, KICK, whom, user.id, until, note.by, note.reason))


def close_if_empty(world: World, room: Room, members: Sequence[User]) -> None:
    """Delete a private room that nobody is in any more: nobody could ever come back to it.

    ``members`` have other devices that may not know it.
    """
    if room.rules.kind == Kind.PRIVATE and not room.members:
        returning.delete(world, room, members)
