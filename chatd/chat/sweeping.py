"""Sweeping: removes many members of a room, a slice of them in each turn (`chatd.chat.sweeps`).

A first slice goes with the request itself, so that most rooms are done with that. A ban that is not done is
known by its row, and a deletion by the members who are left, so that both go on after a restart.
"""

from collections.abc import Iterable
from typing import Final

from chatd.chat import returning
from chatd.chat.acts import BAN, DELETION
from chatd.chat.changes.applying import apply
from chatd.chat.changes.inverses import SetSweeps
from chatd.chat.removing import Note, drop, remove
from chatd.chat.rules import Kind, Standing
from chatd.chat.state import Room, User
from chatd.chat.sweeps import Sweep
from chatd.chat.world import World
from chatd.wire.limits import MAX_ACTS, MAX_FORMER

LOOKED_AT: Final = 4000
"""Members that are looked at in one turn: some milliseconds of work."""

AT_ONCE: Final = 100
"""Members that are removed in one turn: some milliseconds of work, and as much once it is durable."""


def begin(world: World, sweep: Sweep) -> None:
    """Remove the first of the members whom ``sweep`` concerns; who is away first. Others follow in turns."""
    sweep.begin()
    if len(sweep.left) <= LOOKED_AT:
        some = filter(sweep.concerns, map(world.users.__getitem__, sweep.left))
        sweep.left = [user.id for user in sorted(some, key=lambda user: user.connected, reverse=True)]
        sweep.few = True
    _slice(world, sweep)
    if sweep.left:
        _set(world, sweep.room, [*(one for one in sweep.room.sweeps if one.network != sweep.network), sweep])
        _note_unfinished(world, sweep, sweep.standing)
        world.batch.narrow(sweep.room)


def step(world: World) -> bool:
    """Go on with one sweep for a slice; return whether something is left to be done."""
    if world.sweeps:
        room = next(iter(world.sweeps))
        sweep = room.sweeps[0]
        _slice(world, sweep)
        if not sweep.left:
            _note_unfinished(world, sweep, 0)
            end(world, room, [sweep])
    return bool(world.sweeps)


def settle(world: World, user: User) -> None:
    """Remove ``user`` from all rooms from which they are about to be removed, before they do anything."""
    for room in [room for room in user.rooms if room.sweeps]:
        for sweep in room.sweeps:
            if user in room.members and sweep.concerns(user):
                _remove(world, sweep, user)


def end(world: World, room: Room, ended: Iterable[Sweep]) -> None:
    """End sweeps of ``room``, because they are done or are taken back."""
    _set(world, room, [sweep for sweep in room.sweeps if sweep not in ended])
    world.batch.narrow(room)


def begin_again(world: World) -> None:
    """Look at everybody again: what was decided was taken back."""
    for room in world.sweeps:
        for sweep in room.sweeps:
            sweep.begin()


def resume(world: World) -> None:
    """Go on with what was not done when the daemon ended."""
    for room in world.rooms.values():
        if room.rules.kind == Kind.DELETED and room.members:
            told = next((act for act in room.acts.values() if act.what == DELETION), None)
            by, reason = ("", "") if told is None else (told.by, told.reason)
            sweeps = [Sweep(room, room.log.last, by=by, reason=reason)]
        elif room.rules.kind == Kind.PRIVATE and room.has_readers:
            sweeps = [Sweep(room, room.log.last, standing=Standing.MEMBER)]
        elif room.has("acts"):
            sweeps = [
                Sweep(room, room.log.last, act.whom, -act.user, act.by, act.reason)
                for act in room.acts.values()
                if act.what == BAN and act.user < 0
            ]
        else:
            sweeps = []
        if sweeps:
            apply(world, SetSweeps(room.log.id, tuple(sweeps)))
            for sweep in sweeps:
                sweep.begin()


def _set(world: World, room: Room, sweeps: list[Sweep]) -> None:
    world.batch.add_inverse(apply(world, SetSweeps(room.log.id, tuple(sweeps))))


def _slice(world: World, sweep: Sweep) -> None:
    removed = 0
    for _ in range(min(LOOKED_AT, len(sweep.left))):
        user = world.users.get(sweep.left.pop())
        if user is not None and user in sweep.room.members and sweep.concerns(user):
            _remove(world, sweep, user)
            removed += 1
            if removed >= AT_ONCE:
                break
    if sweep.deletes:
        returning.keep_within_bounds(world, sweep.room)


def _remove(world: World, sweep: Sweep, user: User) -> None:
    room = sweep.room
    bar = sweep if sweep in room.sweeps else None
    if not sweep.network:
        if sweep.deletes and _takes_note(sweep, user, MAX_FORMER):
            returning.note_deletion(world, room, user, sweep.by, sweep.reason)
        drop(world, room, user, sweep.seq, bar)
        return
    note = Note(sweep.by, sweep.reason) if _takes_note(sweep, user, MAX_ACTS) else None
    seq = world.post(
        room,
        "kick",
        sweep.by,
        room.log.ts,
        whom=user.nick,
        reason=sweep.reason,
        operator=sweep.operator,
    )
    remove(world, room, user, seq, note, bar)


def _takes_note(sweep: Sweep, user: User, most: int) -> bool:
    """Count a note of the removal of ``user``, unless there are too many; who is away needs it most."""
    takes = sweep.noted < most and (sweep.few or not user.connected)
    sweep.noted += takes
    return takes


def _note_unfinished(world: World, sweep: Sweep, standing: int) -> None:
    """Have it known on disk, by the row of the ban, that its sweep is not done; 0 says that it is."""
    act = sweep.room.acts.get((BAN, sweep.network))
    if act is not None:
        world.change(act._replace(user=-standing))
