"""Notices: what the client tells the program that uses it, in order, one at a time."""

from enum import Enum

from msgspec import Struct

from chatd.client.core.stages import Transfer
from chatd.wire.messages import Event, File, StatusInfo


class LinkState(Enum):
    """Where the client stands with its server."""

    IDLE = "idle"
    WAITING = "waiting"
    DIALLING = "dialling"
    GREETING = "greeting"
    CONNECTED = "connected"
    QUIET = "quiet"
    STOPPED = "stopped"


class Connected(Struct, frozen=True):
    """The server said welcome, and the joins of all wanted rooms are answered."""

    address: str
    nick: str
    resumed: bool


class LoginsFailed(Struct, frozen=True):
    """So many attempts to log in to our account have failed since the last login; others may have guessed."""

    address: str
    nick: str
    count: int


class Quiet(Struct, frozen=True):
    """Nothing was heard for ``seconds`` though an answer is due; another connection is tried beside it."""

    address: str
    seconds: float


class Revived(Struct, frozen=True):
    """The quiet link spoke again."""

    address: str


class Narrowed(Struct, frozen=True):
    """Connections in a row brought nothing forward: packets of ``size`` bytes at most are used now."""

    address: str
    size: int


class Lost(Struct, frozen=True):
    """A link that was connected is gone."""

    address: str
    reason: str


class CannotConnect(Struct, frozen=True):
    """An attempt failed; the next one begins ``retry_in`` seconds from now."""

    address: str
    reason: str
    retry_in: float


class Stopped(Struct, frozen=True):
    """There will be no further attempt, because none could succeed; ``text`` says why and what to do."""

    code: str
    text: str


class KnownElsewhere(Struct, frozen=True):
    """The server took us in as ``nick``, and says that it is one that we know by the address ``other``.

    There we are ``known``; ``way`` says how to be that one here. What it says of itself is no proof.
    """

    address: str
    nick: str
    other: str
    known: str
    way: str


class Begun(Struct, frozen=True):
    """A file on its way between ``room`` and ``path`` that only the same command goes on with.

    ``seq`` is the event that a download is of; ``done`` of its ``size`` bytes are here. Nothing is known here
    of how much the server has of an upload.
    """

    sending: bool
    room: str
    path: str
    seq: int = 0
    done: int = 0
    size: int = 0


class Left(Struct, frozen=True):
    """What one device of ``nick`` has for ``server``, last met at ``address``.

    ``here`` says that this is the address that we use: another server answers there now; ``ours`` that it is
    another session of who we are. ``messages`` and ``files`` (their paths) wait, each behind its room;
    ``rooms`` are those it was in. ``begun`` was interrupted.
    """

    slot: int
    server: str
    nick: str
    address: str
    here: bool
    messages: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]
    rooms: tuple[str, ...]
    ours: bool = False
    begun: tuple[Begun, ...] = ()


class AnotherServer(Struct, frozen=True):
    """Another server answers at ``address`` than did before; ``left`` waits for that one until you decide."""

    address: str
    left: tuple[Left, ...]


class Held(Struct, frozen=True):
    """The server cannot take sends now; those that wait are sent again after ``seconds``."""

    reason: str
    seconds: float


class RoomOpened(Struct, frozen=True):
    """The connection follows ``room`` from behind event ``cursor``; ``name`` is what people call it."""

    room: str
    name: str
    topic: str
    head: int
    cursor: int
    read: int
    peer: str


class UnreadSeen(Struct, frozen=True):
    """What is unread in the room has changed otherwise than by what is said: the mark has moved, for example.

    ``unread`` messages and files are behind event ``read``, ``mentions`` of them mention us, ``mention``
    first.
    """

    room: str
    name: str
    read: int
    unread: int
    mentions: int
    mention: int


class ThreadSeen(Struct, frozen=True):
    """A thread of the room that we follow, or no more, has changed otherwise than by what is said.

    ``unread`` replies are behind event ``read``, and behind the mark of the room.
    """

    room: str
    name: str
    thread: int
    read: int
    unread: int
    following: bool


class RoomClosed(Struct, frozen=True):
    """The room is no longer followed."""

    room: str
    name: str


class JoinRefused(Struct, frozen=True):
    """The server refused to let us into a room that is wanted; it is wanted no longer."""

    room: str
    code: str
    text: str


class EventSeen(Struct, frozen=True):
    """The next event of a followed room: in order, no holes, each once; ``own`` ones this session sent.

    ``check`` tells it from another one with its number: see `chatd.wire.check`.
    """

    event: Event
    name: str
    own: bool
    check: str = ""


class GapSeen(Struct, frozen=True):
    """Events ``first`` to ``last`` of the room cannot be had any more."""

    room: str
    name: str
    first: int
    last: int


class CursorForgotten(Struct, frozen=True):
    """The server's log of the room ends before ``seen``, the last event seen here; its cursor is gone."""

    room: str
    name: str
    seen: int = 0


class Restored(Struct, frozen=True):
    """An older copy of the room's log was restored: it has other events behind ``start`` than were seen.

    Events up to ``seen`` had been handed over. What is new behind ``start`` follows, under the same numbers.
    If that one was not seen, in this history, nothing ``agreed``: nothing that was seen is known to be left.
    ``again`` says that some of what follows may have been seen: not every event that was is known.
    """

    room: str
    name: str
    start: int
    seen: int
    agreed: bool = True
    again: bool = False


class PresenceSeen(Struct, frozen=True):
    """Members of a followed room came online or went offline, or say something else of themselves."""

    room: str
    name: str
    online: tuple[str, ...]
    offline: tuple[str, ...]
    statuses: tuple[StatusInfo, ...] = ()


class TypingSeen(Struct, frozen=True):
    """Others, ``nicks``, type in a followed room at the moment; it holds for some seconds."""

    room: str
    name: str
    nicks: tuple[str, ...]


class InvitedSeen(Struct, frozen=True):
    """``by`` lets us join ``room``, and may have said something with it."""

    room: str
    by: str
    text: str = ""


class AnnouncementSeen(Struct, frozen=True):
    """The server itself says ``text`` to everybody; ``ts`` is in milliseconds since 1970."""

    text: str
    ts: int


class Accepted(Struct, frozen=True):
    """The send ``key`` is durable on the server; ``seq`` and ``ts`` are None where only ``n`` was.

    They are also None of a reaction that was so ``already``: no event was added.
    """

    key: int
    room: str
    seq: int | None
    ts: int | None
    n: int = 0
    already: bool = False


class SendRefused(Struct, frozen=True):
    """The server refused the send ``key``, of a ``file`` maybe; it is not queued any more."""

    key: int
    room: str
    text: str
    code: str
    reason: str
    file: File | None = None


class TransferSeen(Struct, frozen=True):
    """A transfer came into another stage; its last one is ``done`` or ``failed``."""

    transfer: Transfer


class NotSaved(Struct, frozen=True):
    """What must survive could not be written to the profile; it is tried again with the next change."""

    reason: str


Notice = (
    Connected
    | Quiet
    | Revived
    | Narrowed
    | Lost
    | CannotConnect
    | Stopped
    | KnownElsewhere
    | AnotherServer
    | Held
    | RoomOpened
    | RoomClosed
    | JoinRefused
    | EventSeen
    | GapSeen
    | CursorForgotten
    | Restored
    | UnreadSeen
    | ThreadSeen
    | PresenceSeen
    | TypingSeen
    | InvitedSeen
    | LoginsFailed
    | AnnouncementSeen
    | Accepted
    | SendRefused
    | TransferSeen
    | NotSaved
)
