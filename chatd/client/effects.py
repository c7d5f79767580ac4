"""Effects: what the client's state machine asks its surroundings to do; links are named by their numbers."""

from dataclasses import dataclass

from chatd.client.notices import Notice
from chatd.wire.messages import Error, Ok


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a transport for ``link`` after ``delay`` seconds; of two for the same link the later holds."""

    link: int
    delay: float


@dataclass(frozen=True, slots=True)
class Write:
    """Write ``data`` to the transport of ``link``."""

    link: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """End the link or its attempt; nothing more is heard of it. ``politely`` lets written bytes out first."""

    link: int
    politely: bool = False


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell the program."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Reply:
    """Request ``id`` was answered or, with None, never will be: the link went down under it."""

    id: int
    answer: Ok | Error | None


@dataclass(frozen=True, slots=True)
class Save:
    """What must survive has changed; ``urgent``: something waits for it to be on disk."""

    urgent: bool = False


@dataclass(frozen=True, slots=True)
class FindSibling:
    """Look whether another process of the same profile holds a session of our nick, and tell the machine."""


Effect = Connect | Write | Close | Notify | Reply | Save | FindSibling
