"""Following: has connections follow a room from now on, or no more, once a batch is durable."""

from collections.abc import Iterable, Sequence
from functools import partial

from chatd.chat.batch import Batch, Removal
from chatd.chat.bounds import RoomBounds
from chatd.chat.permissions import first_readable, may_follow
from chatd.chat.rules import History
from chatd.chat.state import Asker, Peer, Room, User
from chatd.chat.sweeps import is_barred
from chatd.chat.threads import following
from chatd.wire.messages import Left, Message, Rooms


def follow(batch: Batch, peer: Peer, room: Room, cursor: int, *, restored: bool = False) -> None:
    """Have ``peer`` follow ``room`` from behind ``cursor``, after the commit; see `RoomState`."""
    batch.tell(peer, partial(_begin, peer, room, cursor, restored))


def follow_everywhere(batch: Batch, room: Room, user: User, cursor: int) -> None:
    """Have the connections of ``user`` follow ``room`` from behind ``cursor``, after the commit.

    Connections that follow listed rooms only are left alone.
    """
    batch.follows.append((room, user, cursor))
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


def end(removal: Removal, now: int) -> None:
    """Have the connections of a removed user follow the room up to the event that is about to be told.

    Where a sweep counts them as removed since its event, they get no further than that. Whoever has come
    back into the room by the time that it is reached goes on from there. Downloads end at once if their files
    may not be read any more at ``now`` by the calendar.
    """
    room, user, seq, since, sweep = removal
    floor = max(0, since - 1) if room.rules.history == History.SINCE_JOIN else 0
    for session in list(user.sessions):
        peer = session.peer
        if peer is not None:
            try:
                barred = sweep is not None and sweep.covers(peer.peer_host)
                last = min(seq, sweep.seq) if sweep is not None and barred else seq
                peer.reader.stop(room.log, last, partial(_part, peer, user, room), floor)
                _end_downloads(peer, room, Asker(user, peer.peer_host, now))
            except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                peer.fault()


def narrow(room: Room, last: int, downloading: Iterable[Peer], now: int) -> None:
    """Have everybody read within what ``room`` has narrowed, which is durable up to event ``last``.

    Whoever is at the head while members are being removed goes on in pages, for which the bounds are asked.
    Downloads of what may not be read any more end.
    """
    since_join = room.rules.history == History.SINCE_JOIN
    sweeps = tuple(sweep for sweep in room.sweeps if sweep.seq <= last)
    room.log.bounds = RoomBounds(room, since_join, sweeps, _part) if since_join or sweeps else None
    if sweeps:
        room.log.leave_all_behind()
    for peer in downloading:
        try:
            if peer.session is not None:
                _end_downloads(peer, room, Asker(peer.session.user, peer.peer_host, now))
        except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
            peer.fault()


def end_removed(room: Room, seq: int, downloading: Iterable[Peer]) -> None:
    """End the downloads of the file that event ``seq`` of ``room`` has posted, which was removed."""
    for peer in downloading:
        try:
            peer.end_removed(room.name, seq)
        except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
            peer.fault()


def _end_downloads(peer: Peer, room: Room, asker: Asker) -> None:
    peer.end_downloads(room.log.name, lambda: first_readable(asker, room))


def _begin(peer: Peer, room: Room, cursor: int, restored: bool) -> Sequence[Message]:
    session = peer.session
    if session is None or not may_follow(session.user, room, peer.peer_host) or peer.reader.follows(room.log):
        return ()
    cursor = min(cursor, room.log.head)  # what was decided before it may have failed to be stored
    cursor = max(cursor, room.floor(session.user))
    peer.reader.follow(room.log, cursor)
    rooms = Rooms(rooms=[room.state(session.user, cursor, restored=restored)])
    return [rooms, *following(peer, session.user, [room])]


def _part(peer: Peer, user: User, room: Room) -> None:
    """Tell ``peer`` that it follows ``room`` no longer; of a room that its user is in again, begin anew."""
    log, reader = room.log, peer.reader
    cursor = reader.cursor(log)
    reader.unfollow(log)
    reader.tell(Left(room=log.name))
    member = room.members.get(user)
    if member is not None and member.settled(log.head) and not is_barred(room, user, peer.peer_host):
        cursor = max(cursor, room.floor(user))
        reader.tell(Rooms(rooms=[room.state(user, cursor)]))
        reader.follow(log, cursor)
        for told in following(peer, user, [room]):
            reader.tell(told)
