"""Permissions: the only place that decides what somebody may do.

`TABLE` says what each request needs in each kind of room, and from it docs/PERMISSIONS.md is made. Every
request needs a session too: no message counts as a request before its connection has one
(`chatd.server.dialogue`). An `Asker` brings what decides beside the room: the user, the address, the time.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from chatd.chat.acts import BAN, MUTE, act_of, is_invited, term_of
from chatd.chat.channel_modes import (
    KeepTags,
    MarkPeople,
    MarkRoom,
    has_voice,
    is_excepted,
    is_invited_by_mask,
    is_masked,
    is_quiet,
)
from chatd.chat.comparing import TurnedJoin
from chatd.chat.prepared import (
    CodedInvite,
    HashedPasswd,
    HashedRegister,
    ProvenDeleteAccount,
)
from chatd.chat.rules import History, Kind, Rules, Standing
from chatd.chat.state import Asker, Peer, Room, User
from chatd.chat.sweeps import is_barred
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.names import fold

HOUR: Final = 3_600_000
"""Milliseconds in an hour."""

EVERYBODY: Final = "everybody"
SHARED: Final = "shared"
NOBODY: Final = "nobody"
"""Whose direct messages somebody takes: ``shared`` is people with whom a room is shared."""


class Need(NamedTuple):
    """What a request needs in the room that it names, kind by kind, and in an archived one of any kind.

    ``speaks`` is whether the rule about who may speak holds too, ``titles`` the one about the topic,
    ``reads`` the one about history; ``reacts`` is whether somebody muted may not. ``acts`` is whether an
    operator may ask it who is no member, ``authors`` whether only moderators may ask it about what others
    have said.
    """

    public: Standing
    private: Standing
    read_only: Standing
    direct: Standing
    archived: Standing
    speaks: bool = False
    reacts: bool = False
    titles: bool = False
    reads: bool = False
    acts: bool = False
    authors: bool = False


_NOBODY, _VISITOR, _READER, _MEMBER = Standing.NOBODY, Standing.VISITOR, Standing.READER, Standing.MEMBER
_MODERATOR, _OWNER = Standing.MODERATOR, Standing.OWNER
_JOIN = Need(_VISITOR, _VISITOR, _VISITOR, _MEMBER, _VISITOR)
_READING = Need(_VISITOR, _MEMBER, _VISITOR, _MEMBER, _VISITOR, reads=True)
_KEEPING_ORDER = Need(_MODERATOR, _MODERATOR, _MODERATOR, _NOBODY, _MODERATOR, acts=True)
_REMOVING = Need(_MEMBER, _MEMBER, _MEMBER, _MEMBER, _MODERATOR, acts=True, authors=True)
_SPEAKING = Need(_MEMBER, _MEMBER, _MODERATOR, _MEMBER, _NOBODY, speaks=True)
_OWNING = Need(_OWNER, _OWNER, _OWNER, _NOBODY, _OWNER, acts=True)

TABLE: Final[Mapping[type[m.Message], Need]] = {
    m.Join: _JOIN,
    TurnedJoin: _JOIN,
    m.Leave: Need(_READER, _MEMBER, _READER, _NOBODY, _READER),
    m.Send: _SPEAKING,
    KeepTags: _SPEAKING,
    m.Edit: _SPEAKING,
    m.Typing: _SPEAKING,
    m.React: Need(_MEMBER, _MEMBER, _MEMBER, _MEMBER, _NOBODY, reacts=True),
    m.Pin: Need(_MODERATOR, _MODERATOR, _MODERATOR, _MEMBER, _NOBODY, acts=True),
    m.Topic: Need(_MEMBER, _MEMBER, _MODERATOR, _MEMBER, _NOBODY, titles=True),
    m.Read: Need(_READER, _MEMBER, _READER, _MEMBER, _READER),
    m.FollowThread: Need(_MEMBER, _MEMBER, _MEMBER, _MEMBER, _MEMBER),
    m.Threads: Need(_MEMBER, _MEMBER, _MEMBER, _MEMBER, _MEMBER),
    m.Members: Need(_VISITOR, _MEMBER, _VISITOR, _MEMBER, _VISITOR),
    m.History: _READING,
    m.Look: _READING,
    m.Pins: _READING,
    m.Search: _READING,
    m.Download: _READING,
    m.InviteTo: Need(_MEMBER, _MODERATOR, _MEMBER, _NOBODY, _NOBODY, acts=True),
    m.Kick: _KEEPING_ORDER,
    m.Ban: _KEEPING_ORDER,
    MarkPeople: _KEEPING_ORDER,
    m.Unban: _KEEPING_ORDER,
    m.Mute: _KEEPING_ORDER,
    m.Unmute: _KEEPING_ORDER,
    m.Acts: _KEEPING_ORDER,
    m.Remove: _REMOVING,
    m.Role: _OWNING,
    m.Set: _OWNING,
    MarkRoom: _OWNING,
    m.DeleteRoom: _OWNING,
    m.AddHook: _OWNING,
    m.DropHook: _OWNING,
    m.Hooks: _OWNING,
}
"""The requests that name a room, and `Typing`, which is none."""

_JOINS: Final = frozenset({m.Join, TurnedJoin})

ROOMLESS: Final = frozenset(
    {m.Nick, m.SetStatus, m.ListRooms, m.Upload, m.Decline, m.Block, m.Unblock, m.Allow}
    | {m.Register, HashedRegister, m.Passwd, HashedPasswd, m.Sessions, m.End, m.Logout}
    | {m.DeleteAccount, ProvenDeleteAccount}
    | {m.Invite, CodedInvite, m.Certificates, m.AddCertificate, m.DropCertificate},
)
"""The requests that name no room, which everybody with a session may make."""


# ---- rooms ------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _needs(direct: bool, rules: Rules, keyed: bool) -> Mapping[type, int]:
    needs = {request: needed(need, direct, rules) for request, need in TABLE.items()}
    if keyed:  # who does not know the key reads nothing
        needs |= {kind: _READER for kind, least in needs.items() if least == _VISITOR and kind not in _JOINS}
    return needs


def needed(need: Need, direct: bool, rules: Rules) -> int:
    """Return the least standing that has what ``need`` says under ``rules``, or with ``direct`` messages."""
    if direct:
        return need.direct
    if rules.kind == Kind.DELETED:
        return Standing.NOBODY
    least: int = getattr(need, rules.kind.replace("-", "_"))
    if rules.archived:
        least = max(least, need.archived)
    if need.speaks:
        least = max(least, rules.posting)
    if need.titles:
        least = max(least, rules.titling)
    if need.reads and rules.history == History.SINCE_JOIN:
        least = max(least, Standing.READER)
    return least


def settle(room: Room) -> None:
    """Work out what is needed in ``room`` after its rules or acts have changed."""
    rules = room.rules._replace(slow=0, keep_days=0, calling=0)
    room.needs = _needs(room.direct, rules, room.keys > 0)
    room.strict = room.rules.slow > 0 or room.direct or room.mutes > 0 or bool(room.sweeps)
    room.settled = room.log.last


def standing_of(asker: Asker, room: Room) -> Standing:
    """Return what ``asker`` is in ``room``. An operator who is no member is only a visitor."""
    user = asker.user
    member = room.members.get(user)
    if member is not None and not (room.sweeps and is_barred(room, user, asker.host)):
        return Standing.OWNER if user.operator else Standing(member.role)
    if room.direct or room.rules.kind == Kind.DELETED:
        return Standing.STRANGER
    if user.operator:
        return Standing.VISITOR
    private = room.rules.kind == Kind.PRIVATE
    if private and not (is_invited(user, room, asker.now) or is_invited_by_mask(room, user)):
        return Standing.STRANGER
    if room.acts and (act_of(asker, room, BAN) is not None or is_masked(room, user)):
        excepted = is_excepted(room, user)
        return Standing.VISITOR if excepted else Standing.STRANGER if private else Standing.BANNED
    return Standing.VISITOR


def knows(asker: Asker, room: Room) -> bool:
    """Return whether ``asker`` may know that ``room`` exists."""
    return standing_of(asker, room) > Standing.STRANGER


def first_readable(asker: Asker, room: Room) -> int:
    """Return the first event of ``room`` that ``asker`` may read, beyond its head if there is none."""
    user, head = asker.user, room.log.head
    member = room.members.get(user)
    barred = member is not None and bool(room.sweeps) and is_barred(room, user, asker.host)
    if member is None or member.since > head or barred:
        standing = standing_of(asker, room) if member is None or barred else Standing.VISITOR
        return 1 if standing >= room.needs[m.History] else head + 1
    return room.floor(user) + 1


def is_settled(user: User, room: Room) -> bool:
    """Return whether everything that decides what ``user`` may read of ``room`` is durable."""
    member = room.members.get(user)
    head = room.log.head
    return room.settled <= head and (member is None or member.settled(head))


def may_read(asker: Asker, room: Room, seq: int) -> bool:
    """Return whether ``asker`` may read event ``seq`` of ``room``.

    Nobody may read what is not stored yet, nor because of what is not stored yet.
    """
    return first_readable(asker, room) <= seq <= room.log.head and is_settled(asker.user, room)


def may_follow(user: User, room: Room, host: str) -> bool:
    """Return whether a connection of ``user`` at ``host`` may be told what is said in ``room``."""
    return user in room.members and not (room.sweeps and is_barred(room, user, host))


def check_reader(room: Room | None) -> Room:
    """Return ``room`` if a guest may come to read it where guests only read.

    One that is not there, and one that they may not know of, are refused alike. Raises `RequestError`
    ``account-needed``.
    """
    if room is None or room.direct or room.rules.kind not in {Kind.PUBLIC, Kind.READ_ONLY}:
        raise guest_refused()
    return room


def guest_refused() -> RequestError:
    """Return the refusal of all that guests may not do where they only read."""
    return RequestError(
        Code.ACCOUNT_NEEDED, "Guests can only read public rooms here; log in or register to take part."
    )


def check_files(peer: Peer) -> None:
    """Refuse files on a kind of connection that carries none. Raises `RequestError` ``unsupported``."""
    if not peer.takes_files:
        raise RequestError(Code.UNSUPPORTED, "Files are not moved over this kind of connection; use chatc.")


def check_room(asker: Asker, room: Room | None, request: Any) -> Room:
    """Return ``room``, which ``request`` names, if it is there and allows the request to ``asker``.

    Raises `RequestError` with the code that docs/PERMISSIONS.md names.
    """
    name = request.room[:64]
    if room is None:
        raise RequestError(Code.NO_SUCH_ROOM, f"There is no room {name}; join it to make it.")
    kind = type(request)
    need = TABLE[kind]
    standing = acting_standing(asker, room, kind)
    needed = room.needs[kind]
    if standing < max(needed, Standing.BANNED) and not _has_a_say(need, standing, needed, asker, room):
        raise _refusal(need, standing, asker, room, name)
    if need.speaks or need.reacts or need.titles:
        _check_voice(asker, room, standing, name)
    return room


def _has_a_say(need: Need, standing: Standing, needed: int, asker: Asker, room: Room) -> bool:
    """Return whether a voice lets ``asker`` speak where else only moderators do."""
    speaks = need.speaks and standing == Standing.MEMBER and needed == Standing.MODERATOR
    return speaks and has_voice(room, asker.user)


def may_speak(asker: Asker, room: Room) -> bool:
    """Return whether ``asker`` may say something in ``room`` now, however slow it is."""
    try:
        check_room(asker, room, m.Typing(room=room.name))
        if room.direct:
            check_direct(asker.user, room.partner(asker.user))
    except RequestError:
        return False
    return True


def acting_standing(asker: Asker, room: Room, kind: type[m.Request]) -> Standing:
    """Return the standing that counts for a request: an operator owns every room when it comes to acts."""
    standing = standing_of(asker, room)
    acts = TABLE[kind].acts and asker.user.operator and standing > Standing.STRANGER
    return Standing.OWNER if acts else standing


def acts_as_operator(asker: Asker, room: Room) -> bool:
    """Return whether it is as an operator, not as a member, that ``asker`` is an owner of ``room``."""
    member = room.members.get(asker.user)
    return asker.user.operator and (member is None or member.role < Standing.OWNER)


def _refusal(need: Need, standing: Standing, asker: Asker, room: Room, name: str) -> RequestError:
    if standing == Standing.STRANGER:
        return RequestError(Code.NO_SUCH_ROOM, f"There is no room {name}; join it to make it.")
    if standing == Standing.BANNED:
        act = act_of(asker, room, BAN)
        term = "" if act is None else term_of(act, asker.now)
        why = f" ({act.reason})" if act is not None and act.reason else ""
        return RequestError(Code.BANNED, f"You are banned from {name}{term}{why}; ask its moderators.")
    if room.direct:
        return RequestError(Code.BAD_ROOM, "That cannot be done with direct messages; name a room.")
    if standing < Standing.MEMBER:
        return RequestError(Code.NOT_A_MEMBER, f"You are not a member of {name}; join it first.")
    if room.rules.archived and need.archived == Standing.NOBODY:
        return RequestError(Code.ARCHIVED, f"{name} is archived: it can be read, and nothing is added to it.")
    return RequestError(Code.NOT_ALLOWED, f"Only its {_least(need, room)} may do that in {name}.")


def _least(need: Need, room: Room) -> str:
    least = needed(need, room.direct, room.rules._replace(archived=False))
    return "owner" if least == Standing.OWNER else "moderators"


def _check_voice(asker: Asker, room: Room, standing: Standing, name: str) -> None:
    """Refuse to let somebody speak who is muted, or spoke a moment ago in a slow room."""
    if not room.strict or standing >= Standing.MODERATOR:
        return
    mute = act_of(asker, room, MUTE) if room.acts else None
    if mute is not None:
        raise RequestError(Code.MUTED, f"You are muted in {name}{term_of(mute, asker.now)}.")
    if room.acts and is_quiet(room, asker.user):
        raise RequestError(Code.MUTED, f"You are muted in {name}.")


def check_pace(asker: Asker, room: Room) -> None:
    """Refuse a send so soon behind the last one in a slow room."""
    slow, user = room.rules.slow, asker.user
    if not slow or acting_standing(asker, room, m.Send) >= Standing.MODERATOR:
        return
    wait = room.spoken.get(user, asker.now - slow * 1000) + slow * 1000 - asker.now
    if wait > 0:
        raise RequestError(
            Code.SLOW_MODE,
            f"{room.name} is slow: one message in {slow} seconds; say that again in {(wait + 999) // 1000}.",
        )


def check_removal(
    asker: Asker, room: Room, event: m.Event, standing: Standing, now: int, within: int
) -> None:
    """Refuse to let somebody of ``standing`` remove ``event`` of ``room`` who is no moderator.

    Authors may for ``within`` milliseconds; ``now`` is in milliseconds since 1970. Raises `RequestError`
    ``not-allowed``.
    """
    if standing >= Standing.MODERATOR:
        return
    if not said_by(asker.user, event):
        others = "" if room.direct else f", or the moderators of {room.name}"
        raise RequestError(Code.NOT_ALLOWED, f"Only who said it may remove that{others}.")
    if now - event.ts >= within:
        text = f"was said more than {within // HOUR} hours ago" if within else "stays once it is said"
        helper = "" if room.direct else "; ask a moderator of the room"
        raise RequestError(Code.NOT_ALLOWED, f"That {text}, so you cannot remove it any more{helper}.")


def check_edit(user: User, event: m.Event, now: int, within: int) -> None:
    """Refuse to let ``user`` edit an ``event`` of somebody else, or one that is older than ``within``.

    ``now`` and ``within`` are in milliseconds. Raises `RequestError` ``not-allowed``.
    """
    if not said_by(user, event):
        raise RequestError(Code.NOT_ALLOWED, "Only who said it may edit that; reply to it.")
    if now - event.ts >= within:
        text = f"was said more than {within // HOUR} hours ago" if within else "stays as it was said"
        raise RequestError(Code.NOT_ALLOWED, f"That {text}, so it cannot be edited any more; say it anew.")


def said_by(user: User, event: m.Event) -> bool:
    """Return whether ``user`` has said ``event``: in a session that there is, or by a nick of the account.

    What a guest had said by that nick before it was the account's is somebody else's.
    """
    if event.session and any(session.id == event.session for session in user.sessions):
        return True
    return by_its_nick(user, event)


def by_its_nick(user: User, event: m.Event) -> bool:
    """Return whether ``event`` has a nick of the account of ``user``, which had it by then."""
    since = user.kept.get(fold(event.by)) if user.account is not None else None
    return since is not None and event.ts >= since


# ---- new rooms --------------------------------------------------------------------------------------


def check_maker(user: User, makers: str) -> None:
    """Refuse to let ``user`` make a room where only ``makers`` do.

    It is asked before the name is looked at, so that it tells of no private room. Raises `RequestError`.
    """
    if makers == EVERYBODY or user.operator or (makers == "accounts" and user.account is not None):
        return
    whose = "people with an account" if makers == "accounts" else "operators of the server"
    raise RequestError(Code.NOT_ALLOWED, f"Rooms are made by {whose} here; join one that is there.")


# ---- direct messages --------------------------------------------------------------------------------


def check_direct(user: User, other: User, what: str = "direct messages") -> None:
    """Refuse a direct message, or ``what`` else reaches ``other``, that they do not take from ``user``.

    Raises `RequestError`.
    """
    if other.deleted:
        raise RequestError(Code.NO_SUCH_USER, f"The account {other.nick} is deleted; nobody would see that.")
    if not takes_direct(user, other):
        raise RequestError(Code.NOT_ALLOWED, f"{other.nick} takes no {what} from you.")


def takes_direct(user: User, other: User) -> bool:
    """Return whether ``other`` takes direct messages from ``user``."""
    if user.operator or user is other:
        return True
    if user.id in other.blocked or other.allow == NOBODY:
        return False
    return other.allow != SHARED or _share(user, other)


def _share(user: User, other: User) -> bool:
    fewer, more = sorted((user, other), key=lambda one: len(one.rooms))
    return any(more in room.members for room in fewer.rooms)
