"""Messages that either side may send: about transfers, signs of life, and the last words."""

from typing import Annotated

from msgspec import Meta

from chatd.wire.errors import CloseReason, Code
from chatd.wire.limits import MAX_PING
from chatd.wire.messages.base import Count, Message, Seconds, Transfer


class Progress(Message, frozen=True, tag="progress"):
    """The receiver of ``transfer`` has taken its first ``received`` bytes, and ``stored`` lie on its disk.

    ``stored`` reaches the size only once everything is verified and in its place. Goes both ways.
    """

    transfer: Transfer
    received: Count
    stored: Count


class Cancel(Message, frozen=True, tag="cancel"):
    """The side that says so has ended ``transfer``. Goes both ways."""

    transfer: Transfer
    code: str = Code.CANCELLED
    text: str = ""


class Typing(Message, frozen=True, tag="typing"):
    """From a client: its user types to ``room`` now. From the server: ``nicks`` do. It is in no log."""

    room: str
    nicks: list[str] = []


class Goodbye(Message, frozen=True, tag="goodbye"):
    """The side that closes says why; the server may ask to be called again after ``retry_after`` seconds.

    With ``forget`` the client ends its session for good, which nothing will resume.
    """

    reason: str = CloseReason.GOODBYE
    text: str = ""
    retry_after: Seconds | None = None
    forget: bool = False


class Ping(Message, frozen=True, tag="ping"):
    """A wish for a sign of life: the other side gives ``data`` back with a `Pong`. Goes both ways."""

    data: Annotated[str, Meta(max_length=MAX_PING)] = ""


class Pong(Message, frozen=True, tag="pong"):
    """The answer to a `Ping`. Goes both ways."""

    data: Annotated[str, Meta(max_length=MAX_PING)] = ""
