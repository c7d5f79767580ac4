"""Relations: events that refer to earlier ones of their log: edits, reactions, replies and pins.

What an event has become is the sum of what refers to it. It is written in the transaction of the event that
changes it (`chatd.chat.changes.rows`), and is found on the disk alone; memory knows what is not durable yet.
So a decision about an event waits until its `Facts` were read.
"""

from chatd.chat import threads
from chatd.chat.changes.rows import DropPin, DropReaction, PutEdit, PutPin, PutReaction, PutReply
from chatd.chat.emoji import check_emoji
from chatd.chat.facts import Facts
from chatd.chat.fetching import once_durable
from chatd.chat.following import rouse
from chatd.chat.mentions import edit_mentions, mentions_in
from chatd.chat.permissions import acts_as_operator, check_edit, first_readable
from chatd.chat.rewording import reword
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.text import check_caption, check_text
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_EDITS, MAX_EMOJI, MAX_PINS
from chatd.wire.messages import Event
from chatd.wire.names import fold
from chatd.wire.stored import REMOVED, event_in

KINDS = frozenset({"message", "file"})
"""The kinds of events that others can refer to: those in which somebody says something."""


def facts_of(
    world: World, peer: Peer, session: Session, room: Room, request: m.Request, seq: int
) -> Facts | None:
    """Return the facts about event ``seq`` of ``room``, or None while they are read: the request comes again.

    Raises `RequestError` ``no-such-event`` if the user cannot read it.
    """
    log = room.log
    asker = world.asker(session.user, peer.peer_host)
    first = log.first if acts_as_operator(asker, room) else max(log.first, first_readable(asker, room))
    if not first <= seq <= log.head:
        raise no_such_event(room)
    found, world.found = world.found, None
    if found is None:
        peer.find(request, log, seq)
        return None
    if (found.log, found.seq) != (log.id, seq) or not found.stored:
        raise no_such_event(room)  # the name has come to mean another room, or the event is kept no longer
    return found.after(log.pending.get(seq, ()), session.user.id)


def said_in(room: Room, facts: Facts) -> Event:
    """Return the event that ``facts`` are about, if something can refer to it. Raises `RequestError`."""
    event = event_in(facts.stored)
    if event.kind == REMOVED or event.seq in room.log.removing:
        raise RequestError(Code.NO_SUCH_EVENT, f"Event {event.seq} of {room.name} was removed.")
    if event.kind not in KINDS:
        raise RequestError(Code.NOT_ALLOWED, f"Event {event.seq} of {room.name} is no message or file.")
    return event


def no_such_event(room: Room) -> RequestError:
    """Return the refusal of what is about an event that is not there, or not for the one who asks."""
    return RequestError(Code.NO_SUCH_EVENT, f"There is no such event in {room.name}; look at its number.")


def edit(world: World, peer: Peer, session: Session, room: Room, request: m.Edit, now: int) -> m.Ok | None:
    """Give a message, or the caption of a file, another wording."""
    facts = facts_of(world, peer, session, room, request, request.seq)
    if facts is None:
        return None
    event = said_in(room, facts)
    check_edit(session.user, event, now, world.terms.edit_within)
    (check_text if event.file is None else check_caption)(request.text)
    if len(facts.edits) >= MAX_EDITS:
        raise RequestError(
            Code.TOO_MANY_EDITS, f"That was edited {MAX_EDITS} times, which is the limit; say it anew."
        )
    said = [event.seq, *facts.edits]
    last = facts.edits.get(said[-1])
    if not all(facts.edits.values()):  # what they say, and whom they mention, is known once they are stored
        once_durable(world, peer, lambda: peer.find(request, room.log, request.seq))
        return None
    before = (event if last is None else event_in(last)).mentions
    mentions = mentions_in(world, room, session.user, request.text)
    seq = _add(world, session, room, "edit", request, now, event.seq, text=request.text, mentions=mentions)
    world.relate(room, PutEdit(room.log.id, event.seq, seq))
    edit_mentions(world, room, session.user, said, before, seq, mentions)
    if not world.terms.keep_edits:
        reword(world, room, event, facts.edits, seq)
    return _done(room, request, seq)


def react(world: World, peer: Peer, session: Session, room: Room, request: m.React, now: int) -> m.Ok | None:
    """React to an event, or take that back; what is so already is no event more."""
    check_emoji(request.emoji)
    facts = facts_of(world, peer, session, room, request, request.seq)
    if facts is None:
        return None
    event, user, log = said_in(room, facts), session.user, room.log
    if (request.emoji in facts.mine) != request.off:
        world.batch.count_send(session)
        return m.Ok(id=request.id, room=room.name)
    if not request.off and request.emoji not in facts.reactions and len(facts.reactions) >= MAX_EMOJI:
        raise RequestError(
            Code.TOO_MANY_REACTIONS, f"There are {MAX_EMOJI} different reactions to that; use one of them."
        )
    kind = "unreact" if request.off else "react"
    seq = _add(world, session, room, kind, request, now, event.seq, value=request.emoji)
    if request.off:
        world.relate(room, DropReaction(log.id, user.id, event.seq, request.emoji))
    else:
        world.relate(room, PutReaction(log.id, user.id, event.seq, request.emoji, seq))
    return _done(room, request, seq)


def _add(
    world: World,
    session: Session,
    room: Room,
    kind: str,
    request: m.Numbered,
    now: int,
    ref: int,
    *,
    text: str = "",
    value: str = "",
    mentions: tuple[str, ...] = (),
) -> int:
    """Add an event that refers to event ``ref``, and return its number."""
    log = room.log
    seq = log.number(now)
    event = Event(
        room=room.name,
        seq=seq,
        ts=log.ts,
        kind=kind,
        by=session.user.nick,
        text=text,
        value=value,
        session=session.id,
        n=request.n,
        ref=ref,
        mentions=mentions,
    )
    world.batch.add_event(log, event, session)
    if room.direct:
        rouse(world.batch, room)
    return seq


def _done(room: Room, request: m.Edit | m.React, seq: int) -> m.Ok:
    name = "" if request.room == room.name else room.name
    return m.Ok(id=request.id, seq=seq, ts=room.log.ts, room=name)


def author_of(world: World, event: Event) -> User | None:
    """Return who has said ``event``, if they are known still."""
    session = world.sessions_by_id.get(event.session)
    return world.nicks.get(fold(event.by)) if session is None else session.user


def replied_to(world: World, peer: Peer, session: Session, room: Room, request: m.Send) -> Event | None:
    """Return the event to which ``request`` replies; None while it is looked for."""
    facts = facts_of(world, peer, session, room, request, request.ref)
    return None if facts is None else said_in(room, facts)


def put_reply(world: World, room: Room, event: Event, user: User, said: Event) -> None:
    """Keep that ``event`` of ``user`` replies to what was ``said``, and who follows the thread."""
    threads.replied(world, room, event, user, None if said.thread else author_of(world, said))
    world.change(PutReply(room.log.id, event.seq, event.thread, event.ref))


def pin(world: World, peer: Peer, session: Session, room: Room, request: m.Pin, now: int) -> m.Ok | None:
    """Pin an event for everybody, or take that back."""
    pins, log = room.pins, room.log
    if request.off and request.seq not in pins:
        raise RequestError(Code.NO_SUCH_EVENT, f"Event {request.seq} is not pinned in {room.name}.")
    if request.off or request.seq in pins:
        seq = pins[request.seq]
        if request.off:
            seq = _post_pin(world, session, room, "unpin", request.seq, now, peer)
            world.change(DropPin(log.id, request.seq))
        return m.Ok(id=request.id, seq=seq, room=room.name)
    facts = facts_of(world, peer, session, room, request, request.seq)
    if facts is None:
        return None
    event = said_in(room, facts)
    if len(pins) >= MAX_PINS:
        raise RequestError(
            Code.TOO_MANY_PINS, f"{MAX_PINS} events are pinned in {room.name}; unpin one of them first."
        )
    seq = _post_pin(world, session, room, "pin", event.seq, now, peer)
    world.change(PutPin(log.id, event.seq, seq))
    return m.Ok(id=request.id, seq=seq, room=room.name)


def _post_pin(world: World, session: Session, room: Room, kind: str, ref: int, now: int, peer: Peer) -> int:
    operates = acts_as_operator(world.asker(session.user, peer.peer_host), room)
    seq = world.post(room, kind, session.user.nick, now, operator=operates, ref=ref)
    if room.direct:
        rouse(world.batch, room)
    return seq


def follow_thread(
    world: World, peer: Peer, session: Session, room: Room, request: m.FollowThread, _: int
) -> m.Ok | None:
    """Let the user follow the thread in which an event is, or which it would begin; or no more."""
    user, thread = session.user, request.thread
    row = user.threads.get(room.log.id, {}).get(thread)
    if row is None and not request.off:
        facts = facts_of(world, peer, session, room, request, thread)
        if facts is None:
            return None
        event = said_in(room, facts)
        thread = event.thread or event.seq
    if row is not None or not request.off:
        threads.put(world, room, user, thread, room.log.last if row is None else row.read, off=request.off)
    return m.Ok(id=request.id, room=room.name)
