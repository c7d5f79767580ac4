"""Requests about hooks: what posts to a room over HTTP, or is told over HTTP what is said there."""

from msgspec import Struct

from chatd.wire.messages.base import Count
from chatd.wire.messages.requests import Request


class AddHook(Request, frozen=True, tag="add-hook"):
    """Make a hook called ``name`` in ``room``: it posts there, or is told at ``url`` what is said there."""

    room: str
    name: str
    url: str = ""


class DropHook(Request, frozen=True, tag="drop-hook"):
    """Take the hook called ``name`` in ``room`` back."""

    room: str
    name: str


class Hooks(Request, frozen=True, tag="hooks"):
    """List the hooks of ``room``."""

    room: str


class HookInfo(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One hook of a room, made by ``by`` at ``made`` in milliseconds since 1970.

    One with a ``url`` is told there what is said: ``behind`` events were not yet, which has failed for
    ``failing`` seconds because of ``trouble``; or it is ``off``, since that failed for too long.
    """

    name: str
    by: str
    made: Count
    url: str = ""
    behind: Count = 0
    failing: Count = 0
    trouble: str = ""
    off: bool = False
