"""The stream of rows that answers a request: in pages that the other end takes, in short turns (P5, P6)."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred

from chatd.clock import Clock
from chatd.control.messages import Rows
from chatd.wire.lines import encode

PAGE: Final = 100
"""Rows that are written at once at the most."""

SLICE: Final = 0.005
"""Seconds that one turn of an answer may take before everything else has its turn."""


class Stream:
    """Hands the rows that answer request ``id`` to ``write``, page by page.

    Whoever makes rows calls `add`, and waits for `turn` whenever `due`: so the reactor has its turns, and
    nothing is made while the other end does not take what was written. ``note`` is told at the end.
    """

    def __init__(self, request: int, write: Callable[[bytes], None], clock: Clock) -> None:
        self.note = ""
        self._request = request
        self._write = write
        self._clock = clock
        self._rows: list[Any] = []
        self._full = False
        self._waiting: Deferred[None] | None = None
        self._end = clock.seconds() + SLICE

    @property
    def due(self) -> bool:
        """Return whether `turn` is to be waited for before anything more is done."""
        return len(self._rows) >= PAGE or self._clock.seconds() >= self._end

    def add(self, row: Any) -> None:
        """Add a row to the answer."""
        self._rows.append(row)

    def flush(self) -> None:
        """Write the rows that were added."""
        if self._rows:
            self._write(encode(Rows(id=self._request, rows=self._rows)))
            self._rows = []

    async def turn(self) -> None:
        """Write what was added, let everything else have its turn, and wait until it was taken."""
        self.flush()
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        if not self._full:
            self._clock.callLater(0, self._go_on, waiting)
        await waiting
        self._end = self._clock.seconds() + SLICE

    async def until(self, deferred: "Deferred[Any]") -> Any:
        """Return the result of ``deferred``, which may take its time."""
        result = await deferred
        self._end = self._clock.seconds() + SLICE
        return result

    def pause(self) -> None:
        """Wait: the other end has not taken what was written."""
        self._full = True

    def resume(self) -> None:
        """Go on."""
        self._full = False
        if self._waiting is not None:
            self._clock.callLater(0, self._go_on, self._waiting)

    def _go_on(self, waiting: "Deferred[None]") -> None:
        if waiting is self._waiting and not self._full:
            self._waiting = None
            waiting.callback(None)
