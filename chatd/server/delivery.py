"""Delivery brings lagging readers forward page by page, each in its turn.

Pages come from a log's tail in memory or else from the store. A turn ends after a few milliseconds, so that
readers who catch up do not hold up live events, acknowledgements and heartbeats.
"""

from collections import deque
from typing import Final, Protocol

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


class Delivery:
    """Brings lagging connections forward."""

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock
        self._queue: deque[LaggingConnection] = deque()
        self._queued: set[LaggingConnection] = set()
        self._reading: set[LaggingConnection] = set()
        self._scheduled = False

    def add(self, connection: LaggingConnection) -> None:
        """Bring ``connection`` forward as long as it lags and can take more."""
        if connection in self._queued or connection in self._reading:
            return
        self._queue.append(connection)
        self._queued.add(connection)
        self._schedule()

    def _schedule(self) -> None:
        if self._queue and not self._scheduled:
            self._scheduled = True
            self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        end = self._clock.seconds() + TURN
        for _ in range(len(self._queue)):
            connection = self._queue.popleft()
            self._queued.discard(connection)
            self._step(connection)
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
        self._reading.add(connection)
        chat_log, after, last = missing
        self._reads.read(
            chat_log,
            after + 1,
            last,
            PAGE,
            False,
            lambda frames: self._got(connection, missing, frames),
        )

    def _got(self, connection: LaggingConnection, missing: Missing, frames: list[bytes] | None) -> None:
        self._reading.discard(connection)
        try:
            if frames is None:
                connection.close(CloseReason.FAULT)
            else:
                self._take(connection, missing, frames)
        except Exception:  # noqa: BLE001 - a fault costs that connection alone (P8)
            connection.fault()

    def _take(self, connection: LaggingConnection, missing: Missing, frames: list[bytes]) -> None:
        chat_log, after, _ = missing
        reader = connection.reader
        first = reader.first(chat_log)
        if not connection.ready or not reader.follows(chat_log) or reader.cursor(chat_log) != after:
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
