"""The pace: how many bytes of files may be under way on one connection, so that chat never waits behind them.

It goes by delay, as LEDBAT (RFC 6817) and Vegas do: as long as chunks arrive about as fast as when
nothing else was under way, more may be under way; when they take longer, a queue has built up and less may.
What is under way is what a message has in front of it; where the way is long, it is spread over the way.
"""

from typing import Final

from chatd.wire.limits import WINDOW

MIN_BUDGET: Final = 2_048
"""Bytes that may always be under way: a quarter of a second at 64 kbit/s."""

MIN_CHUNK: Final = 1_024
"""Bytes of the smallest chunk: two of them keep a slow link busy, and their heads cost less than 2 %."""

LARGEST_CHUNK: Final = 61_440
"""Bytes of the largest chunk: its frame fits into one read of 64 KiB."""

TARGET: Final = 0.02
"""Seconds that chunks may take longer than over an idle link."""

MEMORY: Final = 10.0
"""Seconds after which the shortest delay is measured anew, because the way may have changed."""

GAIN: Final = 0.5
"""The share of the bytes arrived by which the budget grows while the link is being measured."""

UNFELT: Final = 0.1
"""The share of `TARGET` below which a delay says nothing: then the budget doubles per round trip at first."""

HURRY: Final = 1.5
"""On a long way, the budget is sent so much faster than it arrives that it has room to grow."""


class Pace:
    """The budget of one connection, shared by all its transfers.

    It is told what was sent and what arrived.
    """

    __slots__ = (
        "_alone",
        "_next",
        "_settled",
        "_shortest",
        "_since",
        "_touched",
        "budget",
        "chunk",
        "probing",
        "under_way",
    )

    def __init__(self) -> None:
        self.under_way = 0
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        self.budget = float(MIN_BUDGET)
        self.chunk = MIN_CHUNK
        self.probing = True
        self._settled = self._alone = False
        self._shortest = 0.0
        self._since = self._touched = self._next = now

    def room(self, now: float) -> int:
        """Return how many bytes may be sent now: nothing, or at least a chunk."""
        if not self.under_way:
            return self.chunk
        if self.probing or now < self._next:
            return 0
        room = int(self.budget) - self.under_way
        return room if room >= self.chunk else 0

    def wait(self, now: float) -> float:
        """Return for how many seconds nothing may be sent although there is room; else 0."""
        if self.probing or not self.under_way or int(self.budget) - self.under_way < self.chunk:
            return 0.0
        return max(0.0, self._next - now)

    def sent(self, size: int, now: float) -> None:
        """Count ``size`` bytes as under way."""
        if not self.under_way and now - self._touched > MEMORY:
            self._begin(now)
        self._alone = not self.under_way
        self._touched = now
        self.under_way += size
        if self._shortest > TARGET:
            self._next = max(self._next, now) + size * self._shortest / (self.budget * HURRY)

    def count(self, size: int) -> None:
        """Count ``size`` bytes as under way again."""
        self.under_way += size

    def forget(self, size: int) -> None:
        """Count ``size`` bytes as no longer under way, although nobody has confirmed them."""
        self.under_way = max(0, self.under_way - size)

    def received(self, size: int, sent_at: float, now: float) -> None:
        """Learn that ``size`` bytes have arrived, the last of which was sent at ``sent_at``."""
        full = self.under_way + 2 * self.chunk > self.budget
        self.forget(size)
        self._touched = now
        delay = max(now - sent_at, 1e-9)
        if self.probing:
            if self._alone and not self.under_way:
                self._measured(delay, now)
            return
        self._shortest = min(self._shortest, delay)
        self._adjust(size, delay, full)
        if now - self._since >= MEMORY:
            self.probing = True
            self.chunk = MIN_CHUNK

    def _measured(self, delay: float, now: float) -> None:
        """Take the delay of a chunk that had the link for itself."""
        self.probing = False
        self._shortest = delay
        self._since = self._next = now
        self._resize()

    def _adjust(self, size: int, delay: float, full: bool) -> None:
        off = 1.0 - (delay - self._shortest) / TARGET
        if off < 0:
            self._settled = True
        elif not full:
            return  # it was not used up: that all went well says nothing about more
        budget = self.budget + self._gain(off, delay) * off * size
        self.budget = min(max(budget, float(MIN_BUDGET)), float(WINDOW))
        self._resize()

    def _gain(self, off: float, delay: float) -> float:
        """Return how strongly the budget follows: less on a long way, where the answer comes late."""
        if not self._settled:
            return 1.0 if off > 1 - UNFELT else GAIN
        return (GAIN if off > 0 else 1.0) * min(1.0, TARGET / delay)

    def _resize(self) -> None:
        """Make chunks a quarter of the budget, and no longer than a quarter of what the delay may grow by."""
        quarter = self.budget * min(1.0, TARGET / self._shortest) / 4
        self.chunk = int(min(max(quarter, MIN_CHUNK), LARGEST_CHUNK))
