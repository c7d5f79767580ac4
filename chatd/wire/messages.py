"""Messages: one JSON object per message frame, told apart by its ``t`` (docs/PROTOCOL.md, "Messages").

Two alphabets, one per direction: `Request` and `Hello` go to the server, the rest comes from it; `Goodbye`,
`Progress` and `Cancel` go both ways. `chatd.wire.codec` makes frames of them, and them of frames.
"""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from chatd.wire.errors import CloseReason, Code
from chatd.wire.frames import MAX_TRANSFER
from chatd.wire.limits import (
    MAX_CURSORS,
    MAX_INT,
    MAX_INVITE,
    MAX_INVITE_DAYS,
    MAX_INVITE_USES,
    MAX_PASSWORD,
    MAX_PING,
    MAX_TRAIL,
    PAGE_ROWS,
)

Count = Annotated[int, Meta(ge=0, le=MAX_INT)]
Seconds = Annotated[float, Meta(ge=0)]
Page = Annotated[int, Meta(ge=1, le=PAGE_ROWS)]
Password = Annotated[str, Meta(max_length=MAX_PASSWORD)]
NewToken = Annotated[str, Meta(pattern="^([A-Za-z0-9_-]{43})?$")]
"""32 random bytes in URL-safe Base64 without padding (RFC 4648, section 5), or nothing."""
InviteCode = Annotated[str, Meta(max_length=MAX_INVITE)]
Transfer = Annotated[int, Meta(ge=1, le=MAX_TRANSFER)]
Check = Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]
Trail = Annotated[list[tuple[Count, Check]], Meta(max_length=MAX_TRAIL)]
"""Events seen of a room, as their numbers and checks (`chatd.wire.check`)."""


class Message(Struct, tag_field="t", omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One message of either side."""


class File(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """A file: what it was called, its bytes, their SHA-256 in 64 hexadecimal digits, and its media type."""

    name: str
    size: Count
    sha256: str
    media: str = "application/octet-stream"


# ---- to the server --------------------------------------------------------------------------------------


class Pulse(Struct, frozen=True, gc=False):
    """A heartbeat: ping after ``interval`` seconds of silence, dead after ``misses`` such intervals."""

    interval: Annotated[float, Meta(gt=0, le=3600)]
    misses: Annotated[int, Meta(ge=1, le=1000)]


class Hello(Message, frozen=True, tag="hello"):
    """The first message: who the client is, and from where it goes on.

    ``token`` resumes its session; with ``device`` it opens a further session of the same user. Without a
    token ``nick`` is claimed. ``cursors`` holds, per room, the last event received; ``follow`` says whether
    rooms that it does not name are followed too. ``beside`` says that an older connection may live: it is
    served until the client speaks after this hello. ``trails`` holds, for some of ``cursors``, checks of
    events that were seen. A hello without ``version`` is of version 1, for ever.

    ``new_token`` is what the session of a guest who claims ``nick`` is to have as its token; a hello that
    repeats it comes of the same newcomer, whose welcome was lost.

    With ``password`` the account called ``nick`` is logged in to, on a new session; with ``register`` it is
    made first, where the server asks for it by the code of an ``invite``. With ``certificate`` the account
    called ``nick`` is logged in to by the certificate that the connection has shown.
    """

    version: Count = 1
    software: str = ""
    nick: str = ""
    token: str = ""
    device: bool = False
    heartbeat: Pulse | None = None
    cursors: Annotated[dict[str, Count], Meta(max_length=MAX_CURSORS)] = {}
    follow: Literal["all", "listed"] = "all"
    beside: bool = False
    trails: Annotated[dict[str, Trail], Meta(max_length=MAX_CURSORS)] = {}
    password: Password = ""
    register: bool = False
    invite: InviteCode = ""
    certificate: bool = False
    new_token: NewToken = ""


class Request(Message, frozen=True):
    """Something asked; exactly one `Ok` or `Error` with the same ``id`` answers it."""

    id: Count


class Send(Request, frozen=True, tag="send"):
    """Post ``text`` to a room or, with ``@nick``, to one user; ``file`` is one that was uploaded before.

    ``n`` numbers the session's sends: the last accepted one plus one. A number that was accepted before is
    acknowledged again and has no second effect.
    """

    n: Annotated[int, Meta(ge=1, le=MAX_INT)]
    room: str
    text: str
    file: File | None = None


class Join(Request, frozen=True, tag="join"):
    """Become a member of ``room`` and follow it, from behind event ``after`` if that is given.

    ``trail`` holds checks of events that were seen up to there.
    """

    room: str
    after: Count | None = None
    trail: Trail = []


class Leave(Request, frozen=True, tag="leave"):
    """Stop being a member of ``room``."""

    room: str


class Topic(Request, frozen=True, tag="topic"):
    """Set the room's topic; an empty one clears it."""

    room: str
    text: str


class Nick(Request, frozen=True, tag="nick"):
    """Take another nick."""

    nick: str


class Read(Request, frozen=True, tag="read"):
    """Move the user's read mark in ``room`` forward to event ``seq``."""

    room: str
    seq: Count


class ListRooms(Request, frozen=True, tag="list"):
    """List the rooms whose names sort behind ``after``."""

    after: str = ""
    limit: Page = PAGE_ROWS


class Members(Request, frozen=True, tag="members"):
    """List the members of ``room`` whose nicks sort behind ``after``."""

    room: str
    after: str = ""
    limit: Page = PAGE_ROWS


class History(Request, frozen=True, tag="history"):
    """Read a page of ``room``: below ``before`` (newest page when absent) or above ``after``."""

    room: str
    before: Count | None = None
    after: Count | None = None
    limit: Page = 50


class Upload(Request, frozen=True, tag="upload"):
    """Bring ``size`` bytes with ``sha256`` as ``transfer``; the answer's ``offset`` says from where.

    Transfers are numbered by the client, each number higher than those before on the same connection.
    """

    transfer: Transfer
    size: Count
    sha256: str


class Download(Request, frozen=True, tag="download"):
    """Have the file of event ``seq`` of ``room``, or of its newest ``file``, sent as ``transfer``.

    ``file`` is the beginning of a SHA-256; ``offset`` is where to begin.
    """

    transfer: Transfer
    room: str
    seq: Count | None = None
    file: str = ""
    offset: Count = 0


class InviteTo(Request, frozen=True, tag="invite-to"):
    """Let ``whom`` join ``room``, and tell them."""

    room: str
    whom: str
    reason: str = ""


class Decline(Request, frozen=True, tag="decline"):
    """Say no to an invitation to ``room``."""

    room: str


class Kick(Request, frozen=True, tag="kick"):
    """Remove the member ``whom`` of ``room``."""

    room: str
    whom: str
    reason: str = ""


class Ban(Request, frozen=True, tag="ban"):
    """Keep ``whom`` out of ``room``, a nick or a range of addresses, for ``seconds``; 0 is for good."""

    room: str
    whom: str
    reason: str = ""
    seconds: Count = 0


class Unban(Request, frozen=True, tag="unban"):
    """Take the ban of ``whom`` back."""

    room: str
    whom: str


class Mute(Request, frozen=True, tag="mute"):
    """Let the member ``whom`` of ``room`` not speak for ``seconds``; 0 is for good."""

    room: str
    whom: str
    reason: str = ""
    seconds: Count = 0


class Unmute(Request, frozen=True, tag="unmute"):
    """Let ``whom`` speak in ``room`` again."""

    room: str
    whom: str


class Acts(Request, frozen=True, tag="acts"):
    """List the bans, mutes and invitations of ``room`` that sort behind ``what`` and ``after``."""

    room: str
    what: str = ""
    after: str = ""
    limit: Page = PAGE_ROWS


class Role(Request, frozen=True, tag="role"):
    """Give the member ``whom`` of ``room`` the ``role`` of a member, a moderator or the owner."""

    room: str
    whom: str
    role: str


class Set(Request, frozen=True, tag="set"):
    """Give a ``rule`` of ``room`` another ``value``."""

    room: str
    rule: str
    value: str


class Remove(Request, frozen=True, tag="remove"):
    """Erase what event ``seq`` of ``room`` says, for everybody and for good."""

    room: str
    seq: Count
    reason: str = ""


class DeleteRoom(Request, frozen=True, tag="delete-room"):
    """Remove ``room`` for good, with all that was said in it."""

    room: str
    reason: str = ""


class Block(Request, frozen=True, tag="block"):
    """Take no direct messages from ``whom``; without a name, list whose are not taken."""

    whom: str = ""


class Unblock(Request, frozen=True, tag="unblock"):
    """Take direct messages from ``whom`` again."""

    whom: str


class Allow(Request, frozen=True, tag="allow"):
    """Take direct messages from ``everybody``, from people with whom a room is ``shared``, or ``nobody``."""

    direct: str


class Register(Request, frozen=True, tag="register"):
    """Make an account of the guest who asks: the nick stays, and may be logged in to with ``password``."""

    password: Password
    invite: InviteCode = ""


class Passwd(Request, frozen=True, tag="passwd"):
    """Give the account another ``password``; ``old`` is the present one, if there is one."""

    password: Password
    old: Password = ""


class Sessions(Request, frozen=True, tag="sessions"):
    """List the sessions of the user, the last seen first."""


class End(Request, frozen=True, tag="end"):
    """End another ``session`` of the user for good."""

    session: Count


class Logout(Request, frozen=True, tag="logout"):
    """End this session for good, and with ``everywhere`` all others of the user; the connection ends."""

    everywhere: bool = False


class Invite(Request, frozen=True, tag="invite"):
    """Make an invitation by which so many accounts can be registered within so many days."""

    uses: Annotated[int, Meta(ge=1, le=MAX_INVITE_USES)] = 1
    days: Annotated[int, Meta(ge=1, le=MAX_INVITE_DAYS)] = 7


class Certificates(Request, frozen=True, tag="certificates"):
    """List the certificates that open the account."""


class AddCertificate(Request, frozen=True, tag="add-certificate"):
    """Let a certificate open the account: that of this connection, or the one with ``fingerprint``.

    ``name`` is what its owner calls it.
    """

    fingerprint: str = ""
    name: str = ""


class DropCertificate(Request, frozen=True, tag="drop-certificate"):
    """Let the certificate with ``fingerprint`` open the account no more."""

    fingerprint: str


class Progress(Message, frozen=True, tag="progress"):
    """The receiver of ``transfer`` has taken its first ``received`` bytes, and ``stored`` lie on its disk.

    ``stored`` reaches the size only once everything is verified and in its place. Goes both ways.
    """

    transfer: Transfer
    received: Count
    stored: Count


class Cancel(Message, frozen=True, tag="cancel"):
    """The side that says so has ended ``transfer``. Goes both ways."""

    transfer: Transfer
    code: str = Code.CANCELLED
    text: str = ""


class Goodbye(Message, frozen=True, tag="goodbye"):
    """The side that closes says why; the server may ask to be called again after ``retry_after`` seconds.

    With ``forget`` the client ends its session for good, which nothing will resume.
    """

    reason: str = CloseReason.GOODBYE
    text: str = ""
    retry_after: Seconds | None = None
    forget: bool = False


class Ping(Message, frozen=True, tag="ping"):
    """A wish for a sign of life: the other side gives ``data`` back with a `Pong`. Goes both ways."""

    data: Annotated[str, Meta(max_length=MAX_PING)] = ""


class Pong(Message, frozen=True, tag="pong"):
    """The answer to a `Ping`. Goes both ways."""

    data: Annotated[str, Meta(max_length=MAX_PING)] = ""


# ---- from the server ------------------------------------------------------------------------------------


class RoomState(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """A member's knowledge of a room.

    Events ``first`` to ``head`` exist; this connection goes on behind ``cursor``; ``read`` is the read mark.
    ``peer`` is the other user's nick in a direct-message log. ``check`` is that of the event ``cursor``, if
    it is at hand; ``restored`` says that the log does not have what was seen: see `Hello.trails`.
    The rest are rules of the room and the user's role in it.
    """

    room: str
    head: Count
    cursor: Count
    read: Count = 0
    first: Count = 1
    topic: str = ""
    peer: str = ""
    check: str = ""
    restored: bool = False
    kind: str = "public"
    role: str = "member"
    slow: Count = 0
    archived: bool = False


class Limits(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """The server's limits, in bytes or pieces; ``file`` is 0 if it takes no files."""

    frame: Count
    text: Count
    name: Count
    rooms: Count
    unanswered: Count
    file: Count = 0
    window: Count = 0
    transfers: Count = 0


class Welcome(Message, frozen=True, tag="welcome"):
    """The answer to a hello: the session, what is in force, and the rooms.

    ``token`` comes once, with a new session. ``last`` is the last accepted send. ``more`` says that `Rooms`
    messages with the rest of the rooms follow. ``account`` is whether the user is no guest, ``operator``
    whether one of the server's; ``failed`` counts the attempts to log in that failed since the last login, if
    this session has not heard of them.
    """

    version: Count
    software: str
    server: str
    session: Count
    nick: str
    last: Count
    now: Count
    heartbeat: Pulse
    limits: Limits
    rooms: list[RoomState]
    token: str = ""
    resumed: bool = False
    more: bool = False
    account: bool = False
    operator: bool = False
    failed: Count = 0


class Rooms(Message, frozen=True, tag="rooms"):
    """Rooms that this connection follows from now on; their events come behind this message."""

    rooms: list[RoomState]
    more: bool = False


class Left(Message, frozen=True, tag="left"):
    """A room that the user is no longer a member of, and this connection no longer follows."""

    room: str


class Invited(Message, frozen=True, tag="invited"):
    """The user may join ``room``: ``by`` has invited them, who may have said why."""

    room: str
    by: str
    text: str = ""


class Announcement(Message, frozen=True, tag="announcement"):
    """The server itself says ``text`` to everybody who is connected; it is in no log."""

    text: str
    ts: Count


class Event(Message, frozen=True, tag="event"):
    """One event of a room's log, the same bytes for everybody, for ever, unless it is removed.

    ``ts`` is the server's time in milliseconds since 1970; ``by`` the nick at that time. A message carries
    the ``session`` and ``n`` it was sent with, a file what was uploaded as well, and its text is a caption.
    Kinds: message, file, join, leave, topic, nick, announce, decline, invite-to, kick, ban, unban, mute,
    unmute, role, set, delete-room, remove, removed. From invite-to on they say to ``whom`` it was done, for
    what ``reason``, with what ``value``, and whether by an ``operator`` of the server; a join says the last,
    too. ``by`` is ``*`` where the server itself acts.

    A remove erases what the event ``ref`` says, or those in ``refs``. What was erased has the kind removed
    since: who said it when, and of its removal the number in ``ref``, the nick in ``value``, and the reason.
    """

    room: str
    seq: Count
    ts: Count
    kind: str
    by: str
    text: str = ""
    session: Count = 0
    n: Count = 0
    file: File | None = None
    whom: str = ""
    reason: str = ""
    value: str = ""
    operator: bool = False
    ref: Count = 0
    refs: tuple[Count, ...] = ()


class Gap(Message, frozen=True, tag="gap"):
    """Events ``first`` to ``last`` of ``room`` are no longer kept; the cursor moves to ``last``."""

    room: str
    first: Count
    last: Count


class Presence(Message, frozen=True, tag="presence"):
    """Members of ``room`` that came online or went offline; best effort, never in a log."""

    room: str
    online: list[str] = []
    offline: list[str] = []


class RoomInfo(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One line of the list of rooms."""

    room: str
    members: Count
    head: Count
    topic: str = ""
    kind: str = "public"


class Act(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One ban, mute or invitation of a room; it ends after ``seconds`` if there are any."""

    what: str
    whom: str
    by: str
    reason: str = ""
    seconds: Count = 0


class Member(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One member of a room, and whether a connection of theirs is up.

    ``address`` is that connection's, without the port, where the operator lets addresses be shown.
    ``operator`` is whether the member is one of the server's.
    """

    nick: str
    online: bool
    address: str = ""
    role: str = "member"
    operator: bool = False


class SessionInfo(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One session of a user: on what software and address it was last seen, and ``ago`` how many seconds."""

    session: Count
    software: str = ""
    address: str = ""
    ago: Count = 0
    online: bool = False
    here: bool = False


class CertificateInfo(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One certificate of an account, ``added`` in milliseconds since 1970; ``here``: of this connection."""

    fingerprint: str
    added: Count
    name: str = ""
    here: bool = False


class Ok(Message, frozen=True, tag="ok"):
    """Request ``id`` is done, and durable where it changed something."""

    id: Count
    seq: Count | None = None
    ts: Count | None = None
    room: str = ""
    rooms: list[RoomInfo] | None = None
    members: list[Member] | None = None
    acts: list[Act] | None = None
    events: list[Raw] | None = None
    more: bool = False
    offset: Count | None = None
    file: File | None = None
    sessions: list[SessionInfo] | None = None
    invite: str = ""
    certificates: list[CertificateInfo] | None = None


class Error(Message, frozen=True, tag="error"):
    """A refusal: of request ``id``, or without one of the whole connection, which then ends."""

    code: str
    text: str
    id: Count | None = None
    suggest: str = ""
    room: str = ""
    retry_after: Seconds | None = None


ToServer = (
    Hello
    | Send
    | Join
    | Leave
    | Topic
    | Nick
    | Read
    | ListRooms
    | Members
    | History
    | Upload
    | Download
    | InviteTo
    | Decline
    | Kick
    | Ban
    | Unban
    | Mute
    | Unmute
    | Acts
    | Role
    | Set
    | Remove
    | DeleteRoom
    | Block
    | Unblock
    | Allow
    | Register
    | Passwd
    | Sessions
    | End
    | Logout
    | Invite
    | Certificates
    | AddCertificate
    | DropCertificate
    | Progress
    | Cancel
    | Goodbye
)
FromServer = (
    Welcome
    | Rooms
    | Left
    | Invited
    | Announcement
    | Event
    | Gap
    | Presence
    | Ok
    | Error
    | Progress
    | Cancel
    | Goodbye
)
