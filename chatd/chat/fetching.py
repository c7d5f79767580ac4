"""Fetching: the requests for what lies on the disk, pages of history and files, and the one for uploads.

They are handlers as those of `chatd.chat.requests`. Nobody is shown anything by a right that is not durable
yet: such a request waits for the commit. What takes its time is begun on the connection (`Peer`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from chatd.chat import files
from chatd.chat.batch import refusal
from chatd.chat.looked import Pinned, Range
from chatd.chat.permissions import check_room, first_readable, is_settled
from chatd.chat.queries import HistoryQuery, Look, ThreadsLook
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.threads import states as thread_states
from chatd.chat.world import World
from chatd.files.names import check_sha256
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.limits import MAX_LOOK

Reading = m.History | m.Look | m.Pins | m.Threads
Read = Callable[[World, Peer, User, Room, Any], m.Ok | None]


def history(
    world: World, peer: Peer, session: Session, room: Room, request: m.History, _: int
) -> m.Ok | None:
    """Answer with a page of what was said in a room."""
    return _reading(world, peer, session.user, room, request, _page)


def look(world: World, peer: Peer, session: Session, room: Room, request: m.Look, _: int) -> m.Ok | None:
    """Answer with some events, and what has become of them."""
    return _reading(world, peer, session.user, room, request, _some)


def pins(world: World, peer: Peer, session: Session, room: Room, request: m.Pins, _: int) -> m.Ok | None:
    """Answer with what is pinned in a room."""
    return _reading(world, peer, session.user, room, request, _pinned)


def threads(
    world: World, peer: Peer, session: Session, room: Room, request: m.Threads, _: int
) -> m.Ok | None:
    """Answer with the threads of a room that the user follows."""
    return _reading(world, peer, session.user, room, request, _followed)


def _reading(world: World, peer: Peer, user: User, room: Room, request: Reading, do: Read) -> m.Ok | None:
    if is_settled(user, room):
        return do(world, peer, user, room, request)
    _read_once_settled(world, peer, user, room, request, do)
    return None


def _read_once_settled(world: World, peer: Peer, user: User, room: Room, request: Reading, do: Read) -> None:
    def later() -> m.Ok | None:
        check_room(world.asker(user, peer.peer_host), room, request)
        return do(world, peer, user, room, request)

    once_settled(world, peer, request, later)


def _still(
    world: World,
    peer: Peer,
    user: User,
    room: Room,
    request: Reading,
    do: Read,
    first: int | None,
    least: int,
) -> Callable[[], bool]:
    """Return what tells, once events from ``first`` on were read, whether ``user`` still may have them.

    None of them is read if ``first`` is None; nothing below ``least`` might be read. If it is not known for
    good, as the room was closed and is to be opened again, ``do`` is done anew when it is. So it is if less
    may be read by now: what they quote may be closed.
    """

    def allowed() -> bool:
        asker = world.asker(user, peer.peer_host)
        check_room(asker, room, request)
        readable = first_readable(asker, room)
        if first is not None and first < readable:
            raise RequestError(Code.NOT_ALLOWED, f"The history of {room.name} has just been closed.")
        good = is_settled(user, room) and readable <= max(least, room.log.first)
        if not good:
            _read_once_settled(world, peer, user, room, request, do)
        return good

    return allowed


def _page(world: World, peer: Peer, user: User, room: Room, request: m.History) -> m.Ok | None:
    query = _query(world, peer, user, room, request)
    if request.present or request.thread:
        wanted = Range(query.first, query.last, request.limit, query.newest, request.thread)
        peer.look(Look(request.id, room, user.id, wanted, query.allowed, query.least))
    elif query.first > query.last:
        return query.answer([])
    else:
        peer.read(query)
    return None


def _some(world: World, peer: Peer, user: User, room: Room, request: m.Look) -> m.Ok | None:
    least = _least(world, peer, user, room)
    wanted = tuple(sorted({seq for seq in request.seqs if least <= seq <= room.log.head}))
    first = wanted[0] if wanted else None
    allowed = _still(world, peer, user, room, request, _some, first, least)
    peer.look(Look(request.id, room, user.id, wanted, allowed, least))
    return None


def _pinned(world: World, peer: Peer, user: User, room: Room, request: m.Pins) -> m.Ok | None:
    least = _least(world, peer, user, room)
    allowed = _still(world, peer, user, room, request, _pinned, None, least)
    peer.look(Look(request.id, room, user.id, Pinned(least, room.log.head), allowed, least))
    return None


def _followed(world: World, peer: Peer, user: User, room: Room, request: m.Threads) -> m.Ok | None:
    if user not in room.members:
        return m.Ok(id=request.id, threads=[])
    least = _least(world, peer, user, room)
    states = [state for state in thread_states(room, user) if state.thread > request.after]
    page = tuple(states[:MAX_LOOK])
    wanted = tuple(state.thread for state in page if least <= state.thread <= room.log.head)
    allowed = _still(world, peer, user, room, request, _followed, wanted[0] if wanted else None, least)
    more = len(states) > len(page)
    peer.look(ThreadsLook(request.id, room, user.id, wanted, allowed, least, page, more))
    return None


def _least(world: World, peer: Peer, user: User, room: Room) -> int:
    """Return the first event that ``user`` may read."""
    return max(room.log.first, first_readable(world.asker(user, peer.peer_host), room))


def _query(world: World, peer: Peer, user: User, room: Room, request: m.History) -> HistoryQuery:
    """Return what is to be read. When it was read, it is looked again whether the user still may have it."""
    log = room.log
    least = _least(world, peer, user, room)
    most = log.head if request.thread else request.limit  # the events of a thread may lie far apart
    if request.after is not None:
        first = max(request.after + 1, least)
        last = min(log.head, first + most - 1)
    else:
        last = log.head if request.before is None else min(log.head, request.before - 1)
        first = max(least, last - most + 1)
    allowed = _still(world, peer, user, room, request, _page, first, least)
    return HistoryQuery(request.id, log, first, last, request.after is None, allowed, least)


def once_durable(world: World, peer: Peer, do: Callable[[], None]) -> None:
    """Do something once all is durable that was decided; ``peer`` takes no further request before."""

    def later() -> Sequence[m.Message]:
        peer.go_on()
        if peer.session is not None:
            do()
        return ()

    peer.wait()
    world.batch.tell(peer, later)


def once_settled(world: World, peer: Peer, request: m.Request, do: Callable[[], m.Ok | None]) -> None:
    """Answer ``request`` with ``do`` once all is durable that decides whether it is allowed.

    ``peer`` waits meanwhile, so that what it asks is begun in its order. What ``do`` returns, or refuses, is
    told behind the answers to earlier requests.
    """

    def later() -> Sequence[m.Message]:
        peer.go_on()
        try:
            ok = None if peer.session is None else do()
        except RequestError as error:
            world.refusals[error.code] += 1
            return [refusal(request.id, error)]
        except ProtocolError as error:
            peer.fail(error)
            return ()
        return () if ok is None else [ok]

    peer.wait()
    world.batch.tell(peer, later)


def upload(world: World, peer: Peer, session: Session, _: None, request: m.Upload, __: int) -> m.Ok | None:
    """Take in a content, or say that all of it is here."""
    check_sha256(request.sha256)
    user = session.user
    if all(is_settled(user, room) for room in user.rooms):
        return _begin_upload(world, peer, user, request)
    # What it may read, and so need not bring, is known with the commit.
    once_settled(world, peer, request, lambda: _begin_upload(world, peer, user, request))
    return None


def _begin_upload(world: World, peer: Peer, user: User, request: m.Upload) -> m.Ok | None:
    size = files.usable(world.blobs, world.posted, world.asker(user, peer.peer_host), request.sha256)
    if size not in {None, request.size}:
        raise files.wrong_size(size or 0)
    return peer.upload(request, size is not None)


def download(world: World, peer: Peer, session: Session, room: Room, request: m.Download, _: int) -> None:
    """Send the file that an event of a room posts."""
    user = session.user
    if is_settled(user, room):
        _begin_download(world, peer, user, room, request)
    else:
        once_settled(world, peer, request, lambda: _begin_download(world, peer, user, room, request))


def _begin_download(world: World, peer: Peer, user: User, room: Room, request: m.Download) -> None:
    asker = world.asker(user, peer.peer_host)
    check_room(asker, room, request)
    seq, file = world.posted.find(room, request.seq, request.file, first_readable(asker, room))
    files.check_held(world.blobs, file)
    if request.offset > file.size:
        raise RequestError(Code.BAD_OFFSET, f"That file has {file.size} bytes only; begin within them.")
    peer.download(request, room.name, seq, file)
