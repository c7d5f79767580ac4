"""Messages at a steady pace, and how long each took to whom."""

import socket
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.load import Crowd, Hall, Loop, nothing


@dataclass(frozen=True, slots=True)
class Pace:
    """``due`` tells when each message had to be sent, ``seconds`` how long it took until all had all."""

    due: list[float]
    seconds: float


class TimedCrowd(Crowd):
    """A crowd of which ``timed`` readers, evenly among them, note when they received what."""

    def __init__(
        self, links: Sequence[socket.socket], marker: bytes, *, timed: int, keep: bool = False
    ) -> None:
        super().__init__(links, marker, keep=keep)
        step = max(1, len(links) // timed)
        self._notes = {link.fileno(): (array("d"), array("Q")) for link in links[::step]}
        self._stream = bytearray()
        self._marker = marker
        self._start = 0

    def forget(self) -> None:
        """Note everything anew from here on; nothing may be on its way."""
        self._stream.clear()
        self._start = self.bytes[self.witness]
        for times, totals in self._notes.values():
            del times[:], totals[:]

    def read(self, fd: int) -> bytes | None:
        """Read once from reader ``fd``."""
        data = super().read(fd)
        if data is not None and fd == self.witness:
            self._stream += data
        notes = self._notes.get(fd)
        if notes is not None:
            notes[0].append(time.monotonic())
            notes[1].append(self.bytes[fd])
        return data

    def latencies(self, due: Sequence[float]) -> Iterator[float]:
        """Yield, for every timed reader, how many seconds after it was due each message had come."""
        ends = self._ends()
        for times, totals in self._notes.values():
            done = 0
            for when, total in zip(times, totals, strict=True):
                complete = bisect_right(ends, total)
                for number in range(done, complete):
                    yield when - due[number]
                done = complete

    def _ends(self) -> list[int]:
        """Return after how many bytes each message has come, its mark at least."""
        ends = []
        at = self._stream.find(self._marker)
        while at >= 0:
            ends.append(self._start + at + len(self._marker))
            at = self._stream.find(self._marker, at + len(self._marker))
        return ends


def pace(halls: Sequence[Hall], rate: float, seconds: float, aside: Callable[[], None] = nothing) -> Pace:
    """Have each sender send ``rate`` messages a second for ``seconds``, then wait until all have all.

    ``aside`` is called with every message that is due.
    """
    count = max(1, round(rate * seconds))
    with Loop(halls) as loop:
        begin = time.monotonic()
        due = [begin + number / rate for number in range(count)]
        sent = 0

        def attend() -> None:
            nonlocal sent
            late = bisect_right(due, time.monotonic(), sent) - sent
            if late:
                aside()
                sent += late
                for sender in loop.senders:
                    sender.read()
                    sender.post(late)

        while sent < count:
            attend()
            if sent < count:
                loop.turn(attend, max(0.0, due[sent] - time.monotonic()))
        loop.finish()
        return Pace(due, time.monotonic() - begin)
