"""Following: has connections follow a room from now on, or no more, once a batch is durable."""

from collections.abc import Sequence
from functools import partial

from chatd.chat.batch import Batch
from chatd.chat.permissions import may_follow
from chatd.chat.state import Peer, Room, User
from chatd.wire.messages import Left, Message, Rooms


def follow(batch: Batch, peer: Peer, room: Room, cursor: int, *, restored: bool = False) -> None:
    """Have ``peer`` follow ``room`` from behind ``cursor``, after the commit; see `RoomState`."""
    batch.tell(peer, partial(_begin, peer, room, cursor, restored))


def follow_everywhere(batch: Batch, room: Room, user: User, cursor: int) -> None:
    """Have the connections of ``user`` follow ``room`` from behind ``cursor``, after the commit.

    Connections that follow listed rooms only are left alone.
    """
    for session in user.sessions:
        if session.peer is not None and session.peer.reader.follows_all:
            follow(batch, session.peer, room, cursor)


def rouse(batch: Batch, room: Room) -> None:
    """Have connections that do not follow a log of direct messages yet do so, after the commit.

    If there are very many such logs, a welcome leaves out those without news.
    """
    for user in room.members:
        for session in user.sessions:
            peer = session.peer
            if peer is not None and peer.reader.follows_all and not peer.reader.follows(room.log):
                follow(batch, peer, room, room.start_of(user))


def unfollow_everywhere(batch: Batch, room: Room, user: User) -> None:
    """Have no connection of ``user`` follow ``room`` any more, after the commit."""
    for session in user.sessions:
        if session.peer is not None:
            batch.tell(session.peer, partial(_end, session.peer, room))


def _begin(peer: Peer, room: Room, cursor: int, restored: bool) -> Sequence[Message]:
    session = peer.session
    if session is None or not may_follow(session.user, room) or peer.reader.follows(room.log):
        return ()
    cursor = min(cursor, room.log.head)  # what was decided before it may have failed to be stored
    peer.reader.follow(room.log, cursor)
    return [Rooms(rooms=[room.state(session.user, cursor, restored=restored)])]


def _end(peer: Peer, room: Room) -> Sequence[Message]:
    still = peer.session is not None and may_follow(peer.session.user, room)
    if still or not peer.reader.follows(room.log):
        return ()
    peer.reader.unfollow(room.log)
    return [Left(room=room.name)]
