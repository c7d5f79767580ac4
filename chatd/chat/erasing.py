"""Erasing: what was said is removed, and everybody learns that it was, by whom and why.

A removal is an event of the room's log that names the event whose content goes. With it, in one transaction,
another stored form takes that event's place: the tombstone, which has its number, author and time. In memory
the old form is what there is until the commit, and nowhere from then on (`chatd.chat.log.Log.erase`): so
nobody is handed it behind the removal. That there was none before is the same as for every event: it could
not be removed before it was durable.
"""

from chatd.chat.changes.rows import (
    LET_GO,
    DropEdit,
    DropEdits,
    DropFile,
    DropPin,
    DropReaction,
    DropReactions,
    DropReply,
    DropTally,
    Erase,
    PutUpload,
)
from chatd.chat.channel_modes import TAGS
from chatd.chat.counting import BLOCK, COUNTED
from chatd.chat.fetching import once_durable
from chatd.chat.following import rouse
from chatd.chat.mentions import drop_mentions
from chatd.chat.permissions import acting_standing, acts_as_operator, check_removal, takes_direct
from chatd.chat.relations import author_of, facts_of
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.text import check_reason
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.messages import Event
from chatd.wire.stored import REMOVED, event_in, pack

KINDS = frozenset({"message", "file", "topic", TAGS})
"""The kinds of events whose content can be removed: those in which somebody says something to the room."""

SAID = KINDS | {"edit", "react", "unreact"}
"""The kinds in which somebody says something at all; what they say goes with the event that it is about."""


def remove(
    world: World, peer: Peer, session: Session, room: Room, request: m.Remove, now: int
) -> m.Ok | None:
    """Erase what an event says, with its edits, and the reactions to it."""
    check_reason(request.reason)
    facts = facts_of(world, peer, session, room, request, request.seq)
    if facts is None:
        return None
    log, seq = room.log, request.seq
    event = event_in(facts.stored)
    done = event.ref if event.kind == REMOVED else log.removing.get(seq)
    if done is None:
        if event.kind not in KINDS:
            raise RequestError(
                Code.NOT_ALLOWED, f"Event {seq} of {room.name} is no message, file or topic; it stays."
            )
        asker = world.asker(session.user, peer.peer_host)
        standing = acting_standing(asker, room, type(request))
        check_removal(asker, room, event, standing, now, world.terms.remove_within)
        if not all(facts.edits.values()):  # the store does not have all of them yet
            once_durable(world, peer, lambda: peer.find(request, log, seq))
            return None
        withdraw_topic(world, room, event, session.user.nick, now)
        taken = not room.direct or takes_direct(session.user, room.partner(session.user))
        reason = request.reason if taken else ""  # where no words are taken, the reason is none
        operates = acts_as_operator(asker, room)
        done = world.post(room, "remove", session.user.nick, now, reason=reason, operator=operates, ref=seq)
        author = author_of(world, event)
        for one in (event, *map(event_in, facts.edits.values())):
            if one.seq not in log.removing:
                erase(world, room, one, done, session.user.nick, author, reason)
        if room.direct:
            rouse(world.batch, room)
    return m.Ok(id=request.id, seq=done, room=room.name)


def erase(
    world: World, room: Room, event: Event, by: int, nick: str, author: User | None, reason: str = ""
) -> None:
    """Put a tombstone in the place of ``event`` of ``author``, which event ``by`` removes.

    What refers to it is kept no more; what replies to it stays.
    """
    log, seq = room.log.id, event.seq
    tombstone = Event(
        room=event.room,
        seq=seq,
        ts=event.ts,
        kind=REMOVED,
        by=event.by,
        value=nick,
        reason=reason,
        ref=by,
    )
    change = Erase(log, seq, by, pack([tombstone])[0])
    world.change(change)
    if event.kind in COUNTED:
        world.change(DropTally(log, seq - seq % BLOCK))
        world.batch.touch_all(room, seq)
        world.change(DropEdits(log, seq))
        world.change(DropReactions(log, seq))
    elif event.kind == "edit":
        world.change(DropEdit(log, event.ref, seq))
    elif event.kind == "react" and author is not None:
        world.relate(room, DropReaction(log, author.id, event.ref, event.value))
    drop_mentions(world, room, seq)
    if event.thread:
        world.change(DropReply(log, seq, event.thread))
    if seq in room.pins:
        world.change(DropPin(log, seq))
    if event.file is not None:
        world.change(DropFile(log, seq))
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
