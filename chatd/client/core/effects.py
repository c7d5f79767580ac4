"""Effects: what the client's state machine asks its surroundings to do; links are named by their numbers."""

from dataclasses import dataclass

from chatd.client.core.notices import Notice
from chatd.wire.messages import Error, File, Ok


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a transport for ``link`` after ``delay`` seconds; of two for the same link the later holds.

    Its segments have at most ``segment`` bytes; 0 is no bound.
    """

    link: int
    delay: float
    segment: int = 0


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


@dataclass(frozen=True, slots=True)
class Fetch:
    """Read ``size`` bytes from ``offset`` on of what transfer ``key`` sends; ``run`` goes with the answer."""

    key: int
    run: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Find:
    """Find and open a place for ``file``, which transfer ``key`` brings; tell how much of it is there."""

    key: int
    file: File


@dataclass(frozen=True, slots=True)
class Keep:
    """Write ``data``, which follows what was written before; tell how much is written, and on the disk."""

    key: int
    data: tuple[bytes | memoryview, ...]


@dataclass(frozen=True, slots=True)
class Settle:
    """Bring to the disk what was written, and tell how much of it is there."""

    key: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Verify what was written, and put it in its place."""

    key: int


@dataclass(frozen=True, slots=True)
class Over:
    """Transfer ``key`` has ended: well without a ``code``; else it says why, to programs and to people."""

    key: int
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Staged:
    """Transfer ``key`` has come into another stage."""

    key: int


Errand = Fetch | Find | Keep | Settle | Finish | Over | Staged
"""What concerns one transfer and is done by whoever has its file."""

Effect = Connect | Write | Close | Notify | Reply | Save | FindSibling | Errand
