"""Searching: the request for what was said, in all rooms that somebody may read.

What may be read is decided when it is asked and once more when it is answered: no hit reaches somebody who
may not read that event at that moment.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Raw
from msgspec.structs import replace

from chatd.chat.fetching import once_settled
from chatd.chat.names import check_nick
from chatd.chat.permissions import check_room, first_readable, is_settled, may_read
from chatd.chat.queries import Search
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.storage import Hit, HitPage, Position, Scope
from chatd.chat.world import World
from chatd.search.query import Query, QueryError, parse
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_INT, MAX_WELCOME_DIRECT, PAGE_BYTES
from chatd.wire.stored import event_in, text_of

ENVELOPE: Final = 200
"""Bytes that a hit takes beside its event and its text, about."""


def search(world: World, peer: Peer, session: Session, _: None, request: m.Search, __: int) -> m.Ok | None:
    """Answer with a page of what was said."""
    query, before, user = _query(request.query), _place(request.before), session.user
    rooms = _rooms(world, peer, user, query, request)
    if all(is_settled(user, room) for room in rooms):
        _begin(world, peer, user, request, query, before, rooms)
    else:  # what may be read is known with the commit

        def later() -> None:
            _begin(world, peer, user, request, query, before, _rooms(world, peer, user, query, request))

        once_settled(world, peer, request, later)
    return None


def _query(text: str) -> Query:
    try:
        query = parse(text)
        for nick in query.senders:
            check_nick(nick)
    except QueryError as error:
        raise RequestError(Code.BAD_QUERY, str(error)) from None
    except RequestError as error:
        raise RequestError(Code.BAD_QUERY, error.text) from None
    return query


def _place(text: str) -> Position | None:
    """Return the place that an earlier answer has named as ``rest``, None for the newest.

    Raises `RequestError`.
    """
    if not text:
        return None
    numbers = text.split(".")
    if not all(one.isascii() and one.isdigit() and len(one) <= len(str(MAX_INT)) for one in numbers):
        numbers = []
    try:
        ts, log, seq = map(int, numbers)
    except ValueError:
        raise RequestError(
            Code.BAD_VALUE, "That is no place to go on from; take the rest of an answer, or leave it out."
        ) from None
    return Position(ts, log, seq)


def _rooms(world: World, peer: Peer, user: User, query: Query, request: m.Search) -> list[Room]:
    """Return the rooms that are searched: those that are named, or all in which the user is.

    Of very many direct messages those are searched that are unread, and the newest.
    """
    names = dict.fromkeys(query.rooms or ([request.room] if request.room else []))
    if not names:
        return [*user.rooms, *user.newest_direct(MAX_WELCOME_DIRECT)]
    asker = world.asker(user, peer.peer_host)
    rooms = [check_room(asker, world.find_room(asker, name), replace(request, room=name)) for name in names]
    return list(dict.fromkeys(rooms))


def _begin(
    world: World,
    peer: Peer,
    user: User,
    request: m.Search,
    query: Query,
    before: Position | None,
    rooms: list[Room],
) -> None:
    asker = world.asker(user, peer.peer_host)
    scopes = []
    for room in rooms:
        first = max(room.log.first, first_readable(asker, room))
        if first <= room.log.head and is_settled(user, room):
            scopes.append(Scope(room.log.id, first, room.log.head))
    by_log = {room.log.id: room for room in rooms}

    def answer(page: HitPage) -> m.Ok:
        asker = world.asker(user, peer.peer_host)
        hits = [hit for hit in page.hits if may_read(asker, by_log[hit.place.log], hit.place.seq)]
        peers = {log: room.peer_of(user) for log, room in by_log.items() if room.direct}
        return _answer(request.id, hits, peers, page)

    peer.search(
        Search(
            request.id,
            query,
            scopes,
            before,
            request.limit,
            {room.log.id: room.log for room in rooms},
            answer,
        )
    )


def _answer(request: int, hits: Sequence[Hit], peers: Mapping[int, str], page: HitPage) -> m.Ok:
    """Return the answer with as many of ``hits`` as fit."""
    told: list[m.Hit] = []
    rest, size = page.rest, 0
    for number, hit in enumerate(hits):
        size += len(hit.stored) + len(hit.edit) + ENVELOPE
        if told and size > PAGE_BYTES:
            rest = hits[number - 1].place
            break
        told.append(_told(hit, peers.get(hit.place.log, ""), fits=size <= PAGE_BYTES))
    return m.Ok(
        id=request,
        hits=told,
        more=rest is not None,
        rest="" if rest is None else ".".join(map(str, rest)),
        behind=page.behind,
    )


def _told(hit: Hit, peer: str, *, fits: bool) -> m.Hit:
    event = Raw(text_of(hit.stored))
    if not hit.edit:
        return m.Hit(event=event, peer=peer)
    edit = event_in(hit.edit)
    return m.Hit(event=event, peer=peer, edit=edit.seq, text=edit.text if fits else "")
