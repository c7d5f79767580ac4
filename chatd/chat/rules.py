"""Rules: what an owner settles about a room, what each rule may be, and the roles of members."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Final, NamedTuple

from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_KEEP_DAYS, MAX_SLOW


class Standing(IntEnum):
    """A user's standing in a room. Each one may do all that those before it may.

    The numbers of the last four are stored, as roles of members.
    """

    STRANGER = -1
    """May not know that it exists: a private room, or a log of direct messages between others."""

    BANNED = 0
    """May neither join nor read it."""

    VISITOR = 1
    """Is no member, and may join."""

    READER = 2
    """Is handed what is said, and nothing more: a guest where guests only read. No event tells of it."""

    MEMBER = 3
    """May speak, and is handed what is said."""

    MODERATOR = 4
    """Keeps order: invites, removes, bans and mutes."""

    OWNER = 5
    """Settles the rules and the roles."""

    NOBODY = 9
    """What nobody is: the need of what cannot be done in a kind of room."""


ROLES: Final = {"member": Standing.MEMBER, "moderator": Standing.MODERATOR, "owner": Standing.OWNER}
"""The roles that a member may be given, by their names on the wire."""


ROLE_NAMES: Final = {int(Standing.READER): "reader", **{int(role): name for name, role in ROLES.items()}}
"""The names of the roles, by their numbers."""


class Kind(StrEnum):
    """The kinds of rooms; that of a log of direct messages and of a deleted room follow from their names."""

    PUBLIC = "public"
    """Everybody may join and read it."""

    PRIVATE = "private"
    """Only who was invited may join, and nobody else learns that it exists."""

    READ_ONLY = "read-only"
    """As a public one, but only moderators speak."""

    DIRECT = "direct"
    """A log of direct messages between two users."""

    DELETED = "deleted"
    """What is left of a room until its events are removed, and its members have heard of it."""


class History(StrEnum):
    """How much of what was said a newcomer may read."""

    ALL = "all"
    SINCE_JOIN = "since-join"


class Rules(NamedTuple):
    """The rules of a room, as they are stored.

    A member may speak once in ``slow`` seconds; in an ``archived`` room nobody may. ``posting`` and
    ``titling`` are the least standings that may speak and set the topic. Events are kept for ``keep_days``
    at the most; 0 leaves that to the server. ``calling`` is the least standing that may mention everybody.
    """

    kind: str = Kind.PUBLIC
    history: str = History.ALL
    slow: int = 0
    archived: bool = False
    posting: int = Standing.MEMBER
    titling: int = Standing.MEMBER
    keep_days: int = 0
    calling: int = Standing.MODERATOR


DEFAULT: Final = Rules()
"""The rules of a room of which nothing was settled."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A rule of a room: its field of `Rules`, and the values by their words, or the highest number."""

    field: str
    words: dict[str, Any] | None = None
    most: int = 0

    def parse(self, name: str, value: str) -> Any:
        """Return what ``value`` means. Raises `RequestError` ``bad-value``."""
        if self.words is not None:
            if value in self.words:
                return self.words[value]
            raise RequestError(Code.BAD_VALUE, f"{name} is one of these: {', '.join(self.words)}.")
        if value.isascii() and value.isdecimal() and len(value) < 10 and int(value) <= self.most:  # noqa: PLR2004
            return int(value)
        raise RequestError(Code.BAD_VALUE, f"{name} is a whole number from 0 to {self.most}.")


SETTINGS: Final = {
    "kind": Setting("kind", {str(kind): str(kind) for kind in (Kind.PUBLIC, Kind.PRIVATE, Kind.READ_ONLY)}),
    "history": Setting("history", {str(history): str(history) for history in History}),
    "slow": Setting("slow", most=MAX_SLOW),
    "archived": Setting("archived", {"yes": True, "no": False}),
    "posting": Setting("posting", {name: int(role) for name, role in ROLES.items()}),
    "topic": Setting("titling", {name: int(role) for name, role in ROLES.items()}),
    "keep-days": Setting("keep_days", most=MAX_KEEP_DAYS),
    "mention-room": Setting("calling", {name: int(role) for name, role in ROLES.items()}),
}
"""The rules that can be set, by their names on the wire."""
