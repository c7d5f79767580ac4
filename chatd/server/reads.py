"""Reads: fetches pages of events from the store, and tells the operator once in a while if it cannot."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from chatd.chat.log import Log as ChatLog
from chatd.chat.state import HistoryQuery
from chatd.chat.storage import Store, StoreError
from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.ops.repeats import Repeats
from chatd.wire.errors import Code
from chatd.wire.limits import PAGE_BYTES
from chatd.wire.messages import Error, Message

log = Log(__name__)

COMPLAINT_INTERVAL: Final = 10.0
"""Seconds in which it is logged once that the store cannot be read."""

HOLE: Final = "The store lacks events that it should have."

UNREADABLE: Final = "The server cannot read this from its disk now; ask again later."


class Reads:
    """Reads from ``store`` for all connections."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._repeats = Repeats(COMPLAINT_INTERVAL)

    def read(
        self,
        chat_log: ChatLog,
        first: int,
        last: int,
        limit: int,
        newest: bool,
        done: Callable[[list[bytes] | None], None],
    ) -> None:
        """Read events as `Store.read` does. ``done`` gets None if they cannot be read.

        They are read again if what one of them says may have been erased meanwhile.
        """
        erasures = chat_log.erasures

        def got(frames: list[bytes] | StoreError) -> None:
            if chat_log.erasures != erasures and not isinstance(frames, StoreError):
                self.read(chat_log, first, last, limit, newest, done)
            else:
                done(self._look_at(chat_log, frames))

        self._store.read(chat_log.id, first, last, limit, newest, got)

    def page(self, query: HistoryQuery, done: Callable[[list[bytes] | None], None]) -> None:
        """Read the page of history that ``query`` wants. ``done`` gets None if it cannot be read."""
        self.read(
            query.log, query.first, query.last, PAGE_BYTES, query.newest, partial(self._paged, query, done)
        )

    def _paged(
        self, query: HistoryQuery, done: Callable[[list[bytes] | None], None], frames: list[bytes] | None
    ) -> None:
        """Read on if retention has meanwhile taken the beginning of the page."""
        if frames == [] and query.first < query.log.first <= query.last:
            self.page(replace(query, first=query.log.first), done)
        else:
            done(frames)

    def _look_at(self, chat_log: ChatLog, frames: list[bytes] | StoreError) -> list[bytes] | None:
        if not isinstance(frames, StoreError):
            return frames
        held_back = self._repeats.admit("store-unreadable", self._clock.seconds())
        if held_back is not None:
            log.error(
                "store-unreadable",
                "Events cannot be read from the disk.",
                room=chat_log.name,
                error=str(frames),
                suppressed=held_back or None,
            )
        return None


def answer(query: HistoryQuery, frames: list[bytes] | None) -> Message:
    """Return the answer with the events read for ``query``, or the refusal if nothing could be read."""
    hole = frames == [] and query.log.first <= query.last
    if hole:
        seq = query.last if query.newest else max(query.first, query.log.first)
        log.error("log-hole", HOLE, room=query.log.name, seq=seq)
    if frames is None or hole:
        return Error(id=query.request, code=Code.STORAGE_UNAVAILABLE, text=UNREADABLE)
    return query.answer(frames)
