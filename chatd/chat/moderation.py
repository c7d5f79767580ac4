"""Moderation: the requests by which order is kept in a room.

Each becomes an event of its log, with who did it, to whom, and why. A member who is
removed is handed that event and nothing behind it (`Batch.end`). What each request needs is decided before
(`chatd.chat.permissions`); here it is only compared with the standing of whom it concerns.
"""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatd.chat import metadata, returning, sweeping
from chatd.chat.acts import (
    BAN,
    INVITE,
    MUTE,
    act_of,
    acts_of,
    ended,
    invitations_of,
    is_invited,
    seconds_left,
)
from chatd.chat.changes.rows import DropAct, PutAct
from chatd.chat.names import USER_SIGN, check_nick
from chatd.chat.networks import is_wide, network_named, within
from chatd.chat.permissions import acting_standing, acts_as_operator, check_direct
from chatd.chat.quota import reached
from chatd.chat.removing import Note, remove
from chatd.chat.rules import ROLES, SETTINGS, Kind, Standing
from chatd.chat.state import CONSOLE, Asker, Peer, Room, Session, User
from chatd.chat.sweeps import Sweep
from chatd.chat.text import check_reason
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import (
    ACTS_PER_MESSAGE,
    INVITATION,
    MAX_ACTS,
    MAX_INVITED,
)


class Deed(NamedTuple):
    """Somebody who does something in a room now: what all of these requests have in common."""

    world: World
    room: Room
    asker: Asker
    standing: Standing
    now: int

    @classmethod
    def of(
        cls, world: World, peer: Peer, session: Session, room: Room, request: m.Request, now: int
    ) -> "Deed":
        """Return what ``request`` is the beginning of."""
        asker = world.asker(session.user, peer.peer_host)
        return cls(world, room, asker, acting_standing(asker, room, type(request)), now)

    def post(self, kind: str, whom: str = "", reason: str = "", value: str = "") -> int:
        """Add the event that tells of it."""
        return self.world.post(
            self.room,
            kind,
            self.asker.user.nick,
            self.now,
            whom=whom,
            reason=reason,
            value=value,
            operator=acts_as_operator(self.asker, self.room),
        )

    def outranks(self, user: User) -> None:
        """Refuse to do anything to a member who stands as high, unless an operator does it."""
        if self.asker.user.id == CONSOLE:
            return
        member = self.room.members.get(user)
        operates = acts_as_operator(self.asker, self.room) and not user.operator
        if user is self.asker.user:
            raise RequestError(Code.NOT_ALLOWED, "You cannot do that to yourself.")
        if member is not None and not operates and (member.role >= self.standing or user.operator):
            raise RequestError(Code.NOT_ALLOWED, f"{user.nick} stands as high in {self.room.name} as you do.")

    def remove(self, user: User, seq: int, reason: str) -> None:
        """Let ``user`` be no member any more because of event ``seq``."""
        remove(self.world, self.room, user, seq, Note(self.asker.user.nick, reason))

    def check_count(self, what: str, whom: str) -> None:
        """Refuse another ban, mute or invitation if the room, or the server, has as many as it may."""
        world, room = self.world, self.room
        prune(world, room)
        if (what, whom) in room.acts:
            return
        if reached(world.acts, world.terms.quota.acts):
            raise RequestError(
                Code.TOO_MANY_ACTS,
                "The server has as many bans, mutes and invitations as it may; take some back.",
            )
        if sum(act.what == what for act in room.acts.values()) >= MAX_ACTS:
            raise RequestError(
                Code.TOO_MANY_ACTS, f"{room.name} has {MAX_ACTS} of these; take some of them back."
            )

    def put(self, what: str, whom: str, user: int, seconds: int, reason: str) -> None:
        """Let a ban, a mute or an invitation begin; it ends after ``seconds`` if that is not 0.

        The event that tells of it comes first: what follows from it counts once that is stored.
        """
        until = self.asker.now + seconds * 1000 if seconds else 0
        act = PutAct(self.room.log.id, what, whom, user, until, self.asker.user.nick, reason)
        self.world.change(act)

    def take_back(self, what: str, whom: str) -> int:
        """Let a ban or a mute end, and return the number of the event that tells of it."""
        if (what, whom) not in self.room.acts:
            raise RequestError(Code.NO_SUCH_ACT, f"There is no {what} of {_shown(whom)} in {self.room.name}.")
        seq = self.post(f"un{what}", _shown(whom))
        self.world.change(DropAct(self.room.log.id, what, whom))
        return seq


# ---- coming and going -------------------------------------------------------------------------------


def invitations(world: World, user: User) -> list[m.Message]:
    """Return what ``user`` is told of rooms that wait for them."""
    return [
        m.Invited(room=room.name, by=act.by, text=act.reason)
        for room, act in invitations_of(user, world.calendar.now)
    ]


def prune(world: World, room: Room) -> int:
    """Drop the acts of ``room`` that have ended, and return how many these were."""
    now = world.calendar.now
    over = [act for act in room.acts.values() if ended(act, now)]
    for act in over:
        world.change(DropAct(room.log.id, act.what, act.whom))
    return len(over)


def invite(world: World, peer: Peer, session: Session, room: Room, request: m.InviteTo, now: int) -> m.Ok:
    """Let somebody join a room, which they are told of unless they are invited there already."""
    deed = Deed.of(world, peer, session, room, request, now)
    check_reason(request.reason)
    user = world.user_called(request.whom)
    if user in room.members:
        raise RequestError(Code.ALREADY_A_MEMBER, f"{user.nick} is a member of {room.name} already.")
    if act_of(world.asker(user, user.address), room, BAN) is not None:
        raise RequestError(Code.BANNED, f"{user.nick} is banned from {room.name}; unban them first.")
    check_direct(session.user, user, "invitations")
    again = is_invited(user, room, deed.asker.now)
    if not again and len(invitations_of(user, deed.asker.now)) >= MAX_INVITED:
        raise RequestError(
            Code.TOO_MANY_ACTS,
            f"{user.nick} is invited to {MAX_INVITED} rooms already; ask again when they have joined some.",
        )
    deed.check_count(INVITE, _key(user.nick))
    seq = deed.post("invite-to", user.nick, request.reason)
    for whom in list(user.invited.get(room, ())):  # perhaps by an earlier nick
        world.change(DropAct(room.log.id, INVITE, whom))
    deed.put(INVITE, _key(user.nick), user.id, INVITATION, request.reason)
    told = m.Invited(room=room.name, by=session.user.nick, text=request.reason)
    for one in user.sessions:
        if one.peer is not None and not again:
            world.batch.tell(one.peer, _told_if(room, user, told))
    return m.Ok(id=request.id, seq=seq, room=room.name)


def _told_if(room: Room, user: User, told: m.Invited) -> Callable[[], Sequence[m.Message]]:
    return lambda: [told] if room in user.invited else ()


# ---- removing ---------------------------------------------------------------------------------------


def kick(world: World, peer: Peer, session: Session, room: Room, request: m.Kick, now: int) -> m.Ok:
    """Remove a member, who may join again if the room lets them."""
    deed = Deed.of(world, peer, session, room, request, now)
    check_reason(request.reason)
    user = _member(world, room, request.whom)
    deed.outranks(user)
    name = room.name
    seq = deed.post("kick", user.nick, request.reason)
    deed.remove(user, seq, request.reason)
    return m.Ok(id=request.id, seq=seq, room=name)


def ban(world: World, peer: Peer, session: Session, room: Room, request: m.Ban, now: int) -> m.Ok:
    """Keep somebody out, or all from a range of addresses; who is in is removed."""
    deed = Deed.of(world, peer, session, room, request, now)
    check_reason(request.reason)
    name = room.name
    network = network_named(request.whom)
    if network is not None:
        seq = _ban_network(deed, network, request)
    else:
        shown, key = check_nick(request.whom.removeprefix(USER_SIGN))
        user = world.nicks.get(key)
        if user is not None:
            deed.outranks(user)
        deed.check_count(BAN, USER_SIGN + key)
        seq = deed.post(
            "ban", shown if user is None else user.nick, request.reason, _seconds(request.seconds)
        )
        deed.put(BAN, USER_SIGN + key, 0 if user is None else user.id, request.seconds, request.reason)
        if user is not None:
            for act in [act for act in acts_of(room, INVITE, 0) if act.user == user.id]:
                world.change(DropAct(room.log.id, INVITE, act.whom))
            if user in room.members:
                deed.remove(user, seq, request.reason)
    world.batch.narrow(room)
    return m.Ok(id=request.id, seq=seq, room=name)


def _ban_network(deed: Deed, network: str, request: m.Ban) -> int:
    """Ban a range of addresses. Members of lower standing who are there, or were last, are removed."""
    if deed.asker.user.id != CONSOLE and is_wide(network):
        text = "That is a large part of all addresses; ban no more than a /8 at once, or a /16 of IPv6."
        raise RequestError(Code.BAD_VALUE, text)
    if within(deed.asker.host, network):
        raise RequestError(Code.NOT_ALLOWED, "You cannot do that to yourself: your address is one of these.")
    room = deed.room
    deed.check_count(BAN, network)
    seq = deed.post("ban", network, request.reason, _seconds(request.seconds))
    deed.put(BAN, network, 0, request.seconds, request.reason)
    by, operates = deed.asker.user.nick, acts_as_operator(deed.asker, room)
    sweeping.begin(deed.world, Sweep(room, seq, network, deed.standing, by, request.reason, operates))
    return seq


def unban(world: World, peer: Peer, session: Session, room: Room, request: m.Unban, now: int) -> m.Ok:
    """Take a ban back."""
    deed = Deed.of(world, peer, session, room, request, now)
    whom = network_named(request.whom) or _key(request.whom)
    seq = deed.take_back(BAN, whom)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def mute(world: World, peer: Peer, session: Session, room: Room, request: m.Mute, now: int) -> m.Ok:
    """Let a member read only."""
    deed = Deed.of(world, peer, session, room, request, now)
    check_reason(request.reason)
    user = _member(world, room, request.whom)
    deed.outranks(user)
    deed.check_count(MUTE, _key(user.nick))
    seq = deed.post("mute", user.nick, request.reason, _seconds(request.seconds))
    deed.put(MUTE, _key(user.nick), user.id, request.seconds, request.reason)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def unmute(world: World, peer: Peer, session: Session, room: Room, request: m.Unmute, now: int) -> m.Ok:
    """Let somebody speak again."""
    deed = Deed.of(world, peer, session, room, request, now)
    whom = _key(request.whom)
    seq = deed.take_back(MUTE, whom)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def list_acts(world: World, peer: Peer, session: Session, room: Room, request: m.Acts, now: int) -> m.Ok:
    """Tell moderators what bans, mutes and invitations there are."""
    at = world.calendar.now
    known = (act for what in (BAN, MUTE, INVITE) for act in acts_of(room, what, at))
    after = (request.what, request.after)
    acts = sorted(
        (act for act in known if (act.what, _shown(act.whom)) > after),
        key=lambda act: (act.what, _shown(act.whom)),
    )
    limit = min(request.limit, ACTS_PER_MESSAGE)
    rows = [
        m.Act(
            what=act.what,
            whom=_shown(act.whom),
            by=act.by,
            reason=act.reason,
            seconds=seconds_left(act, at),
        )
        for act in acts[:limit]
    ]
    return m.Ok(id=request.id, room=room.name, acts=rows, more=len(acts) > limit)


# ---- roles and rules --------------------------------------------------------------------------------


def give_role(world: World, peer: Peer, session: Session, room: Room, request: m.Role, now: int) -> m.Ok:
    """Give a member another role. Whoever makes an owner hands the room over: it has one at the most."""
    deed = Deed.of(world, peer, session, room, request, now)
    user = _member(world, room, request.whom)
    role = ROLES.get(request.role)
    if role is None:
        raise RequestError(Code.BAD_VALUE, f"A role is one of these: {', '.join(ROLES)}.")
    if room.members[user].reads_only:
        raise RequestError(
            Code.NOT_ALLOWED,
            f"{user.nick} is a guest who only reads here; who logs in and joins again can have a role.",
        )
    owns = room.members[user].role == Standing.OWNER
    if owns and role < Standing.OWNER and not acts_as_operator(deed.asker, room):
        raise RequestError(Code.NOT_ALLOWED, "An owner stays one until the room is handed over to another.")
    if role == Standing.OWNER:
        for owner in list(room.owners):
            world.change(room.member_row(owner)._replace(role=Standing.MODERATOR))
    world.change(room.member_row(user)._replace(role=role))
    seq = deed.post("role", user.nick, value=request.role)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def set_rule(world: World, peer: Peer, session: Session, room: Room, request: m.Set, now: int) -> m.Ok:
    """Change one rule of a room."""
    deed = Deed.of(world, peer, session, room, request, now)
    setting = SETTINGS.get(request.rule)
    if setting is None:
        raise RequestError(Code.BAD_VALUE, f"A rule is one of these: {', '.join(SETTINGS)}.")
    value = setting.parse(request.rule, request.value)
    if getattr(room.rules, setting.field) == value:
        return m.Ok(id=request.id, room=room.name)
    seq = deed.post("set", value=f"{request.rule} {request.value}")
    world.change(room.row()._replace(**{setting.field: value}))
    if setting.field == "kind" and value == Kind.PRIVATE:
        sweeping.begin(world, Sweep(room, seq, standing=Standing.MEMBER))
    if setting.field in {"history", "kind"}:
        world.batch.narrow(room)
    return m.Ok(id=request.id, seq=seq, room=room.name)


def delete_room(
    world: World, peer: Peer, session: Session, room: Room, request: m.DeleteRoom, now: int
) -> m.Ok:
    """Remove a room for good, with all that was said in it."""
    deed = Deed.of(world, peer, session, room, request, now)
    check_reason(request.reason)
    name = room.name
    seq = deed.post("delete-room", reason=request.reason)
    sweeping.end(world, room, room.sweeps)
    metadata.clear(world, room)
    returning.delete(world, room)
    sweeping.begin(world, Sweep(room, seq, by=session.user.nick, reason=request.reason))
    return m.Ok(id=request.id, seq=seq, room=name)


# ---- names ------------------------------------------------------------------------------------------


def _member(world: World, room: Room, name: str) -> User:
    user = world.nicks.get(check_nick(name.removeprefix(USER_SIGN))[1])
    if user is None or user not in room.members:
        raise RequestError(Code.NO_SUCH_USER, f"No member of {room.name} is called {name[:64]}.")
    return user


def _key(name: str) -> str:
    """Return a nick in the form in which acts name it."""
    return USER_SIGN + check_nick(name.removeprefix(USER_SIGN))[1]


def _shown(whom: str) -> str:
    return whom.removeprefix(USER_SIGN)


def _seconds(seconds: int) -> str:
    return str(seconds) if seconds else ""
