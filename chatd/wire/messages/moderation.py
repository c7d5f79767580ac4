"""Requests that keep order: who is in a room, speaks and rules there, and whose direct messages are taken."""

from chatd.wire.limits import PAGE_ROWS
from chatd.wire.messages.base import Count, Page
from chatd.wire.messages.requests import Request


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
