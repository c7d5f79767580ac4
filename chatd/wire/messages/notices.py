"""What the server tells without being asked, and that is in no log."""

from msgspec import Struct

from chatd.wire.messages.answers import StatusInfo
from chatd.wire.messages.base import Count, Message
from chatd.wire.messages.greeting import RoomState


class Rooms(Message, frozen=True, tag="rooms"):
    """Rooms that this connection follows from now on; their events come behind this message."""

    rooms: list[RoomState]
    more: bool = False


class Left(Message, frozen=True, tag="left"):
    """A room that the user is no longer a member of, and this connection no longer follows."""

    room: str


class ThreadState(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """What the user has not read of the thread of event ``thread`` of ``room``, of events up to ``head``.

    ``off`` says that it is not followed, or no more.
    """

    room: str
    thread: Count
    head: Count
    read: Count = 0
    unread: Count = 0
    off: bool = False


class Following(Message, frozen=True, tag="following"):
    """Threads that the user follows: all of them behind a welcome, and later those where that has changed."""

    threads: list[ThreadState]


class Unread(Message, frozen=True, tag="unread"):
    """What the user has not read of ``room``, where that has not only grown by what is said.

    It counts the events up to ``head``; the other fields are as in a `RoomState`.
    """

    room: str
    head: Count
    read: Count = 0
    unread: Count = 0
    mentions: Count = 0
    mention: Count = 0


class Invited(Message, frozen=True, tag="invited"):
    """The user may join ``room``: ``by`` has invited them, who may have said why."""

    room: str
    by: str
    text: str = ""


class Announcement(Message, frozen=True, tag="announcement"):
    """The server itself says ``text`` to everybody who is connected; it is in no log.

    A ``daily`` one comes behind each welcome, as long as the operator lets it stand.
    """

    text: str
    ts: Count
    daily: bool = False


class Presence(Message, frozen=True, tag="presence"):
    """Members of ``room`` that came online or went offline, and what became of their ``statuses``.

    It is best effort, and never in a log.
    """

    room: str
    online: list[str] = []
    offline: list[str] = []
    statuses: list[StatusInfo] = []
