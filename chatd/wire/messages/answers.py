"""The answers to requests, and the lines of lists in them."""

from msgspec import Raw, Struct

from chatd.wire.messages.base import Count, File, Message, Seconds
from chatd.wire.messages.hooks import HookInfo


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


class StatusInfo(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """Somebody is in ``state``, away or busy, for ``seconds`` more if there are any; "" is neither.

    The ``nick`` is left out where it is clear who that is.
    """

    nick: str = ""
    state: str = ""
    text: str = ""
    seconds: Count = 0


class Member(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One member of a room, and whether a connection of theirs is up.

    ``address`` is that connection's, without the port, where the operator lets addresses be shown.
    ``operator`` is whether the member is one of the server's. ``status`` is what they say of themselves.
    """

    nick: str
    online: bool
    address: str = ""
    role: str = "member"
    operator: bool = False
    status: StatusInfo | None = None


class SessionInfo(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One session of a user: on what software and address it was last seen, and ``ago`` how many seconds.

    ``label`` is what the user calls its device.
    """

    session: Count
    software: str = ""
    address: str = ""
    ago: Count = 0
    online: bool = False
    here: bool = False
    label: str = ""


class CertificateInfo(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One certificate of an account, ``added`` in milliseconds since 1970; ``here``: of this connection."""

    fingerprint: str
    added: Count
    name: str = ""
    here: bool = False


class Reaction(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """How many have reacted with ``emoji`` to an event; ``mine``: the one who asks, too."""

    emoji: str
    count: Count
    mine: bool = False


class Became(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """What has become of event ``seq``.

    ``edit`` is the last event that edits it, ``text`` what that says, unless it would not fit: then look at
    the edit. ``replies`` are in the thread that it has begun, ``last_reply`` is the last of them.
    """

    seq: Count
    edit: Count = 0
    text: str = ""
    reactions: tuple[Reaction, ...] = ()
    replies: Count = 0
    last_reply: Count = 0
    pinned: bool = False


class Quote(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """The beginning of event ``seq``, to which something replies, as it is now."""

    seq: Count
    by: str
    text: str = ""
    removed: bool = False


class ThreadInfo(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """A thread that the user follows: event ``thread``, by whom it is and how it begins, if it may be read.

    ``read`` is the mark of the user in it, ``unread`` of its ``replies`` are behind that, ``last_reply`` is
    the last of them.
    """

    thread: Count
    by: str = ""
    text: str = ""
    removed: bool = False
    read: Count = 0
    unread: Count = 0
    replies: Count = 0
    last_reply: Count = 0


class Hit(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """An event that was looked for; if it was edited, the last ``edit`` of it, and the ``text`` of that.

    The text is left out where it would not fit: then look at the edit. In direct messages ``peer`` is the
    other one's nick.
    """

    event: Raw
    peer: str = ""
    edit: Count = 0
    text: str = ""


class Ok(Message, frozen=True, tag="ok"):
    """Request ``id`` is done, and durable where it changed something.

    What a page's events ``became``, and the ``quotes`` of what they reply to, is as it was when the last
    event of the log was ``at``.
    """

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
    at: Count | None = None
    became: list[Became] | None = None
    quotes: list[Quote] | None = None
    hits: list[Hit] | None = None
    threads: list[ThreadInfo] | None = None
    rest: str = ""
    behind: bool = False
    hooks: list[HookInfo] | None = None
    secret: str = ""


class Error(Message, frozen=True, tag="error"):
    """A refusal: of request ``id``, or without one of the whole connection, which then ends."""

    code: str
    text: str
    id: Count | None = None
    suggest: str = ""
    room: str = ""
    retry_after: Seconds | None = None
