"""Reads: fetches pages of events from the store, and tells the operator once in a while if it cannot."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from chatd.chat.facts import Facts
from chatd.chat.log import Log as ChatLog
from chatd.chat.looked import Looked, Range
from chatd.chat.queries import HistoryQuery, Look, Search
from chatd.chat.storage import Hit, HitPage, Store, StoreError
from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.ops.repeats import Repeats
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import PAGE_BYTES
from chatd.wire.messages import Error, Message
from chatd.wire.stored import event_in

log = Log(__name__)

COMPLAINT_INTERVAL: Final = 10.0
"""Seconds in which it is logged once that the store cannot be read."""

MAX_SEARCHES: Final = 100
"""Searches that wait for their turn at the most: some seconds of work."""

MAX_AGAIN: Final = 3
"""How often one search is done again because something that it has found is removed or edited meanwhile."""

HOLE: Final = "The store lacks events that it should have."

Found = TypeVar("Found")
"""What was read."""

_ANOTHER: Final = "Another search of yours is not done yet; ask again in a second."
_CHANGING: Final = "What you look for is changed too often just now; ask again in a second."
UNREADABLE: Final = "The server cannot read this from its disk now; ask again later."


class Reads:
    """Reads from ``store`` for all connections."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._repeats = Repeats(COMPLAINT_INTERVAL)
        self._searching: set[int] = set()

    def read(
        self,
        chat_log: ChatLog,
        first: int,
        last: int,
        limit: int,
        newest: bool,
        done: Callable[[list[bytes] | None], None],
    ) -> None:
        """Read events as `Store.read` does. ``done`` gets None if they cannot be read."""
        self._read_settled(
            chat_log, lambda got: self._store.read(chat_log.id, first, last, limit, newest, got), done
        )

    def look(self, query: Look, done: Callable[[Looked | None], None]) -> None:
        """Read what ``query`` wants. ``done`` gets None if it cannot be read."""
        chat_log = query.room.log

        def read(got: Callable[[Looked | StoreError], None]) -> None:
            self._store.look(chat_log.id, query.wanted, query.user, got)

        self._read_settled(chat_log, read, partial(self._looked, query, done))

    def _looked(self, query: Look, done: Callable[[Looked | None], None], found: Looked | None) -> None:
        """Look from the first event that is kept if retention has meanwhile taken the beginning of a page.

        What is missing behind that is no page of nothing.
        """
        wanted, chat_log = query.wanted, query.room.log
        if found is None or found.events or not isinstance(wanted, Range) or wanted.thread:
            done(found)
            return
        first, last = _kept(chat_log, wanted.first, wanted.last)
        if not wanted.newest and wanted.first < first <= last:
            self.look(replace(query, wanted=wanted._replace(first=first, last=last)), done)
        elif max(wanted.first, chat_log.first) <= wanted.last:
            seq = wanted.last if wanted.newest else wanted.first
            log.error("log-hole", HOLE, room=chat_log.name, seq=seq)
            done(None)
        else:
            done(found)

    def facts(
        self, chat_log: ChatLog, seq: int, user: int, whole: bool, done: Callable[[Facts | None], None]
    ) -> None:
        """Read the facts about event ``seq`` for ``user``. ``done`` gets None if they cannot be read."""
        self._read_settled(chat_log, lambda got: self._store.facts(chat_log.id, seq, user, whole, got), done)

    def admit_search(self, user: int) -> None:
        """Refuse a search if too many wait for their turn, or another of ``user``. Raises `RequestError`."""
        if user in self._searching:
            raise RequestError(Code.TOO_FAST, _ANOTHER, retry_after=1.0)
        if len(self._searching) >= MAX_SEARCHES:
            raise RequestError(
                Code.TOO_FAST,
                "Too many people search just now; ask again in a second.",
                retry_after=1.0,
            )

    def search(
        self, search: Search, user: int, done: Callable[[HitPage | RequestError], None], times: int = 0
    ) -> None:
        """Look for what ``user`` searches. ``done`` gets the refusal if it cannot be answered.

        It is looked for again if a hit was removed or edited meanwhile.
        """
        rewrites = {number: chat_log.rewrites for number, chat_log in search.logs.items()}

        def is_old(hit: Hit) -> bool:
            rewritten = search.logs[hit.place.log].rewritten_since(rewrites[hit.place.log])
            if not rewritten:
                return rewritten is None
            return hit.place.seq in rewritten or (bool(hit.edit) and event_in(hit.edit).seq in rewritten)

        def got(found: HitPage | StoreError) -> None:
            self._searching.discard(user)
            if isinstance(found, StoreError):
                self._complain(next(iter(search.logs.values()), None), found)
                done(RequestError(Code.STORAGE_UNAVAILABLE, UNREADABLE))
            elif not any(map(is_old, found.hits)):
                done(found)
            elif times < MAX_AGAIN:
                self.search(search, user, done, times + 1)
            else:
                done(RequestError(Code.TOO_FAST, _CHANGING, retry_after=1.0))

        self._searching.add(user)
        self._store.search(search.query, search.scopes, search.before, search.limit, got)

    def _read_settled(
        self,
        chat_log: ChatLog,
        read: Callable[[Callable[[Found | StoreError], None]], None],
        done: Callable[[Found | None], None],
    ) -> None:
        """Read, and read again as long as something that may be in it becomes durable meanwhile."""
        revisions = chat_log.revisions

        def got(found: Found | StoreError) -> None:
            if isinstance(found, StoreError):
                self._complain(chat_log, found)
                done(None)
            elif chat_log.revisions != revisions:
                self._read_settled(chat_log, read, done)
            else:
                done(found)

        read(got)

    def page(self, query: HistoryQuery, done: Callable[[list[bytes] | None], None]) -> None:
        """Read the page of history that ``query`` wants. ``done`` gets None if it cannot be read."""
        self.read(
            query.log, query.first, query.last, PAGE_BYTES, query.newest, partial(self._paged, query, done)
        )

    def _paged(
        self, query: HistoryQuery, done: Callable[[list[bytes] | None], None], frames: list[bytes] | None
    ) -> None:
        """Read on if retention has meanwhile taken the beginning of the page, or all of it."""
        first, last = _kept(query.log, query.first, query.last)
        if frames == [] and not query.newest and query.first < first <= last:
            self.page(replace(query, first=first, last=last), done)
        else:
            done(frames)

    def _complain(self, chat_log: ChatLog | None, error: StoreError) -> None:
        held_back = self._repeats.admit("store-unreadable", self._clock.seconds())
        if held_back is not None:
            log.error(
                "store-unreadable",
                "Events cannot be read from the disk.",
                room=None if chat_log is None else chat_log.name,
                error=str(error),
                suppressed=held_back or None,
            )


def _kept(chat_log: ChatLog, first: int, last: int) -> tuple[int, int]:
    """Return the ends of as many events as are from ``first`` to ``last``, all of them kept."""
    gone = max(0, chat_log.first - first)
    return first + gone, min(chat_log.head, last + gone)


def answer(query: HistoryQuery, frames: list[bytes] | None) -> Message:
    """Return the answer with the events read for ``query``, or the refusal if nothing could be read."""
    hole = frames == [] and query.log.first <= query.last
    if hole:
        seq = query.last if query.newest else max(query.first, query.log.first)
        log.error("log-hole", HOLE, room=query.log.name, seq=seq)
    if frames is None or hole:
        return Error(id=query.request, code=Code.STORAGE_UNAVAILABLE, text=UNREADABLE)
    return query.answer(frames)
