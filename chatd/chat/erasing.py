"""Erasing: what was said is removed, and everybody learns that it was, by whom and why.

A removal is an event of the room's log that names the event whose content goes. With it, in one transaction,
another stored form takes that event's place: the tombstone, which has its number, author and time. In memory
the old form is what there is until the commit, and nowhere from then on (`chatd.chat.log.Log.erase`): so
nobody is handed it behind the removal. That there was none before is the same as for every event: it could
not be removed before it was durable.
"""

from chatd.chat.changes.rows import LET_GO, DropFile, Erase, PutUpload
from chatd.chat.following import rouse
from chatd.chat.permissions import acting_standing, acts_as_operator, check_removal, first_readable
from chatd.chat.prepared import FoundRemove
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.text import check_reason
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.messages import Event
from chatd.wire.names import fold
from chatd.wire.stored import REMOVED, event_in, pack

KINDS = frozenset({"message", "file", "topic"})
"""The kinds of events whose content can be removed: those in which somebody says something to the room."""


def remove(
    world: World, peer: Peer, session: Session, room: Room, request: m.Remove, now: int
) -> m.Ok | None:
    """Erase what an event says. What memory does not have of it is read first, and then decided."""
    check_reason(request.reason)
    log, seq = room.log, request.seq
    asker = world.asker(session.user, peer.peer_host)
    operates = acts_as_operator(asker, room)
    first = log.first if operates else max(log.first, first_readable(asker, room))
    if not first <= seq <= log.head:
        raise _no_such_event(room)
    stored = request.stored if isinstance(request, FoundRemove) else log.recall(seq)
    if stored is None:
        peer.find(request, log)
        return None
    if not stored:  # it was not kept any longer when it was looked for
        raise _no_such_event(room)
    event = event_in(stored)
    done = event.ref if event.kind == REMOVED else log.removing.get(seq)
    if done is None:
        if event.kind not in KINDS:
            raise RequestError(
                Code.NOT_ALLOWED, f"Event {seq} of {room.name} is no message, file or topic; it stays."
            )
        standing = acting_standing(asker, room, type(request))
        check_removal(asker, room, event, standing, now, world.terms.remove_within)
        withdraw_topic(world, room, event, session.user.nick, now)
        done = world.post(
            room, "remove", session.user.nick, now, reason=request.reason, operator=operates, ref=seq
        )
        erase(world, room, event, done, session.user.nick, author_of(world, event), request.reason)
        if room.direct:
            rouse(world.batch, room)
    return m.Ok(id=request.id, seq=done, room=room.name)


def author_of(world: World, event: Event) -> User | None:
    """Return who has said ``event``, if they are known still."""
    session = world.sessions_by_id.get(event.session)
    return world.nicks.get(fold(event.by)) if session is None else session.user


def erase(
    world: World, room: Room, event: Event, by: int, nick: str, author: User | None, reason: str = ""
) -> None:
    """Put a tombstone in the place of ``event`` of ``author``, which event ``by`` removes."""
    tombstone = Event(
        room=event.room,
        seq=event.seq,
        ts=event.ts,
        kind=REMOVED,
        by=event.by,
        value=nick,
        reason=reason,
        ref=by,
    )
    change = Erase(room.log.id, event.seq, by, pack([tombstone])[0])
    world.change(change)
    if event.file is not None:
        world.change(DropFile(room.log.id, event.seq))
        _release(world, event.file.sha256, author)
    world.batch.erase(room, change, event, author)


def _release(world: World, sha256: str, author: User | None) -> None:
    """Let a content go for good that no event posts any more, though a crash come before its bytes are gone.

    That its ``author`` has brought it is no reason to keep it.
    """
    if author is not None and sha256 not in world.posted and (author.id, sha256) in world.uploads:
        world.change(PutUpload(author.id, sha256, LET_GO))


def withdraw_topic(world: World, room: Room, event: Event, nick: str, now: int) -> None:
    """Clear the room's topic if it is what ``event`` says."""
    if event.kind == "topic" and event.text and event.text == room.topic:
        world.post(room, "topic", nick, now)
        world.set_topic(room, "")


def _no_such_event(room: Room) -> RequestError:
    return RequestError(Code.NO_SUCH_EVENT, f"There is no such event in {room.name}; look at its number.")
