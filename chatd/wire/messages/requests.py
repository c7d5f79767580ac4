"""Requests of everybody: to talk, to be in rooms and read there, to bring and fetch files."""

from typing import Annotated

from msgspec import Meta

from chatd.wire.limits import MAX_INT, PAGE_ROWS
from chatd.wire.messages.base import Count, File, Message, Page, Trail, Transfer


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
