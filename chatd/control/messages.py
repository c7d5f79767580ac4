"""What chatctl asks the daemon, and what it is answered: one JSON object per line, told apart by ``t``.

A request is answered by any number of `Rows` and then by one `Done` or `Refused`. One request at a time.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Raw, field

from chatd.wire.messages import Count, Message
from chatd.wire.objects import Alphabet

MAX_LINE: Final = 65_536
"""Bytes of one request at the most."""

Words = Annotated[list[Annotated[str, Meta(max_length=1000)]], Meta(max_length=32)]


class Ask(Message, frozen=True):
    """A request; everything that answers it names its ``id``."""

    id: Count = 0


class Looked(Ask, frozen=True):
    """A request for rows; ``where`` are conditions that all have to hold (`chatd.control.where`)."""

    where: Words = field(default_factory=list)


class AskStatus(Ask, frozen=True, tag="status"):
    """Asks how the daemon is."""


class AskWho(Looked, frozen=True, tag="who"):
    """Asks who is connected."""


class AskRooms(Looked, frozen=True, tag="rooms"):
    """Asks which rooms there are."""


Asked = AskStatus | AskWho | AskRooms


class Rows(Message, frozen=True, tag="rows"):
    """Some of the rows that answer request ``id``."""

    id: Count
    rows: list[Any]


class RawRows(Message, frozen=True, tag="rows"):
    """The same, as whoever asked reads it: each row still as JSON."""

    id: Count
    rows: list[Raw]


class Done(Message, frozen=True, tag="done"):
    """The end of the answer; ``text`` is a sentence about what was done, if it says anything."""

    id: Count
    text: str = ""


class Refused(Message, frozen=True, tag="refused"):
    """Why a request is not answered: a sentence for people, a stable ``code`` for programs."""

    id: Count
    code: str
    text: str


read_asked: Final[Alphabet[Asked]] = Alphabet(Asked)
read_answer: Final[Alphabet[RawRows | Done | Refused]] = Alphabet(RawRows | Done | Refused)


class RefusedError(Exception):
    """A request that cannot be answered, with a stable ``code``."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
