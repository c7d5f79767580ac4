"""Queries: what a user may read as it was decided, and how the answer is made of what the store has found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Raw

from chatd.chat.log import Log
from chatd.chat.looked import Looked, Range, Wanted, answer, fitting, thread_info
from chatd.chat.storage import HitPage, Position, Scope
from chatd.search.query import Query
from chatd.wire.messages import Ok, ThreadState
from chatd.wire.stored import text_of

if TYPE_CHECKING:
    from chatd.chat.state import Room


def _always() -> bool:
    """Allow it."""
    return True


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Events ``first`` to ``last`` of ``log``, wanted from the newer end or from the older one.

    ``allowed`` raises `RequestError` if they may be read no longer; below ``least`` nothing may. It returns
    False if that is not known for good yet: then the page is looked for once more when it is.
    """

    request: int
    log: Log
    first: int
    last: int
    newest: bool
    allowed: Callable[[], bool] = _always
    least: int = 1

    def answer(self, events: list[bytes]) -> Ok:
        """Return the answer that carries the stored ``events``, as many as fit."""
        if self.newest:
            more = self.last - len(events) >= max(self.log.first, self.least)
        else:
            more = self.first + len(events) <= self.log.head
        return Ok(id=self.request, events=[Raw(text_of(event)) for event in events], more=more)


@dataclass(frozen=True, slots=True)
class Search:
    """What ``query`` means, in ``scopes`` and ``before`` a place: at most ``limit`` of it.

    ``answer`` makes the answer of what was found, of which it leaves out what may be read no longer. The
    ``logs`` are those of the scopes, by their ids.
    """

    request: int
    query: Query
    scopes: list[Scope]
    before: Position | None
    limit: int
    logs: dict[int, Log]
    answer: Callable[[HitPage], Ok]


@dataclass(frozen=True, slots=True)
class Look:
    """The ``wanted`` events of ``room``, with what became of them, for the ``user`` with that id.

    ``allowed`` and ``least`` are as those of a `HistoryQuery`.
    """

    request: int
    room: "Room"
    user: int
    wanted: Wanted
    allowed: Callable[[], bool]
    least: int

    def answer(self, looked: Looked) -> Ok:
        """Return the answer that carries what was found, as much as fits."""
        wanted, log = self.wanted, self.room.log
        newest = isinstance(wanted, Range) and wanted.newest
        seqs = fitting(looked, newest=newest)
        more = looked.rest or len(seqs) < len(looked.events)
        if isinstance(wanted, Range) and not more and seqs:
            full = len(seqs) == wanted.limit
            if wanted.thread:
                more = full
            else:
                more = seqs[0] > max(log.first, self.least) if newest else seqs[-1] < log.head
        return answer(self.request, looked, seqs, self.least, more=more)


@dataclass(frozen=True, slots=True)
class ThreadsLook(Look):
    """The events with which the threads begin that a user follows, whose states are ``page``.

    ``more`` is whether there are others behind these.
    """

    page: tuple[ThreadState, ...]
    more: bool

    def answer(self, looked: Looked) -> Ok:
        """Return the answer that tells of the threads."""
        told = [one for one in self.page if not looked.rest or one.thread <= max(looked.events)]
        more = self.more or len(told) < len(self.page)
        return Ok(id=self.request, threads=[thread_info(looked, state) for state in told], more=more)
