"""Delivery: readers that lag are brought forward page by page, each in its turn.

Pages come from a log's tail in memory or else from the store. A turn ends after a few milliseconds, so that
live events, acknowledgements and heartbeats are not held up by those who catch up.
"""

from collections import deque
from typing import Final, Protocol

from chatd.chat.reader import Missing, Page, Reader
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


class Taker(Protocol):
    """A connection whose reader may lag."""

    reader: Reader

    @property
    def ready(self) -> bool:
        """Return whether it is up and its transport can take more."""

    def close(self, reason: CloseReason) -> None:
        """End it with a goodbye."""

    def fault(self) -> None:
        """End it because of the exception that is being handled, which concerns it alone (P8)."""


class Delivery:
    """Brings forward whoever lags."""

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock
        self._queue: deque[Taker] = deque()
        self._queued: set[Taker] = set()
        self._reading: set[Taker] = set()
        self._scheduled = False

    def add(self, taker: Taker) -> None:
        """Bring ``taker`` forward as long as it lags and can take more."""
        if taker in self._queued or taker in self._reading:
            return
        self._queue.append(taker)
        self._queued.add(taker)
        self._schedule()

    def _schedule(self) -> None:
        if self._queue and not self._scheduled:
            self._scheduled = True
            self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        end = self._clock.seconds() + TURN
        for _ in range(len(self._queue)):
            taker = self._queue.popleft()
            self._queued.discard(taker)
            self._step(taker)
            if self._clock.seconds() >= end:
                break
        self._schedule()

    def _step(self, taker: Taker) -> None:
        if not taker.ready:
            return
        try:
            step = taker.reader.next(PAGE)
            if isinstance(step, Missing):
                self._fetch(taker, step)
            elif step is not None:
                self._hand(taker, step)
        except Exception:  # noqa: BLE001 - a fault costs that taker alone (P8)
            taker.fault()

    def _hand(self, taker: Taker, page: Page) -> None:
        reader = taker.reader
        if page.gap is not None:
            first, last = page.gap
            reader.moved(page.log, last)
            reader.tell(Gap(room=page.log.name, first=first, last=last))
        else:
            reader.moved(page.log, reader.cursor(page.log) + page.number)
            if page.data:
                reader.hand(page.data)
        if reader.lags:
            self.add(taker)

    def _fetch(self, taker: Taker, missing: Missing) -> None:
        self._reading.add(taker)
        chat_log, after = missing
        self._reads.read(
            chat_log,
            after + 1,
            chat_log.head,
            PAGE,
            False,
            lambda frames: self._got(taker, missing, frames),
        )

    def _got(self, taker: Taker, missing: Missing, frames: list[bytes] | None) -> None:
        self._reading.discard(taker)
        try:
            if frames is None:
                taker.close(CloseReason.FAULT)
            else:
                self._take(taker, missing, frames)
        except Exception:  # noqa: BLE001 - a fault costs that taker alone (P8)
            taker.fault()

    def _take(self, taker: Taker, missing: Missing, frames: list[bytes]) -> None:
        chat_log, after = missing
        reader = taker.reader
        if not taker.ready or not reader.follows(chat_log) or reader.cursor(chat_log) != after:
            self.add(taker)
            return
        if not frames and chat_log.first <= after + 1:
            log.error("log-hole", HOLE, room=chat_log.name, seq=after + 1)
            taker.close(CloseReason.FAULT)
            return
        if frames and chat_log.first <= after + 1:
            self._hand(taker, Page(chat_log, len(frames), reader.codec.render(frames)))
        else:
            self.add(taker)
