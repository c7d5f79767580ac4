"""Arrival: the way from a hello to the welcome: takeover of the session, rooms, first cursors."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from sys import intern
from typing import Final

from msgspec.structs import replace

import chatd
from chatd.chat import moderation, removing, sweeping, threads
from chatd.chat.accounts import warn
from chatd.chat.permissions import may_follow
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.status import own_status
from chatd.chat.world import World
from chatd.wire import limits
from chatd.wire.errors import CloseReason, Code, ProtocolError, RequestError
from chatd.wire.features import FEATURES
from chatd.wire.messages import Announcement, Hello, Message, Ping, Pulse, Rooms, RoomState, Welcome

CONFIRMATION: Final = "token?"
"""The data of the ping behind the welcome to a new session; its pong shows that the token has arrived."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A connection that is let in: its session, whether that is resumed, and what was agreed."""

    session: Session
    resumed: bool
    pulse: Pulse
    token: str = ""


class Entrance:
    """The rooms that a connection comes to follow, each with the cursor that its hello names, or None.

    ``turned`` says from where to go on instead in ``restored`` rooms, whose logs are not those that the
    client has seen. The rooms are those of the hello's moment; rooms that are joined later are announced by
    themselves. If the commit fails, all that was undecided in that moment is taken back, and the rooms are
    looked up again.
    """

    __slots__ = ("_batch", "_hello", "_starts", "_turned", "_user", "_world", "restored")

    def __init__(self, world: World, user: User, hello: Hello, turned: Mapping[str, int]) -> None:
        self._world = world
        self._user = user
        self._hello = hello
        self._turned = turned
        self.restored: set[Room] = set()
        self._batch = world.batch
        self._starts = self._look()

    def check(self) -> None:
        """Raise `ProtocolError` ``cursor-beyond-head`` if a cursor is beyond its head."""
        for room, cursor in self._starts.items():
            if cursor is not None and cursor > room.log.head:
                raise ProtocolError(
                    Code.CURSOR_BEYOND_HEAD,
                    f"{room.name} has events up to {room.log.head}, not {cursor}; forget that cursor.",
                    room=room.name,
                )

    def starts(self) -> dict[Room, int | None]:
        """Return the rooms with their cursors. Rooms that were left meanwhile are dropped."""
        return self._look() if self._batch.undone else self._starts

    def _look(self) -> dict[Room, int | None]:
        user, hello = self._user, self._hello
        starts: dict[Room, int | None] = dict.fromkeys(_of_interest(user)) if hello.follow == "all" else {}
        for name, cursor in hello.cursors.items():
            room = self._known(name)
            if room is not None and user in room.members:
                starts[room] = self._turned.get(name, cursor)
                if name in self._turned:
                    self.restored.add(room)
        return starts

    def _known(self, name: str) -> Room | None:
        try:
            return self._world.find_room(self._world.asker(self._user), name)
        except RequestError:
            return None


def _of_interest(user: User) -> list[Room]:
    """Return the rooms of ``user``, but not every one of very many logs of direct messages.

    If there are more than MAX_WELCOME_DIRECT of these, the unread ones come first, then the newest. The
    others are followed as soon as something is said in them: see `chatd.chat.following.rouse`.
    """
    return [*user.rooms, *user.newest_direct(limits.MAX_WELCOME_DIRECT)]


def arrive(
    world: World, peer: Peer, arrival: Arrival, hello: Hello, now: int, turned: Mapping[str, int]
) -> None:
    """Bind ``peer`` to its session, and fence an older connection of that session off.

    The welcome waits for the commit, as all answers do; the reader takes up the cursors in the same moment,
    so that no event falls between. ``turned``: see `Entrance`. Raises `ProtocolError` ``cursor-beyond-head``.
    """
    session = arrival.session
    entrance = Entrance(world, session.user, hello, turned)
    entrance.check()
    old = session.peer
    if old is not None:
        old.session = None
        old.close(CloseReason.TAKEN_OVER)
    session.peer = peer
    session.address, session.software = peer.peer_host, intern(hello.software[: limits.MAX_SOFTWARE])
    if hello.label is not None and hello.label != session.label:
        world.change(session.row()._replace(label=hello.label))
    sweeping.settle(world, session.user)
    if arrival.resumed:
        confirm(world, session)
        session.seen = world.calendar.now
    peer.session = session
    peer.reader.peer = peer
    peer.reader.follows_all = hello.follow == "all"
    peer.reader.hears_typing = hello.typing
    warn(session)
    world.batch.tell(peer, partial(_welcome, world, peer, arrival, entrance, now))


def depart(world: World, peer: Peer, now: int) -> None:
    """Unbind ``peer``, whose connection has ended, from its session and its logs.

    A new session whose welcome may never have arrived ends with it, so that its nick can be claimed again.
    """
    session = peer.session
    if session is None or session.peer is not peer:
        peer.reader.unfollow_all()
        return
    peer.session = session.peer = None  # before anything that might raise
    peer.reader.unfollow_all()
    if session.digest not in world.sessions:
        return
    if session.confirmed and not session.fleeting:
        note_seen(world, session)
    else:
        end_session(world, session, now)


def confirm(world: World, session: Session) -> None:
    """Note that the client has its token: it answered the ping behind the welcome, or came back with it.

    This holds even if it cannot be stored now; it is stored later.
    """
    session.proven = True
    if not session.seen:
        note_seen(world, session)


def note_seen(world: World, session: Session) -> None:
    """Note that a connection of ``session`` exists now, or ended a moment ago; one that ended stays ended."""
    if session.digest in world.sessions:
        world.change(session.row()._replace(seen=world.calendar.now))


def is_unsaved(session: Session) -> bool:
    """Return whether the client has its token, but nothing on disk says so yet."""
    return session.proven and not session.seen


def end_session(world: World, session: Session, now: int) -> None:
    """Forget ``session``. If it was a guest's last, the guest leaves all rooms and the nick is free."""
    user = session.user
    if len(user.sessions) == 1 and user.account is None:
        sweeping.settle(world, user)
        for room in list(user.rooms):
            removing.leave(world, room, user, now, session.farewell, "quit" if session.fleeting else "")
    world.end_session(session)


def _welcome(world: World, peer: Peer, arrival: Arrival, entrance: Entrance, now: int) -> list[Message]:
    session = arrival.session
    if peer.session is not session:
        return []
    states = _follow(peer, session.user, entrance.starts(), entrance.restored)
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
        limits=world.limits if peer.takes_files else replace(world.limits, file=0, window=0, transfers=0),
        rooms=chunks[0],
        token=arrival.token,
        resumed=arrival.resumed,
        more=len(chunks) > 1,
        account=session.user.account is not None,
        operator=session.user.operator,
        failed=session.warning,
        status=own_status(world, session.user),
        features=FEATURES if world.terms.typing else tuple(name for name in FEATURES if name != "typing"),
    )
    rest: list[Message] = [Rooms(rooms=chunk, more=chunk is not chunks[-1]) for chunk in chunks[1:]]
    rest += threads.following(peer, session.user, list(entrance.starts()))
    rest += moderation.invitations(world, session.user)
    if world.terms.announcement:
        rest.append(Announcement(text=world.terms.announcement, ts=now, daily=True))
    heard = arrival.resumed and not session.warning
    return [welcome, *rest] if heard else [welcome, *rest, Ping(data=CONFIRMATION)]


def _follow(peer: Peer, user: User, starts: dict[Room, int | None], restored: set[Room]) -> list[RoomState]:
    states = []
    for room, named in starts.items():
        if may_follow(user, room, peer.peer_host):
            cursor = room.start_of(user) if named is None else min(named, room.log.head)
            cursor = max(cursor, room.floor(user))
            peer.reader.follow(room.log, cursor)
            states.append(room.state(user, cursor, restored=room in restored))
    return states


def _durable_last(world: World, session: Session) -> int:
    """Return the number of the last send that is on disk, without sends of the open batch."""
    return world.batch.sends.get(session, session.last)
