"""The session: who we are for the server, how we introduce ourselves, and which refusals nothing can mend."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import ceil, inf
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from chatd import __version__
from chatd.client.core.outbox import Entry
from chatd.client.core.seen import Seen
from chatd.client.core.trail import Trail
from chatd.wire.check import DIGITS
from chatd.wire.errors import Code
from chatd.wire.limits import MAX_CURSORS, MAX_TRAIL, PROTOCOL_VERSION
from chatd.wire.messages import Error, Hello, Pulse, StatusInfo, Welcome
from chatd.wire.names import fold

SOFTWARE: Final = f"chatc/{__version__}"

POINTS: Final = 1024
"""Events with checks in one hello, about, so that it fits into a frame: they take 30 bytes at the most."""

NAMES: Final = 30_000
"""Bytes of a hello that rooms and cursors may take."""

PER_ROOM: Final = 40
"""Bytes around the two names of a room in a hello: signs, and its cursor."""

DEMANDING: Final = Pulse(interval=2.0, misses=4)
"""The heartbeat that the companion client wishes for: a dead link is known after eight seconds."""

ENDED: Final = "This session was ended by its owner or an operator; log in again, or begin as a guest."

LOGGED_OUT: Final = "You are logged out."

DELETED: Final = "Your account is deleted."

TAKEN_OVER: Final = "Another process took this session over; only one may use it at a time."


class Credentials(Struct, frozen=True):
    """What a new session of an account begins with; with ``register`` the account is made first.

    It is kept in memory alone, and shown nowhere.
    """

    password: str
    register: bool = False
    invite: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"


class Session(Struct):
    """What the server knows us by; ``sibling`` is the token of another session of the same user.

    ``account`` is whether we are no guest; of ``failed`` attempts to log in the server has told last.
    ``new_token`` is what a first session is to have as its token, until it is welcomed. ``label`` is what the
    user calls this device; None if they call it nothing. ``deleted``: the account is no more. ``status`` is
    what the user says of themselves, until the monotonic second ``status_ends``, if there is one.
    """

    server: str = ""
    id: int = 0
    token: str = ""
    nick: str = ""
    sibling: str = ""
    account: bool = False
    failed: int = 0
    new_token: str = ""
    label: str | None = None
    deleted: bool = False
    status: StatusInfo | None = None
    status_ends: float = inf

    def stand(self, status: StatusInfo | None, now: float) -> None:
        """Note what the user says of themselves."""
        self.status = status if status is not None and status.state else None
        self.status_ends = now + status.seconds if status is not None and status.seconds else inf

    def standing(self, now: float) -> StatusInfo | None:
        """Return what the user says of themselves now."""
        if self.status is None or now >= self.status_ends:
            return None
        left = 0 if self.status_ends == inf else ceil(self.status_ends - now)
        return replace(self.status, seconds=left)

    def begins(self, welcome: Welcome) -> bool:
        """Return whether ``welcome`` begins another session than this one."""
        return bool(welcome.token) or welcome.session != self.id

    def adopt(self, welcome: Welcome) -> None:
        """Become the session of ``welcome``."""
        self.token = welcome.token or self.token
        self.server, self.id, self.nick = welcome.server, welcome.session, welcome.nick
        self.account, self.failed, self.new_token = welcome.account, welcome.failed or self.failed, ""

    def forget(self) -> bool:
        """Forget the token that the server does not know, ours before a sibling's; False if there is none."""
        if self.token:
            self.token, self.id = "", 0
        elif self.sibling:
            self.sibling = ""
        else:
            return False
        return True


class Elsewhere(Struct, frozen=True):
    """Who we are at another ``address``, for the server that said to be ``server`` there.

    ``shown`` says that the secret of it may be shown here, if the person wants that.
    """

    server: str
    nick: str
    address: str
    shown: bool = True

    @property
    def way(self) -> str:
        """Return how to be that one here."""
        if self.shown:
            return f"if this is the same server, say so with --same-as {self.address}"
        return f"that secret was given over TLS and is never sent in plain text; use {self.address}"


class Remembered(Struct, frozen=True):
    """What an earlier run left: session, last accepted send, cursors, the rooms' names, outbox, trails.

    ``names`` are in the order in which the rooms were entered. ``elsewhere`` is who we are at other
    addresses, of other servers or of this one. ``entering`` are rooms that something waits for, and whose
    joins were not done: nothing was seen of them. ``times`` are those of an event seen, in seconds since
    1970, by room.
    """

    session: Session = field(default_factory=Session)
    last: int = 0
    cursors: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    outbox: tuple[Entry, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    trails: Mapping[str, Trail] = field(default_factory=dict)
    entering: tuple[str, ...] = ()
    times: Mapping[str, int] = field(default_factory=dict)


class Changes(Struct, frozen=True):
    """What must be written down: the session, and what changed in cursors (None: gone) and outbox.

    ``posted`` are the kept uploads whose posts are among the entries stored; ``trails`` go with the cursors.
    """

    session: Session
    last: int
    cursors: Mapping[str, tuple[int | None, str]]
    stored: tuple[Entry, ...]
    deleted: tuple[int, ...]
    posted: tuple[int, ...] = ()
    trails: Mapping[str, bytes] = field(default_factory=dict)


class Wishes(Struct, frozen=True):
    """What this run wants: ``rooms`` are joined wherever the server does not follow them already.

    ``follow_all`` asks for every room the user is a member of, otherwise only ``rooms`` are followed.
    ``remember`` says that cursors outlive this run, ``by_hand`` that they do where the program says so, and
    ``keep`` that the session does. ``through`` is the proxy.
    With ``credentials`` a session that is not there yet is begun by a password, with ``certificate`` by what
    the link shows, if the nick is that of an account. ``typing`` asks to be told who types.
    """

    address: str
    rooms: tuple[str, ...] = ()
    follow_all: bool = True
    remember: bool = True
    heartbeat: Pulse = DEMANDING
    keep: bool = True
    through: str = ""
    credentials: Credentials | None = None
    certificate: bool = False
    by_hand: bool = False
    typing: bool = False


def introduce(session: Session, wishes: Wishes, seen: Seen, *, beside: bool) -> Hello:
    """Return the hello that resumes the session, or begins one beside a sibling, or claims the nick.

    ``beside`` says that another connection of the session is suspected, and may live.
    """
    known = dict(islice(_that_fit(seen.cursors), MAX_CURSORS))
    everything = wishes.follow_all and len(known) == len(seen.cursors)
    each = max(2, min(MAX_TRAIL, POINTS // max(1, len(known))))
    trails = {room: trail_of(seen, room, wishes, each) for room in known}
    login = None if session.token else wishes.credentials
    token = session.token or ("" if login else session.sibling)
    return Hello(
        version=PROTOCOL_VERSION,
        software=SOFTWARE,
        nick="" if token else session.nick,
        token=token,
        device=bool(token) and not session.token,
        heartbeat=wishes.heartbeat,
        cursors=known,
        follow="all" if everything else "listed",
        beside=beside,
        trails={room: trail for room, trail in trails.items() if trail},
        password="" if login is None else login.password,
        register=login is not None and login.register,
        invite="" if login is None else login.invite,
        certificate=wishes.certificate and not token and login is None,
        new_token="" if token or login else session.new_token,
        label=session.label,
        typing=wishes.typing,
    )


def _that_fit(cursors: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield cursors as long as their rooms, which a hello names twice, leave room for trails in its frame."""
    left = NAMES
    for room, seq in cursors.items():
        left -= 2 * len(room.encode()) + PER_ROOM
        if left < 0:
            return
        yield room, seq


def trail_of(seen: Seen, room: str, wishes: Wishes, most: int = MAX_TRAIL) -> list[tuple[int, str]]:
    """Return what was seen of ``room``, in ``most`` points.

    Programs that follow listed rooms want everything where nothing of it is left: event 0 is in every log.
    In the place of its check stands the time of an event that was seen.
    """
    trail = seen.trail(room)
    if wishes.follow_all or not trail:
        return trail.points(most)
    return [*trail.points(most - 1), (0, f"{seen.times.get(room, 0):0{DIGITS}x}")]


def final_sentence(session: Session, error: Error, elsewhere: Iterable[Elsewhere] = ()) -> str | None:
    """Return the sentence for a refusal that no further attempt can mend, or None.

    Whoever has the nick may be ourselves, if the server is one that we know by another address.
    """
    hint = _HINTS.get(error.code)
    if hint is None:
        return None
    suggest = error.suggest or f"{session.nick}2"
    why = error.text.partition(";")[0].removesuffix(".")
    for known in elsewhere:
        if error.code == Code.NICK_TAKEN and fold(known.nick) == fold(session.nick):
            return _OURSELVES.format(why=why, suggest=suggest, known=known)
    return hint.format(nick=session.nick, why=why, suggest=suggest, text=error.text)


_OURSELVES: Final = "{why}; try --nick {suggest}. You are {known.nick} at {known.address}: {known.way}."

_HINTS: Final[dict[str, str]] = {
    Code.NICK_TAKEN: "{why}; try --nick {suggest}, or chatc --nick {nick} login if it is your account.",
    Code.BAD_NICK: "The server refuses the nick {nick}: {text}",
    Code.WRONG_PASSWORD: "{text}",
    Code.WRONG_CERTIFICATE: "{text}",
    Code.BAD_PASSWORD: "{text}",
    Code.SECURE_REQUIRED: "{text}",
    Code.TEXT_TOO_LONG: "{text}",
    Code.CONTROL_CHARACTER: "{text}",
    Code.GUESTS_REFUSED: "This server takes no guests; log in with chatc login, or register.",
    Code.CLOSED_REGISTRATION: "{text}",
    Code.BAD_INVITE: "{text}",
    Code.VERSION_UNSUPPORTED: "The server speaks another version of the protocol: {text}",
}
