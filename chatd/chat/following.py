"""Following: has connections follow a room from now on, or no more, once a batch is durable."""

from collections.abc import Iterable, Sequence
from functools import partial

from chatd.chat.batch import Batch
from chatd.chat.permissions import first_readable, may_follow
from chatd.chat.state import Asker, Peer, Room, Session, User
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


def end(room: Room, user: User, seq: int, now: int) -> None:
    """Have the connections of ``user`` follow ``room`` up to event ``seq``, which is about to be told.

    Whoever has come back into the room by the time that it is reached goes on from there. Downloads end at
    once if their files may not be read any more at ``now`` by the calendar.
    """
    for session in list(user.sessions):
        peer = session.peer
        if peer is not None:
            try:
                peer.reader.stop(room.log, seq, partial(_end, peer, user, room))
                _end_downloads(peer, room, Asker(user, peer.peer_host, now))
            except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                peer.fault()


def narrow(room: Room, sessions: Iterable[Session], now: int) -> None:
    """Have connections of ``sessions`` that lag skip events of ``room`` that their users may not read.

    Downloads of these end.
    """
    for session in list(sessions):
        peer, user = session.peer, session.user
        if peer is not None:
            try:
                if user in room.members:
                    peer.reader.narrow(room.log, room.floor(user))
                _end_downloads(peer, room, Asker(user, peer.peer_host, now))
            except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                peer.fault()


def _end_downloads(peer: Peer, room: Room, asker: Asker) -> None:
    peer.end_downloads(room.log.name, lambda: first_readable(asker, room))


def _begin(peer: Peer, room: Room, cursor: int, restored: bool) -> Sequence[Message]:
    session = peer.session
    if session is None or not may_follow(session.user, room) or peer.reader.follows(room.log):
        return ()
    cursor = min(cursor, room.log.head)  # what was decided before it may have failed to be stored
    cursor = max(cursor, room.floor(session.user))
    peer.reader.follow(room.log, cursor)
    return [Rooms(rooms=[room.state(session.user, cursor, restored=restored)])]


def _end(peer: Peer, user: User, room: Room) -> None:
    """Tell ``peer`` that it follows ``room`` no longer; of a room that its user is in again, begin anew."""
    log, reader = room.log, peer.reader
    cursor = reader.cursor(log)
    reader.unfollow(log)
    reader.tell(Left(room=log.name))
    member = room.members.get(user)
    if member is not None and member.settled(log.head):
        cursor = max(cursor, room.floor(user))
        reader.tell(Rooms(rooms=[room.state(user, cursor)]))
        reader.follow(log, cursor)
