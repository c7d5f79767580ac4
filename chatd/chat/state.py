"""The people and places of the chat: users, their sessions, rooms and their members."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Protocol

from chatd.chat.changes.rows import (
    DELETED,
    DISABLED,
    HOOK,
    OPERATOR,
    PutAccount,
    PutAct,
    PutCertificate,
    PutMember,
    PutRoom,
    PutSession,
    PutThread,
    PutUser,
)
from chatd.chat.crowd import Crowd, Haunts, Membership
from chatd.chat.few import Few
from chatd.chat.later import Later, each
from chatd.chat.log import Log
from chatd.chat.mentioned import Mentioned
from chatd.chat.names import USER_SIGN
from chatd.chat.quota import Bucket, Lease, Meter, Ration
from chatd.chat.reader import Reader
from chatd.chat.rules import DEFAULT, ROLE_NAMES, History, Kind, Rules, Standing
from chatd.chat.thread import Thread
from chatd.chat.unread import unread_of
from chatd.wire import limits
from chatd.wire.errors import CloseReason, Code, ProtocolError
from chatd.wire.messages import Download, File, Message, Ok, Request, RoomState, Upload

if TYPE_CHECKING:
    from chatd.chat.queries import HistoryQuery, Look, Search
    from chatd.chat.sweeps import Sweep

CONSOLE: Final = 0
"""The id of the operator at the control socket, who is no user and stands above all of them."""


class Peer(Protocol):
    """A connection as chat sees it."""

    reader: Reader
    session: "Session | None"
    peer_host: str

    @property
    def certificate(self) -> str:
        """Return the fingerprint of the certificate that it has shown and that was verified, or nothing."""

    @property
    def reads_only(self) -> bool:
        """Return whether it is a guest's, where guests only read."""

    @property
    def takes_files(self) -> bool:
        """Return whether the bytes of files can be moved over it."""

    def reply(self, messages: Sequence[Message], answered: int) -> None:
        """Write messages that answer ``answered`` of its requests, whatever its transport's state."""

    def note_refusal(self, code: Code) -> None:
        """Note that a request of its was refused, for whoever asks later why."""

    def close(self, reason: CloseReason, text: str = "", retry_after: float | None = None) -> None:
        """End it with a goodbye."""

    def fault(self) -> None:
        """End it because of the current exception, which concerns it alone (P8)."""

    def catch_up(self) -> None:
        """Have its reader brought forward, because some cursor may lag."""

    def fail(self, error: ProtocolError, reason: CloseReason | None = None) -> None:
        """End it with ``error`` as its last words."""

    def wait(self) -> None:
        """Take no further request before `go_on`."""

    def go_on(self) -> None:
        """Take requests again."""

    def read(self, query: "HistoryQuery") -> None:
        """Answer a request for history once the store has read it. Take no further request before."""

    def look(self, query: "Look") -> None:
        """Answer a request for events, and what became of them, once the store has read it.

        Take no further request before.
        """

    def search(self, search: "Search") -> None:
        """Answer a request for a search once the store has done it. Take no further request before.

        Raises `RequestError` if too many wait for one.
        """

    def find(self, request: Request, log: Log, seq: int) -> None:
        """Hand ``request`` in again with the `Facts` about event ``seq`` of ``log``, once they were read.

        Take no further request before.
        """

    def upload(self, request: Upload, held: bool) -> Ok | None:
        """Return the answer to ``request`` if all of it is ``held``.

        Else answer it once it is known from where to go on.
        """

    def download(self, request: Download, room: str, seq: int, file: File) -> None:
        """Answer ``request`` and begin to send the ``file`` of event ``seq`` of ``room``."""

    def end_downloads(self, room: str, first: Callable[[], int]) -> None:
        """End the downloads of files that events of ``room`` below what ``first`` returns post."""

    def end_removed(self, room: str, seq: int) -> None:
        """End the downloads of the file that event ``seq`` of ``room`` has posted, which was removed."""


@dataclass(slots=True, eq=False)
class User(Later):
    """Somebody with a nick, on any number of devices.

    One with an ``account`` stays, and keeps the nicks whose keys are in ``kept``, each with the time in
    milliseconds since 1970 since when it is the account's, or 0; one without is a guest. ``shown`` says of
    such keys how the nick was shown when the user took another. ``certificates`` open the account, by
    fingerprint; ``places`` are the networks from which it was logged in to, with when. ``announced`` is
    whether the others were told that the user is there; see `chatd.chat.presence`. ``rooms`` are those that
    the user is a member of, ``direct`` the logs of direct messages, of which there may be as many as there
    are users: those in which something was said last come last. ``unread`` are the ones of these that may
    hold something unread, in the same order. ``begun`` counts the logs of direct messages that the user has
    begun, ``making`` bounds when another room may be made; ``meter`` is what else the user has used.
    ``invited`` are the invitations for the user, by room and by the name in the act, ``blocked`` the ids of
    those whose direct messages the user does not take, ``allow`` says whose are taken at all
    (`chatd.chat.permissions`). ``ident`` is what a client of IRC has called them in USER, by which masks mean
    them. ``threads`` are those that the user follows, or follows no more, by room and
    by the event with which each begins. While they are ``asleep`` nobody has asked for their rooms since the
    daemon started, and these are what was loaded, with all rooms by their ids.
    """

    id: int
    nick: str
    key: str | None
    account: PutAccount | None = None
    kept: dict[str, int] = field(init=False)
    shown: dict[str, str] = field(init=False)
    certificates: dict[str, PutCertificate] = field(init=False)
    places: dict[str, int] = field(init=False)
    sessions: "Few[Session]" = field(init=False)
    rooms: "dict[Room, None]" = field(init=False)
    direct: "dict[Room, None]" = field(init=False)
    unread: "dict[Room, None]" = field(init=False)
    announced: bool = False
    away_since: float | None = None
    begun: int = 0
    making: Ration | None = None
    meter: Meter = field(init=False)
    invited: "dict[Room, dict[str, PutAct]]" = field(init=False)
    blocked: set[int] = field(init=False)
    allow: str = "everybody"
    ident: str = ""
    threads: dict[int, dict[int, PutThread]] = field(init=False)

    asleep: "tuple[Haunts, Mapping[int, Room]] | None" = None

    LATER: ClassVar = {
        "rooms": lambda user: user._loaded(),  # noqa: SLF001
        **each("kept shown certificates places direct unread invited threads", dict),
        **each("sessions", Few),
        **each("blocked", set),
        **each("meter", Meter),
    }

    def _loaded(self) -> "dict[Room, None]":
        asleep, self.asleep = self.asleep, None
        return {} if asleep is None else asleep[0].of(asleep[1])

    @property
    def connected(self) -> bool:
        """Return whether any device has a connection."""
        return any(session.peer is not None for session in self.sessions)

    @property
    def operator(self) -> bool:
        """Return whether this is an operator of the server, who may do everything everywhere."""
        return self._has(OPERATOR)

    @property
    def disabled(self) -> bool:
        """Return whether this is an account that nobody may use, such as the name of a hook."""
        return self._has(DISABLED | HOOK)

    @property
    def deleted(self) -> bool:
        """Return whether this is what is left of an account."""
        return self._has(DELETED)

    def _has(self, flag: int) -> bool:
        return self.account is not None and bool(self.account.flags & flag)

    @property
    def address(self) -> str:
        """Return the address of some connection, or nothing if there is none."""
        return next((session.peer.peer_host for session in self.sessions if session.peer is not None), "")

    def newest_direct(self, most: int) -> "list[Room]":
        """Return at most so many logs of direct messages: the unread ones first, then the newest (P6)."""
        if not self.has("direct"):
            return []
        if len(self.direct) <= most:
            return list(self.direct)
        unread = [room for room in islice(reversed(self.unread), most) if room.is_unread(self)]
        others = islice(reversed(self.direct), most)
        return list(islice(dict.fromkeys(chain(unread, others)), most))

    def row(self) -> PutUser:
        """Return the stored form."""
        return PutUser(self.id, self.nick, self.key)


@dataclass(slots=True, eq=False)
class Session(Later):
    """One device of a user.

    ``last`` is its last numbered send; ``seen`` is when its last connection began or ended, by the calendar,
    and 0 as long as nothing on disk shows that the client has received its token. ``address`` and
    ``software`` are those of that connection. ``proven`` is whether the
    client has shown it since the daemon started, ``by_login`` whether it was begun by a password or its like,
    and its client has said nothing behind the welcome. ``warned`` is of how many failed logins its client has
    heard, ``warning`` those of which the last welcome has told it. ``allowance`` bounds what it may ask
    before it has to wait, ``told`` holds, per log, the removal of its user, or the deletion of the room, that
    it has heard of since the daemon started. A ``fleeting`` one ends with its connection, since its client
    can show no token; ``farewell`` is what the guest says then. ``cursors`` are kept for a client that
    keeps none, by the ids of the logs.
    """

    id: int
    user: User
    digest: bytes
    last: int = 0
    seen: int = 0
    address: str = ""
    software: str = ""
    label: str = ""
    proven: bool = False
    by_login: bool = False
    warned: int = 0
    warning: int = 0
    peer: Peer | None = None
    allowance: Lease | Bucket | None = None
    told: dict[int, PutAct] = field(init=False)
    fleeting: bool = False
    farewell: str = ""
    cursors: dict[int, int] = field(init=False)

    LATER: ClassVar = each("told cursors", dict)

    @property
    def confirmed(self) -> bool:
        """Return whether the client is known to have its token."""
        return self.proven or self.seen > 0

    @property
    def host(self) -> str:
        """Return the address of its connection, or of its last one."""
        return self.address if self.peer is None else self.peer.peer_host

    def charge(self, cost: float) -> None:
        """Count ``cost`` more against the allowance."""
        if self.allowance is not None:
            self.allowance.left -= cost

    def row(self) -> PutSession:
        """Return the stored form."""
        return PutSession(
            self.id,
            self.user.id,
            self.digest,
            self.last,
            self.seen,
            self.address,
            self.software,
            self.label,
        )


class Asker(NamedTuple):
    """Who asks: a user at ``host``, at ``now`` by the calendar."""

    user: User
    host: str
    now: int


@dataclass(slots=True, eq=False)
class Room(Later):
    """A log with members.

    ``direct`` is whether it is a log of direct messages, ``begun_by`` the id of the user who has begun that.
    ``acts`` are its bans, mutes and invitations, by what they are and whom they concern, ``mutes`` counts the
    mutes among them, ``keys`` the keys that a join needs. The last three fields are made by
    `chatd.chat.permissions.settle`: ``needs`` is what each request needs here, ``strict`` is whether more is
    to be looked at before somebody speaks, and ``settled`` the last event that has changed who may read.
    ``spoken`` is when members have spoken last, by the calendar, where that matters. ``sweeps`` are removals
    of many members that are under way. ``owners`` are the members who own it, one at the most; ``pins`` the
    events that are pinned, each with the event that says so; ``mentioned`` the unread mentions, None where
    there are none; ``threads`` those that members follow, by the event with which each begins. While it is
    ``asleep`` nobody has asked for its members since the daemon started, and they are what was loaded, with
    all users by their ids.
    """

    name: str
    log: Log
    topic: str = ""
    begun_by: int = 0
    members: dict[User, Membership] = field(init=False)
    rules: Rules = DEFAULT
    acts: dict[tuple[str, str], PutAct] = field(init=False)
    mutes: int = 0
    keys: int = 0
    spoken: dict[User, int] = field(init=False)
    sweeps: "tuple[Sweep, ...]" = ()
    owners: dict[User, None] = field(init=False)
    pins: dict[int, int] = field(init=False)
    mentioned: Mentioned | None = None
    threads: dict[int, Thread] = field(init=False)
    direct: bool = field(init=False)
    needs: Mapping[type, int] = field(default_factory=dict)
    strict: bool = False
    settled: int = 0

    asleep: tuple[Crowd, Mapping[int, User]] | None = None

    LATER: ClassVar = {
        "members": lambda room: room._loaded(),  # noqa: SLF001
        "owners": lambda room: dict.fromkeys(
            user for user, member in room.members.items() if member.role == Standing.OWNER
        ),
        **each("acts spoken pins threads", dict),
    }

    def __post_init__(self) -> None:
        self.direct = self.name.startswith(USER_SIGN)

    def _loaded(self) -> dict[User, Membership]:
        asleep, self.asleep = self.asleep, None
        return {} if asleep is None else asleep[0].members(asleep[1])

    def wake(self) -> None:
        """Ask for the members."""
        self.members  # noqa: B018

    @property
    def size(self) -> int:
        """Return how many members there are."""
        return len(self.members) if self.asleep is None else self.asleep[0].size

    @property
    def has_readers(self) -> bool:
        """Return whether some members only read."""
        if self.asleep is not None:
            return self.asleep[0].has_readers
        return any(member.reads_only for member in self.members.values())

    @property
    def kind(self) -> str:
        """Return its `Kind`."""
        return Kind.DIRECT if self.direct else self.rules.kind

    def floor(self, user: User) -> int:
        """Return the event behind which ``user``, a member, may read; 0 if that is all."""
        if self.rules.history == History.ALL:
            return 0
        return max(0, self.members[user].since - 1)

    def start_of(self, user: User) -> int:
        """Return where a connection of ``user`` without a cursor begins: the unread, but not too much."""
        log = self.log
        least = max(self.floor(user), log.head - limits.BACKLOG, log.first - 1)
        return min(log.head, max(self.members[user].read, least))

    def is_unread(self, user: User) -> bool:
        """Return whether something was said behind what counts as read by ``user``, a member."""
        return self.members[user].read < self.log.head

    def moves_up(self) -> None:
        """Be the newest log of direct messages of both members, because something is said in it."""
        for user in self.members:
            for order in (user.direct, user.unread):
                order.pop(self, None)
                order[self] = None

    def partner(self, user: User) -> User:
        """Return the other user of a log of direct messages; in one with oneself, that is ``user``."""
        return next((member for member in self.members if member is not user), user)

    def peer_of(self, user: User) -> str:
        """Return the other user's nick in a direct-message log, or nothing."""
        return self.partner(user).nick if self.direct else ""

    def row(self) -> PutRoom:
        """Return the stored form."""
        return PutRoom(self.log.id, self.name, self.topic, self.log.first, self.begun_by, *self.rules)

    def member_row(self, user: User) -> PutMember:
        """Return the stored form of a membership."""
        return PutMember(self.log.id, user.id, *self.members[user])

    def state(self, user: User, cursor: int, *, restored: bool = False) -> RoomState:
        """Return what ``user`` is told of it on a connection that goes on behind ``cursor``.

        ``restored`` is whether the client has seen events that the log does not have.
        """
        member, rules, unread = self.members[user], self.rules, unread_of(self, user)
        return RoomState(
            room=self.name,
            head=self.log.head,
            cursor=cursor,
            read=member.read,
            first=max(self.log.first, self.floor(user) + 1),
            topic=self.topic,
            peer=self.peer_of(user),
            check=(cursor > self.floor(user) and self.log.check(cursor)) or "",
            restored=restored,
            kind="public" if self.direct else rules.kind,
            role=ROLE_NAMES[member.role],
            slow=rules.slow,
            archived=bool(rules.archived),
            unread=unread.unread,
            mentions=unread.mentions,
            mention=unread.mention,
        )
