"""Requests of everybody: to talk, to be in rooms and read there, to bring and fetch files."""

from typing import Annotated

from msgspec import Meta

from chatd.wire.limits import MAX_INT, MAX_LOOK, PAGE_ROWS
from chatd.wire.messages.base import Count, File, Message, Page, Trail, Transfer


class Request(Message, frozen=True):
    """Something asked; exactly one `Ok` or `Error` with the same ``id`` answers it."""

    id: Count


class Numbered(Request, frozen=True):
    """A request that has one effect, however often it is sent.

    ``n`` numbers the session's: the last accepted one plus one. A number that was accepted before is
    acknowledged again and has no second effect.
    """

    n: Annotated[int, Meta(ge=1, le=MAX_INT)]


class Send(Numbered, frozen=True, tag="send"):
    """Post ``text`` to a room or, with ``@nick``, to one user; ``file`` is one that was uploaded before.

    With ``ref`` it replies to that event of the room. No program is to answer a ``notice``.
    """

    room: str
    text: str
    file: File | None = None
    ref: Count = 0
    notice: bool = False


class Edit(Numbered, frozen=True, tag="edit"):
    """Give event ``seq`` of ``room``, a message or file of the user's own, another ``text``."""

    room: str
    seq: Count
    text: str


class React(Numbered, frozen=True, tag="react"):
    """React with ``emoji`` to event ``seq`` of ``room``; with ``off``, take that back."""

    room: str
    seq: Count
    emoji: str
    off: bool = False


class Pin(Request, frozen=True, tag="pin"):
    """Pin event ``seq`` of ``room``, for everybody; with ``off``, take that back."""

    room: str
    seq: Count
    off: bool = False


class Pins(Request, frozen=True, tag="pins"):
    """List what is pinned in ``room``, as a page of history, in the order of the events."""

    room: str


class Join(Request, frozen=True, tag="join"):
    """Become a member of ``room`` and follow it, from behind event ``after`` if that is given.

    ``trail`` holds checks of events that were seen up to there. ``key`` is that of the room, if it has one.
    """

    room: str
    after: Count | None = None
    trail: Trail = []
    key: str = ""


class Leave(Request, frozen=True, tag="leave"):
    """Stop being a member of ``room``."""

    room: str
    reason: str = ""


class Topic(Request, frozen=True, tag="topic"):
    """Set the room's topic; an empty one clears it."""

    room: str
    text: str


class Nick(Request, frozen=True, tag="nick"):
    """Take another nick."""

    nick: str


class Read(Request, frozen=True, tag="read"):
    """Move the user's read mark in ``room``, or in its ``thread`` alone, forward to event ``seq``."""

    room: str
    seq: Count
    thread: Count = 0


class FollowThread(Request, frozen=True, tag="follow-thread"):
    """Follow the thread of event ``thread`` of ``room``; with ``off``, follow it no more."""

    room: str
    thread: Count
    off: bool = False


class Threads(Request, frozen=True, tag="threads"):
    """List the threads of ``room`` that the user follows, from those that began behind event ``after``."""

    room: str
    after: Count = 0


class SetStatus(Request, frozen=True, tag="status"):
    """Be ``away`` or ``busy``, or neither, for ``seconds`` if there are any, and say ``text`` with it."""

    state: str = ""
    text: str = ""
    seconds: Count = 0


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
    """Read a page of ``room``: below ``before`` (newest page when absent) or above ``after``.

    With ``present`` the answer also tells what has become of these events. With ``thread`` only that event
    and the replies in its thread count.
    """

    room: str
    before: Count | None = None
    after: Count | None = None
    limit: Page = 50
    present: bool = False
    thread: Count = 0


class Look(Request, frozen=True, tag="look"):
    """Read events of ``room`` with what has become of them; those that are not there are left out."""

    room: str
    seqs: Annotated[list[Count], Meta(min_length=1, max_length=MAX_LOOK)]


class Search(Request, frozen=True, tag="search"):
    """Look for what ``query`` means: in ``room``, or in all rooms that the user is in, the newest first.

    The next page stands before the ``rest`` of the one before.
    """

    query: str
    room: str = ""
    before: str = ""
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
