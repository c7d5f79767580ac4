"""Threads: who follows which, and what of them is unread (docs/PROTOCOL.md, "Threads that you follow").

Who has replied in a thread follows it, and so does who has said what it is about, once somebody replies to
that. A reply counts as unread while it is behind the mark of the thread and behind that of the room. What is
kept for each is a row, in memory as well (`User.threads`), and of each thread that is followed its replies
(`chatd.chat.thread`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chatd.chat.changes.rows import DropThread, PutThread
from chatd.chat.state import Peer, Room, User
from chatd.wire.limits import MAX_THREADS
from chatd.wire.messages import Event, Following, ThreadState

if TYPE_CHECKING:
    from chatd.chat.world import World


def replied(world: "World", room: Room, event: Event, user: User, author: User | None) -> None:
    """Let ``user``, whose ``event`` replies, follow its thread, which they have read up to there.

    So does the ``author`` of what it replies to, if the thread begins with that: None if it does not.
    """
    thread = event.thread
    if thread < room.log.first:
        return
    if author not in {None, user} and author in room.members and thread not in _rows(room, author):
        put(world, room, author, thread, event.seq - 1)
    put(world, room, user, thread, event.seq)


def put(world: "World", room: Room, user: User, thread: int, read: int, *, off: bool = False) -> None:
    """Let ``user`` follow ``thread`` of ``room``, or no more, with what they have read of it.

    If they follow too many, one of those is followed no more that they have had nothing to do with for the
    longest.
    """
    if thread not in _rows(room, user) and sum(map(len, user.threads.values())) >= MAX_THREADS:
        oldest = min((row for rows in user.threads.values() for row in rows.values()), key=lambda row: row.at)
        world.change(DropThread(oldest.room, user.id, oldest.seq))
        world.batch.touch(world.rooms_by_id[oldest.room], user, oldest.seq)
    world.change(PutThread(room.log.id, user.id, thread, read, world.calendar.now, off))
    world.batch.touch(room, user, thread)


def mark_read(world: "World", room: Room, user: User, thread: int, seq: int) -> None:
    """Move the mark of ``user`` in a ``thread`` that they follow forward to event ``seq``."""
    row = _rows(room, user).get(thread)
    if row is not None and not row.off and seq > row.read:
        put(world, room, user, thread, seq)


def mark_room_read(world: "World", room: Room, user: User, seq: int) -> None:
    """Move the mark of ``user`` in ``room`` forward to event ``seq``, and in all of its threads."""
    before = {state.thread: state.unread for state in states(room, user)}
    world.mark_read(room, user, seq)
    for state in states(room, user) if before else ():
        if state.unread != before[state.thread]:
            world.batch.touch(room, user, state.thread)


def drop_all(world: "World", room: Room, user: User) -> None:
    """Keep nothing of the threads of ``room`` for ``user``, who is a member no more."""
    for row in list(_rows(room, user).values()):
        world.change(DropThread(row.room, row.user, row.seq))


def states(room: Room, user: User) -> Iterator[ThreadState]:
    """Yield the threads of ``room`` that ``user``, a member, follows, in the order in which they began."""
    for _, row in sorted(_rows(room, user).items()):
        if not row.off:
            yield state_of(room, user, row.seq)


def state_of(room: Room, user: User, thread: int) -> ThreadState:
    """Return what ``user``, a member, is told of a thread."""
    log, row, known = room.log, _rows(room, user).get(thread), room.threads.get(thread)
    if row is None or known is None or row.off:
        return ThreadState(room=log.name, thread=thread, head=log.head, off=True)
    after = max(row.read, room.members[user].read, log.first - 1)
    unread = known.above(after, log.head)
    return ThreadState(room=log.name, thread=thread, head=log.head, read=row.read, unread=unread)


def following(peer: Peer, user: User, rooms: list[Room]) -> list[Following]:
    """Return what ``peer`` of ``user`` is told of the threads in those of ``rooms`` that it follows."""
    if not user.has("threads"):
        return []
    found = [
        state
        for room in rooms
        if room.log.id in user.threads and user in room.members and peer.reader.follows(room.log)
        for state in states(room, user)
    ]
    return [Following(threads=found)] if found else []


def _rows(room: Room, user: User) -> dict[int, PutThread]:
    return user.threads.get(room.log.id, {})
