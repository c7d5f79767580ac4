"""Delivery brings lagging readers forward page by page, each in its turn.

Pages come from a log's tail in memory or else from the store. A turn ends after a few milliseconds, so that
readers who catch up do not hold up live events, acknowledgements and heartbeats.
"""

from collections import deque
from typing import Final, NamedTuple, Protocol

from chatd.chat.reader import Ended, Missing, Page, Reader
from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.server.reads import HOLE, Reads
from chatd.wire.errors import CloseReason
from chatd.wire.messages import Gap

log = Log(__name__)

PAGE: Final = 32_768
"""Bytes of events that a lagging reader is handed at once, about."""

TURN: Final = 0.005
"""Seconds that one turn of catching up may take before everything else has its turn."""

STEPS: Final = 200
"""Connections that are looked at in one turn at the most."""

PAGES: Final = 16
"""Pages that are read from the store, or wait to be handed over, at once.

More would gain nothing, as one thread reads. So a storm of returns holds half a megabyte of them in memory,
and somebody who asks for a page of history waits for no more than these (P5, P6).
"""


class LaggingConnection(Protocol):
    """A connection whose reader may lag."""

    reader: Reader

    @property
    def ready(self) -> bool:
        """Return whether it is up and its transport can take more."""

    def close(self, reason: CloseReason) -> None:
        """End it with a goodbye."""

    def fault(self) -> None:
        """End it because of the current exception, which concerns it alone (P8)."""


class _Fetched(NamedTuple):
    """A page that was read: its ``frames``, or None if it could not be, and the log's ``revisions`` then."""

    connection: LaggingConnection
    missing: Missing
    frames: list[bytes] | None
    revisions: int


class Delivery:
    """Brings lagging connections forward.

    Each is in one place at a time: in the queue, or ``waiting`` until its page may be read, or ``reading`` it
    until that is handed over. What was ``fetched`` comes first in a turn, so that the places are free soon.
    """

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock
        self._queue: deque[LaggingConnection] = deque()
        self._waiting: deque[LaggingConnection] = deque()
        self._queued: set[LaggingConnection] = set()
        self._reading: set[LaggingConnection] = set()
        self._fetched: deque[_Fetched] = deque()
        self._scheduled = False

    def add(self, connection: LaggingConnection) -> None:
        """Bring ``connection`` forward as long as it lags and can take more."""
        if connection in self._queued or connection in self._reading:
            return
        self._queue.append(connection)
        self._queued.add(connection)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and (self._fetched or self._next_queue):
            self._scheduled = True
            self._clock.callLater(0, self._turn)

    @property
    def _next_queue(self) -> deque[LaggingConnection]:
        """Return where the next step's connection stands: those who wait come first if a page may be read."""
        return self._waiting if self._waiting and len(self._reading) < PAGES else self._queue

    def _turn(self) -> None:
        self._scheduled = False
        end = self._clock.seconds() + TURN
        for _ in range(STEPS):
            if self._fetched:
                self._got(self._fetched.popleft())
            elif self._next_queue:
                connection = self._next_queue.popleft()
                self._queued.discard(connection)
                self._step(connection)
            else:
                break
            if self._clock.seconds() >= end:
                break
        self._schedule()

    def _step(self, connection: LaggingConnection) -> None:
        if not connection.ready:
            return
        try:
            step = connection.reader.next(PAGE)
            if isinstance(step, Missing):
                self._fetch(connection, step)
            elif isinstance(step, Ended):
                step.done()
                if connection.reader.lags:
                    self.add(connection)
            elif step is not None:
                self._hand(connection, step)
        except Exception:  # noqa: BLE001 - a fault costs that connection alone (P8)
            connection.fault()

    def _hand(self, connection: LaggingConnection, page: Page) -> None:
        reader = connection.reader
        if page.gap is not None:
            first, last = page.gap
            reader.moved(page.log, last)
            reader.tell(Gap(room=page.log.name, first=first, last=last))
        else:
            reader.moved(page.log, reader.cursor(page.log) + page.number)
            if page.data:
                reader.hand(page.data)
        if reader.lags:
            self.add(connection)

    def _fetch(self, connection: LaggingConnection, missing: Missing) -> None:
        if len(self._reading) >= PAGES:
            self._waiting.append(connection)
            self._queued.add(connection)
            return
        self._reading.add(connection)
        chat_log, after, last = missing
        self._reads.read(
            chat_log,
            after + 1,
            last,
            PAGE,
            False,
            lambda frames: self._came(_Fetched(connection, missing, frames, chat_log.revisions)),
        )

    def _came(self, fetched: "_Fetched") -> None:
        self._fetched.append(fetched)
        self._schedule()

    def _got(self, fetched: _Fetched) -> None:
        connection = fetched.connection
        self._reading.discard(connection)
        try:
            if fetched.frames is None:
                connection.close(CloseReason.FAULT)
            else:
                self._take(connection, fetched.missing, fetched.frames, fetched.revisions)
        except Exception:  # noqa: BLE001 - a fault costs that connection alone (P8)
            connection.fault()

    def _take(
        self, connection: LaggingConnection, missing: Missing, frames: list[bytes], revisions: int
    ) -> None:
        chat_log, after, _ = missing
        reader = connection.reader
        first = reader.first(chat_log)
        stands = connection.ready and reader.follows(chat_log) and reader.cursor(chat_log) == after
        if not stands or chat_log.revisions != revisions:  # what was read may have been removed since
            self.add(connection)
            return
        if not frames and first <= after + 1:
            log.error("log-hole", HOLE, room=chat_log.name, seq=after + 1)
            connection.close(CloseReason.FAULT)
            return
        if frames and first <= after + 1:
            self._hand(connection, Page(chat_log, len(frames), reader.codec.render(frames)))
        else:
            self.add(connection)
