"""Effects: what the client's state machine asks its surroundings to do; links are named by their numbers."""

from msgspec import Struct

from chatd.client.core.notices import Notice
from chatd.wire.messages import Error, File, Ok


class Connect(Struct, frozen=True):
    """Open a transport for ``link`` after ``delay`` seconds; of two for the same link the later holds.

    Its segments have at most ``segment`` bytes; 0 is no bound.
    """

    link: int
    delay: float
    segment: int = 0


class Write(Struct, frozen=True):
    """Write ``data`` to the transport of ``link``."""

    link: int
    data: bytes


class Close(Struct, frozen=True):
    """End the link or its attempt; nothing more is heard of it. ``politely`` lets written bytes out first."""

    link: int
    politely: bool = False


class Notify(Struct, frozen=True):
    """Tell the program."""

    notice: Notice


class Reply(Struct, frozen=True):
    """Request ``id`` was answered or, with None, never will be: the link went down under it."""

    id: int
    answer: Ok | Error | None


class Save(Struct, frozen=True):
    """What must survive has changed; ``urgent``: something waits for it to be on disk."""

    urgent: bool = False


class FindSibling(Struct, frozen=True):
    """Look whether another process of the same profile holds a session of our nick, and tell the machine."""


class Fetch(Struct, frozen=True):
    """Read ``size`` bytes from ``offset`` on of what transfer ``key`` sends; ``run`` goes with the answer."""

    key: int
    run: int
    offset: int
    size: int


class Find(Struct, frozen=True):
    """Find and open a place for ``file``, which transfer ``key`` brings; tell how much of it is there."""

    key: int
    file: File


class Keep(Struct, frozen=True):
    """Write ``data``, which follows what was written before; tell how much is written, and on the disk."""

    key: int
    data: tuple[bytes | memoryview, ...]


class Settle(Struct, frozen=True):
    """Bring to the disk what was written, and tell how much of it is there."""

    key: int


class Finish(Struct, frozen=True):
    """Verify what was written, and put it in its place."""

    key: int


class Over(Struct, frozen=True):
    """Transfer ``key`` has ended: well without a ``code``; else it says why, to programs and to people."""

    key: int
    code: str = ""
    text: str = ""


class Staged(Struct, frozen=True):
    """Transfer ``key`` has come into another stage."""

    key: int


Errand = Fetch | Find | Keep | Settle | Finish | Over | Staged
"""What concerns one transfer and is done by whoever has its file."""

Effect = Connect | Write | Close | Notify | Reply | Save | FindSibling | Errand
