"""The reader: a connection's set of cursors.

At the head of a log a reader is one of the log's followers, and its cursor is the log's head; behind the head
the cursor is kept here. There is no queue: a reader that lags reads on from the log when its transport can
take more.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from chatd.chat.codec import Codec
from chatd.chat.fanout import Outlet
from chatd.chat.log import Log
from chatd.wire.messages import Message

T = TypeVar("T")


class Missing(NamedTuple):
    """Events that are in the store and not in memory: ``log`` above ``after``, up to ``last``."""

    log: Log
    after: int
    last: int


class Ended(NamedTuple):
    """A log that is followed no further: ``done`` ends that."""

    done: Callable[[], None]


class Page(NamedTuple):
    """The next piece for a reader: ``number`` events of ``log`` as bytes, or word of a gap."""

    log: Log
    number: int
    data: bytes
    gap: tuple[int, int] | None = None


class _ByLog(dict[Log, T]):
    """A dictionary by log that the garbage collector knows from the beginning.

    A plain one it takes in only when that holds something. So it would look at those of twenty thousand who
    are left behind together, all at once (P6).
    """

    __slots__ = ()


class Sink(Protocol):
    """What is behind a reader: a connection, as far as it takes what is handed over."""

    def hand(self, data: bytes, /) -> None:
        """Take bytes that are no live events."""

    def rest(self, data: bytes, /) -> None:
        """Take the bytes of live events that the outlet of the reader has not taken."""

    def catch_up(self) -> None:
        """Have the reader brought forward, because it lags."""

    def fault(self) -> None:
        """End because of the current exception, which concerns this reader alone (P8)."""


class Reader:
    """The cursors of one connection, which speaks ``codec``; ``sink`` takes what is handed over.

    ``follows_all`` is whether it also follows rooms that its user enters elsewhere, ``hears_typing`` whether
    it is told who types. If `connect` has named an outlet, live events go there. ``peer`` is the connection,
    once it is somebody's, for the bounds of logs.
    """

    __slots__ = (
        "_behind",
        "_ends",
        "_events_before",
        "_following",
        "_news",
        "_volume",
        "codec",
        "follows_all",
        "hears_typing",
        "outlet",
        "paused",
        "peer",
        "sink",
    )

    outlet: Outlet

    def __init__(self, codec: Codec, sink: Sink) -> None:
        self.codec = codec
        self.sink = sink
        self.follows_all = True
        self.hears_typing = False
        self.peer: Any = None
        self.paused = False
        self._events_before = self._volume = 0
        self._following: dict[Log, int] = {}
        self._behind: dict[Log, int] = _ByLog()
        self._ends: dict[Log, tuple[int, Callable[[], None], int]] | None = None
        self._news: dict[tuple[Log, int], Callable[[], Message | None]] | None = None

    @property
    def lags(self) -> bool:
        """Return whether some cursor is behind its head."""
        return bool(self._behind)

    @property
    def followed(self) -> int:
        """Return how many logs are followed."""
        return len(self._following)

    @property
    def lag(self) -> int:
        """Return how many events the cursors are behind their heads."""
        return sum(log.head - cursor for log, cursor in self._behind.items())

    @property
    def events(self) -> int:
        """Return how many events the cursors have passed."""
        passed = sum(self.cursor(log) - start for log, start in self._following.items())
        return self._events_before + passed

    @property
    def volume(self) -> int:
        """Return how many bytes of live events were handed out at the heads."""
        return self._volume + sum(log.passed(self) for log in self._following if log not in self._behind)

    def connect(self, outlet: Outlet | None) -> None:
        """Let live events go to ``outlet``, and what it does not take to the sink; all without an outlet."""
        self.outlet = self._take_all if outlet is None else outlet

    def _take_all(self, data: bytes) -> int:
        self.sink.rest(data)
        return len(data)

    def let_go(self) -> None:
        """Forget the connection, which is gone; nothing is followed any more."""
        self.peer = None
        self._news = None
        self.sink = NOBODY
        self.outlet = len

    def hand(self, data: bytes) -> None:
        """Hand over whole messages that are in no log, or a page of one."""
        self.sink.hand(data)

    def rest(self, data: bytes) -> None:
        """Hand over what the outlet has not taken."""
        self.sink.rest(data)

    def fault(self) -> None:
        """End because of the current exception, which concerns this reader alone (P8)."""
        self.sink.fault()

    def tell(self, message: Message) -> None:
        """Hand over a message that is in no log."""
        self.hand(self.codec.encode(message))

    def overhears(self, typist: object) -> bool:
        """Return whether it is to be told that ``typist`` types, and nothing else waits to be written."""
        peer = self.peer
        return (
            self.hears_typing
            and peer is not None
            and peer.at_ease
            and (peer.session is None or peer.session.user is not typist)
        )

    def inform(self, log: Log, news: Callable[[], Message | None], thread: int = 0) -> None:
        """Hand over the message that ``news`` returns, if any, once nothing lags.

        Of several about the same log, or the same ``thread`` of it, it is the latest one.
        """
        if self._news is None:
            self._news = {}
        self._news[log, thread] = news
        self._tell_news()

    def _tell_news(self) -> None:
        while self._news and not self._behind and not self.paused:
            message = self._news.pop(next(iter(self._news)))()
            if message is not None:
                self.tell(message)
        if not self._news:
            self._news = None

    def follows(self, log: Log) -> bool:
        """Return whether ``log`` is followed."""
        return log in self._following

    def cursor(self, log: Log) -> int:
        """Return the last event of ``log`` that was handed over."""
        behind = self._behind.get(log)
        return log.stand(self) if behind is None else behind

    def cursors(self) -> dict[Log, int]:
        """Return the last event that was handed over of each log that is followed."""
        return {log: self.cursor(log) for log in self._following}

    def follow(self, log: Log, cursor: int) -> None:
        """Follow ``log`` from behind event ``cursor``."""
        self._step_back(log, cursor)
        self._following.setdefault(log, cursor)
        if cursor >= log.head and not self.paused and self._end(log) is None:
            self._advance(log)
            log.admit(self, self.outlet)
            self._volume -= log.passed(self)

    def _step_back(self, log: Log, cursor: int) -> None:
        """Stand at ``cursor``, and be handed no live events."""
        if log in self._following and log not in self._behind:
            self._volume += log.passed(self)
            log.dismiss(self)
        self._behind[log] = cursor

    def _advance(self, log: Log) -> int:
        """Forget that ``log`` lags; return where the cursor was."""
        cursor = self._behind.pop(log)
        if not self._behind:
            self._behind.clear()  # which gives up the memory
        return cursor

    def leave_behind(self, log: Log, cursor: int) -> None:
        """Be no follower of ``log`` for now: too many are. Go on from ``cursor`` in a later turn."""
        self._step_back(log, cursor)
        self.sink.catch_up()

    def stop(self, log: Log, last: int, done: Callable[[], None], floor: int = 0) -> None:
        """Follow ``log`` from behind event ``floor`` up to event ``last``, and have ``done`` called then.

        Call it before ``last`` is handed to anybody.
        """
        if log in self._following and not self.stops(log):
            self._step_back(log, self.cursor(log))
            if self._ends is None:
                self._ends = _ByLog()
            self._ends[log] = (last, done, floor)
            self.sink.catch_up()

    def _end(self, log: Log) -> tuple[int, Callable[[], None]] | None:
        """Return the last event of ``log`` that is to be handed over, and what is to be done then, if any."""
        end = None if self._ends is None or log not in self._ends else self._ends[log][:2]
        bound = None if log.bounds is None else log.bounds.end(self)
        if end is None or bound is None:
            return end or bound
        return min(end, bound, key=lambda one: one[0])

    def stops(self, log: Log) -> bool:
        """Return whether ``log`` is followed up to some event only."""
        return self._ends is not None and log in self._ends

    def first(self, log: Log) -> int:
        """Return the first event of ``log`` that may be handed over."""
        if self._ends is not None and log in self._ends:
            return max(log.first, self._ends[log][2] + 1)
        return log.first if log.bounds is None else max(log.first, log.bounds.floor(self) + 1)

    def unfollow(self, log: Log) -> None:
        """Follow ``log`` no longer."""
        if log not in self._following:
            return
        self._step_back(log, self.cursor(log))
        if self._ends is not None:
            self._ends.pop(log, None)
        if self._news is not None:
            self._news = {key: news for key, news in self._news.items() if key[0] is not log} or None
        self._events_before += self._advance(log) - self._following.pop(log)

    def unfollow_all(self) -> None:
        """Follow nothing any more."""
        for log in list(self._following):
            self.unfollow(log)

    def pause(self) -> None:
        """Stop being handed events: the transport is full. Every cursor stays where it is."""
        if self.paused:
            return
        self.paused = True
        for log in self._following:
            if log not in self._behind:
                self._step_back(log, log.stand(self))

    def resume(self) -> None:
        """Go on: the transport has drained. Cursors at their head are handed live events again."""
        self.paused = False
        for log, cursor in list(self._behind.items()):
            if cursor >= log.head:
                self.follow(log, cursor)
        self._tell_news()

    def next(self, limit: int) -> Page | Missing | Ended | None:
        """Return the next piece to hand over, about ``limit`` bytes of one log; None at every head."""
        if not self._behind:
            return None
        log, cursor = next(iter(self._behind.items()))
        end = self._end(log)
        if end is not None and cursor >= end[0]:
            return Ended(end[1])
        last = log.head if end is None else end[0]
        first = self.first(log)
        if cursor + 1 < first:
            return Page(log, 0, b"", (cursor + 1, min(first - 1, last)))
        recent = log.recent(self.codec, cursor, limit, last)
        return Missing(log, cursor, last) if recent is None else Page(log, *recent)

    def moved(self, log: Log, cursor: int) -> None:
        """Move the cursor of ``log`` to ``cursor``. Other logs that lag come first next time."""
        if log not in self._behind:
            return
        self._behind[log] = self._behind.pop(log)
        self.follow(log, cursor)
        self._tell_news()


class _Nobody:
    """The sink of a reader whose connection is gone, or that never had one: it takes nothing."""

    def hand(self, data: bytes) -> None:
        """Do nothing."""

    def rest(self, data: bytes) -> None:
        """Do nothing."""

    def catch_up(self) -> None:
        """Do nothing."""

    def fault(self) -> None:
        """Do nothing."""


NOBODY: Final = _Nobody()
