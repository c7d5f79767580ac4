"""Requests: one table maps each to its handler.

`serve` checks in one place what each request needs (`chatd.chat.permissions`), before it calls the handler. A
handler is a plain function of the world, the peer, the room, the request and the time in milliseconds since
1970; its answer waits for the commit.
"""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatd.chat import account_requests as about
from chatd.chat import (
    blocking,
    certificates,
    declining,
    deleting,
    directory,
    erasing,
    fetching,
    files,
    hooks,
    joining,
    marking,
    moderation,
    relations,
    searching,
    status,
    sweeping,
    threads,
)
from chatd.chat.arrival import note_seen
from chatd.chat.batch import refusal
from chatd.chat.channel_modes import KeepTags, MarkPeople, MarkRoom
from chatd.chat.comparing import TurnedJoin
from chatd.chat.following import rouse
from chatd.chat.mentions import keep_mentions, mentions_in
from chatd.chat.names import USER_SIGN
from chatd.chat.permissions import check_direct, check_files, check_pace, check_room
from chatd.chat.prepared import CodedInvite, HashedPasswd, HashedRegister, ProvenDeleteAccount
from chatd.chat.renaming import rename
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.text import check_caption, check_text, check_topic
from chatd.chat.world import World
from chatd.files.names import check_file
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_FRAME

REFUSAL_COST = 10
"""What a refusal costs more: whoever makes mistakes all the time is read more slowly than who speaks."""

Handler = Callable[[World, Peer, Session, Any, Any, int], m.Ok | None]
"""Decides about a request; returns the answer, or None if that comes later."""


@dataclass(frozen=True, slots=True)
class Handling:
    """A request's handler, the bytes of its answer at most, about, and its cost.

    ``cost`` counts against the session's rate: a send is 1. A handler whose work grows with something charges
    for that itself. The gate checks the rate before the request is read from the connection. ``room`` is
    whether it names a room that has to be there, ``files`` whether the bytes of a file follow, ``numbered``
    whether it has one effect however often it comes (P3).
    """

    handle: Handler
    answer_bytes: int = 128
    cost: int = 1
    room: bool = True
    files: bool = False
    numbered: bool = False


def serve(world: World, peer: Peer, session: Session, request: Any, now: int) -> None:
    """Check what ``request`` needs and let its handler decide; a refusal becomes its answer.

    A numbered one that was accepted before is acknowledged again, even if its room has gone (P3).
    """
    kind = type(request)
    handling = REQUESTS[kind]
    if world.sweeps:
        sweeping.settle(world, session.user)
    try:
        if handling.numbered and request.n != session.last + 1:
            _check_repeated(session, request)
            world.batch.answer(peer, m.Ok(id=request.id))
            return
        if kind is m.Send:
            if request.file is None:
                check_text(request.text)
            else:
                _check_file(world, peer, session, request, request.file)
        if handling.files:
            check_files(peer)
        room: Room | None = None
        if handling.room:
            room = world.rooms.get(request.room)
            if (
                room is None
                or room.strict
                or (member := room.members.get(session.user)) is None
                or member.role < room.needs[kind]
            ):
                room = _find_room(world, peer, session.user, request, now)
        ok = handling.handle(world, peer, session, room, request, now)
    except RequestError as error:
        session.charge(REFUSAL_COST)
        refuse(world, peer, request.id, error)
        return
    if ok is not None:
        world.batch.answer(peer, ok)


def _check_repeated(session: Session, request: m.Numbered) -> None:
    """Refuse a numbered request that was not accepted before. Raises `RequestError`."""
    if request.n > session.last:
        raise RequestError(
            Code.OUT_OF_ORDER, f"The next send has the number {session.last + 1}; send again from there."
        )


def _check_file(world: World, peer: Peer, session: Session, request: m.Send, file: m.File) -> None:
    """Refuse a file that cannot be posted to any room. Raises `RequestError`."""
    check_caption(request.text)
    check_file(file)
    files.check_posted(world.blobs, world.posted, world.asker(session.user, peer.peer_host), file)


def refuse(world: World, peer: Peer, request: int, error: RequestError) -> None:
    """Answer ``request`` with a refusal."""
    world.refusals[error.code] += 1
    peer.note_refusal(error.code)
    world.batch.answer(peer, refusal(request, error))


def _find_room(world: World, peer: Peer, user: User, request: Any, now: int) -> Room:
    """Return the room that ``request`` names, which may have to be begun, if it allows the request.

    Raises `RequestError`.
    """
    name: str = request.room
    asker = world.asker(user, peer.peer_host)
    sends = isinstance(request, m.Send)
    begins = sends and name.startswith(USER_SIGN) and not request.ref
    found = world.open_room(asker, name, now) if begins else world.find_room(asker, name)
    room = check_room(asker, found, request)
    if room.direct and isinstance(request, m.Numbered | m.Topic | m.Pin):
        check_direct(user, room.partner(user))
    return room


def _send(world: World, peer: Peer, session: Session, room: Room, request: m.Send, now: int) -> m.Ok | None:
    said = None
    if request.ref:
        said = relations.replied_to(world, peer, session, room, request)
        if said is None:
            return None
    if room.strict and room.rules.slow:
        check_pace(world.asker(session.user, peer.peer_host), room)
        world.note_spoken(room, session.user)
    log = room.log
    seq = log.number(now)
    event = m.Event(
        room=room.name,
        seq=seq,
        ts=log.ts,
        kind="message" if request.file is None else "file",
        by=session.user.nick,
        text=request.text,
        session=session.id,
        n=request.n,
        file=request.file,
        ref=request.ref,
        thread=0 if said is None else said.thread or said.seq,
        mentions=mentions_in(world, room, session.user, request.text) if "@" in request.text else (),
        value="notice" if request.notice else "",
    )
    if not (session.seen or session.fleeting):
        note_seen(world, session)
    batch = world.batch
    batch.add_event(log, event, session)
    if request.file is not None:
        world.change(files.row(room, seq, request.file))
    if said is not None:
        relations.put_reply(world, room, event, session.user, said)
    if event.mentions:
        session.charge(len(event.mentions))
        keep_mentions(world, room, session.user, seq, event.mentions)
    if room.direct:
        room.moves_up()
        rouse(batch, room)
    name = "" if request.room == room.name else room.name
    return m.Ok(id=request.id, seq=seq, ts=log.ts, room=name)


def _topic(world: World, peer: Peer, session: Session, room: Room, request: m.Topic, now: int) -> m.Ok:
    check_topic(request.text)
    seq = None
    if request.text != room.topic:
        seq = world.post(room, "topic", session.user.nick, now, request.text)
        world.set_topic(room, request.text)
        if room.direct:
            rouse(world.batch, room)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def _nick(world: World, peer: Peer, session: Session, _: None, request: m.Nick, now: int) -> m.Ok:
    rename(world, session, request.nick, now)
    return m.Ok(id=request.id)


def _read(world: World, peer: Peer, session: Session, room: Room, request: m.Read, _: int) -> m.Ok:
    if request.seq > room.log.head:
        raise RequestError(
            Code.CURSOR_BEYOND_HEAD, f"{room.name} has events up to {room.log.head} only; mark those as read."
        )
    if request.thread:
        threads.mark_read(world, room, session.user, request.thread, request.seq)
    else:
        threads.mark_room_read(world, room, session.user, request.seq)
    return m.Ok(id=request.id, room=room.name)


REQUESTS: dict[type[m.Request], Handling] = {
    m.Send: Handling(_send, numbered=True),
    m.Edit: Handling(relations.edit, cost=10, numbered=True),
    m.React: Handling(relations.react, cost=10, numbered=True),
    m.Pin: Handling(relations.pin, cost=5),
    m.Pins: Handling(fetching.pins, MAX_FRAME, cost=5),
    m.Join: Handling(joining.join, 2048, cost=5, room=False),
    TurnedJoin: Handling(joining.join, 2048, cost=5, room=False),
    m.Leave: Handling(joining.leave, cost=5),
    m.Topic: Handling(_topic, cost=2),
    KeepTags: Handling(marking.keep_tags, cost=2),
    m.Nick: Handling(_nick, cost=10, room=False),
    m.Read: Handling(_read),
    m.FollowThread: Handling(relations.follow_thread, cost=5),
    m.Threads: Handling(fetching.threads, MAX_FRAME, cost=5),
    m.SetStatus: Handling(status.set_status, cost=10, room=False),
    m.ListRooms: Handling(directory.list_rooms, MAX_FRAME, cost=5, room=False),
    m.Members: Handling(directory.list_members, MAX_FRAME, cost=5),
    m.History: Handling(fetching.history, MAX_FRAME, cost=5),
    m.Look: Handling(fetching.look, MAX_FRAME, cost=5),
    m.Search: Handling(searching.search, MAX_FRAME, cost=20, room=False),
    m.Upload: Handling(fetching.upload, cost=5, room=False, files=True),
    m.Download: Handling(fetching.download, 1024, cost=5, files=True),
    m.InviteTo: Handling(moderation.invite, cost=5),
    m.Decline: Handling(declining.decline, cost=5, room=False),
    m.Kick: Handling(moderation.kick, cost=5),
    m.Ban: Handling(moderation.ban, cost=5),
    MarkPeople: Handling(marking.mark_people, cost=5),
    m.Unban: Handling(moderation.unban, cost=5),
    m.Mute: Handling(moderation.mute, cost=5),
    m.Unmute: Handling(moderation.unmute, cost=5),
    m.Acts: Handling(moderation.list_acts, MAX_FRAME, cost=5),
    m.Role: Handling(moderation.give_role, cost=5),
    m.Set: Handling(moderation.set_rule, cost=5),
    MarkRoom: Handling(marking.mark_room, cost=5),
    m.Remove: Handling(erasing.remove, cost=5),
    m.DeleteRoom: Handling(moderation.delete_room, cost=10),
    m.AddHook: Handling(hooks.add, cost=10),
    m.DropHook: Handling(hooks.drop, cost=5),
    m.Hooks: Handling(hooks.list_hooks, MAX_FRAME, cost=5),
    m.Block: Handling(blocking.block, MAX_FRAME, cost=2, room=False),
    m.Unblock: Handling(blocking.unblock, cost=2, room=False),
    m.Allow: Handling(blocking.allow, room=False),
    m.Register: Handling(about.not_prepared, cost=5, room=False),
    HashedRegister: Handling(about.register, cost=5, room=False),
    m.Passwd: Handling(about.not_prepared, cost=5, room=False),
    HashedPasswd: Handling(about.passwd, cost=5, room=False),
    m.Sessions: Handling(about.sessions, MAX_FRAME, cost=5, room=False),
    m.End: Handling(about.end, cost=5, room=False),
    m.Logout: Handling(about.logout, cost=5, room=False),
    m.DeleteAccount: Handling(about.not_prepared, cost=5, room=False),
    ProvenDeleteAccount: Handling(deleting.delete_own, cost=10, room=False),
    m.Invite: Handling(about.not_prepared, cost=5, room=False),
    CodedInvite: Handling(about.invite, cost=5, room=False),
    m.Certificates: Handling(certificates.list_own, 8192, cost=2, room=False),
    m.AddCertificate: Handling(certificates.add_own, cost=5, room=False),
    m.DropCertificate: Handling(certificates.drop_own, cost=5, room=False),
}
