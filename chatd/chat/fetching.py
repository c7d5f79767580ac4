"""Fetching: the requests for what lies on the disk, pages of history and files, and the one for uploads.

They are handlers as those of `chatd.chat.requests`. Nobody is shown anything by a right that is not durable
yet: such a request waits for the commit. What takes its time is begun on the connection (`Peer`).
"""

from collections.abc import Callable, Sequence

from chatd.chat import files
from chatd.chat.batch import refusal
from chatd.chat.permissions import check_room, first_readable, is_settled
from chatd.chat.state import HistoryQuery, Peer, Room, Session, User
from chatd.chat.world import World
from chatd.files.names import check_sha256
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError, RequestError


def history(
    world: World, peer: Peer, session: Session, room: Room, request: m.History, _: int
) -> m.Ok | None:
    """Answer with a page of what was said in a room."""
    user = session.user
    if is_settled(user, room):
        return _page(world, peer, user, room, request)

    def page() -> m.Ok | None:
        check_room(world.asker(user, peer.peer_host), room, request)
        return _page(world, peer, user, room, request)

    _once_settled(world, peer, request, page)
    return None


def _page(world: World, peer: Peer, user: User, room: Room, request: m.History) -> m.Ok | None:
    query = _query(world, peer, user, room, request)
    if query.first > query.last:
        return query.answer([])
    peer.read(query)
    return None


def _query(world: World, peer: Peer, user: User, room: Room, request: m.History) -> HistoryQuery:
    """Return what is to be read. When it was read, it is looked again whether the user still may have it."""
    log = room.log
    least = max(log.first, first_readable(world.asker(user, peer.peer_host), room))
    if request.after is not None:
        first = max(request.after + 1, least)
        last = min(log.head, first + request.limit - 1)
    else:
        last = log.head if request.before is None else min(log.head, request.before - 1)
        first = max(least, last - request.limit + 1)

    def allowed() -> None:
        asker = world.asker(user, peer.peer_host)
        check_room(asker, room, request)
        if first < first_readable(asker, room):
            raise RequestError(Code.NOT_ALLOWED, f"The history of {room.name} has just been closed.")

    return HistoryQuery(request.id, log, first, last, request.after is None, allowed, least)


def _once_settled(world: World, peer: Peer, request: m.Request, do: Callable[[], m.Ok | None]) -> None:
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
    _once_settled(world, peer, request, lambda: _begin_upload(world, peer, user, request))
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
        _once_settled(world, peer, request, lambda: _begin_download(world, peer, user, room, request))


def _begin_download(world: World, peer: Peer, user: User, room: Room, request: m.Download) -> None:
    asker = world.asker(user, peer.peer_host)
    check_room(asker, room, request)
    seq, file = world.posted.find(room, request.seq, request.file, first_readable(asker, room))
    files.check_held(world.blobs, file)
    if request.offset > file.size:
        raise RequestError(Code.BAD_OFFSET, f"That file has {file.size} bytes only; begin within them.")
    peer.download(request, room.name, seq, file)
