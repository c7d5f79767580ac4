"""Arrival: what a hello leads to, from the session's takeover to the welcome and the first cursors."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import chatd
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.world import World
from chatd.wire import limits
from chatd.wire.errors import CloseReason, Code, ProtocolError, RequestError
from chatd.wire.frames import FrameType, frame
from chatd.wire.messages import Hello, Limits, Pulse, Rooms, RoomState, Welcome, encode

CONFIRMATION: Final = b"token?"
"""Payload of the ping behind the welcome to a new session; its pong shows that the token has arrived."""

LIMITS: Final = Limits(
    frame=limits.MAX_FRAME,
    text=limits.MAX_TEXT,
    name=limits.MAX_NAME,
    rooms=limits.MAX_ROOMS,
    unanswered=limits.MAX_UNANSWERED,
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A connection that is let in: its session, whether that is resumed, and what was agreed."""

    session: Session
    resumed: bool
    pulse: Pulse
    token: str = ""


def arrive(world: World, peer: Peer, arrival: Arrival, hello: Hello, now: int) -> None:
    """Bind ``peer`` to its session; an older connection of that session is fenced off.

    The welcome waits for the commit, as all answers do; the cursors are taken up in the same moment, so that
    no event falls between. Raises `ProtocolError` ``cursor-beyond-head``.
    """
    session = arrival.session
    starts = _starts(world, session.user, hello)
    old = session.peer
    if old is not None:
        old.session = None
        old.close(CloseReason.TAKEN_OVER)
    session.peer = peer
    if arrival.resumed:
        confirm(world, session, now)
        session.seen = now
    peer.session = session
    peer.reader.follows_all = hello.follow == "all"
    world.answer(peer, None, partial(_welcome, world, peer, arrival, starts, now))


def depart(world: World, peer: Peer, now: int) -> None:
    """Unbind ``peer``, whose connection has ended, from its session and its logs.

    A new session whose welcome may never have arrived ends with it, so that its nick can be claimed again.
    """
    peer.reader.unfollow_all()
    session = peer.session
    if session is None or session.peer is not peer:
        return
    peer.session = None
    session.peer = None
    if session.digest not in world.sessions:
        return
    if session.confirmed:
        session.seen = now
        world.batch.add_change(session.row())
    else:
        end_session(world, session, now)


def confirm(world: World, session: Session, now: int) -> None:
    """Note that the client has its token: it answered the ping behind the welcome, or has sent something."""
    if not session.confirmed:
        session.seen = now
        world.batch.add_change(session.row(), partial(setattr, session, "seen", 0))


def end_session(world: World, session: Session, now: int) -> None:
    """Forget ``session``; a user without any leaves all rooms, and the nick is free."""
    user = session.user
    if len(user.sessions) == 1:
        for room in [room for room in user.rooms if not room.direct]:
            world.post(room, "leave", user.nick, now)
            world.drop_member(room, user)
    world.end_session(session)


def _starts(world: World, user: User, hello: Hello) -> dict[Room, int | None]:
    """Return the rooms to follow with the cursors that ``hello`` names; None where it names none.

    Cursors of rooms that were left meanwhile are dropped.
    """
    starts: dict[Room, int | None] = dict.fromkeys(user.rooms) if hello.follow == "all" else {}
    for name, cursor in hello.cursors.items():
        room = _known(world, user, name)
        if room is None or user not in room.members:
            continue
        if cursor > room.log.head:
            raise ProtocolError(
                Code.CURSOR_BEYOND_HEAD,
                f"{room.name} has events up to {room.log.head}, not {cursor}; forget that cursor.",
                room=room.name,
            )
        starts[room] = cursor
    return starts


def _known(world: World, user: User, name: str) -> Room | None:
    try:
        return world.find_room(user, name)
    except RequestError:
        return None


def _welcome(world: World, peer: Peer, arrival: Arrival, starts: dict[Room, int | None], now: int) -> bytes:
    session = arrival.session
    if peer.session is not session:
        return b""
    states = _follow(peer, session.user, starts)
    chunks = [
        states[begin : begin + limits.ROOMS_PER_MESSAGE]
        for begin in range(0, len(states), limits.ROOMS_PER_MESSAGE)
    ] or [[]]
    welcome = Welcome(
        version=limits.PROTOCOL_VERSION,
        software=f"chatd/{chatd.__version__}",
        server=world.server,
        session=session.id,
        nick=session.user.nick,
        last=_durable_last(world, session),
        now=now,
        heartbeat=arrival.pulse,
        limits=LIMITS,
        rooms=chunks[0],
        token=arrival.token,
        resumed=arrival.resumed,
        more=len(chunks) > 1,
    )
    rest = [Rooms(rooms=chunk, more=chunk is not chunks[-1]) for chunk in chunks[1:]]
    ping = b"" if arrival.resumed else frame(FrameType.PING, CONFIRMATION)
    return b"".join([encode(welcome), *map(encode, rest), ping])


def _follow(peer: Peer, user: User, starts: dict[Room, int | None]) -> list[RoomState]:
    states = []
    for room, named in starts.items():
        if user in room.members:
            cursor = _default_start(room, user) if named is None else named
            peer.reader.follow(room.log, cursor)
            states.append(room.state(user, cursor))
    return states


def _default_start(room: Room, user: User) -> int:
    log = room.log
    return min(log.head, max(room.members[user], log.head - limits.BACKLOG, log.first - 1))


def _durable_last(world: World, session: Session) -> int:
    """Return the last send that is on disk; those of the batch that is still open are not."""
    return world.batch.sends.get(session, session.last)
