"""How a connection begins: the hello, the welcome, and what these tell (docs/PROTOCOL.md, "Handshake")."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chatd.wire.limits import MAX_CURSORS
from chatd.wire.messages.answers import StatusInfo
from chatd.wire.messages.base import Count, InviteCode, Message, NewToken, Password, Trail


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

    ``label`` is what the user calls the device; without it the session keeps the name that it has. With
    ``typing`` the connection is told who types in the rooms that it follows.
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
    label: str | None = None
    typing: bool = False


class RoomState(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """A member's knowledge of a room.

    Events ``first`` to ``head`` exist; this connection goes on behind ``cursor``; ``read`` is the read mark.
    ``peer`` is the other user's nick in a direct-message log. ``check`` is that of the event ``cursor``, if
    it is at hand; ``restored`` says that the log does not have what was seen: see `Hello.trails`.
    Of the events up to ``head``, ``unread`` ones that say something are behind the read mark, ``mentions``
    mention the user, of which ``mention`` is the first; None from servers that do not count.
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
    unread: Count | None = None
    mentions: Count = 0
    mention: Count = 0


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
    this session has not heard of them. ``features`` names what the server can do beside what all of this
    version can. ``status`` is what the user says of themselves.
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
    features: tuple[str, ...] = ()
    status: StatusInfo | None = None
