"""Receiving: checks that each chunk is the expected one, and decides what the sender is told."""

from chatd.wire.errors import Code, ProtocolError
from chatd.wire.limits import WINDOW
from chatd.wire.messages import Progress


class Incoming:
    """One file on its way in, from byte ``offset`` on.

    ``received`` bytes have come, ``written`` were given to the system, ``stored`` lie on the disk.
    ``done`` is set by `finish`, when all of them are verified and in their place.
    """

    __slots__ = ("_told", "done", "offset", "received", "size", "stored", "transfer", "window", "written")

    def __init__(self, transfer: int, size: int, offset: int, window: int = WINDOW) -> None:
        self.transfer = transfer
        self.size = size
        self.offset = self.received = self.written = self.stored = offset
        self.window = window
        self.done = False
        self._told = (offset, offset)

    @property
    def complete(self) -> bool:
        """Return whether every byte has come."""
        return self.received == self.size

    @property
    def waiting(self) -> int:
        """Return how many bytes have come and are not written yet: this transfer's cost in memory."""
        return self.received - self.written

    def chunk(self, offset: int, length: int) -> None:
        """Take in a chunk of ``length`` bytes at ``offset``. Raises `ProtocolError` ``bad-chunk``."""
        received = self.received
        end = received + length
        if offset == received and end <= self.size and end <= self._told[0] + self.window:
            self.received = end
            return
        if offset != received:
            why = f"begins at {offset} where {received} has to follow"
        elif end > self.size:
            why = f"ends at {end}, beyond the size of {self.size}"
        else:
            why = f"ends at {end}, more than {self.window} bytes beyond what was received"
        raise ProtocolError(Code.BAD_CHUNK, f"A chunk of transfer {self.transfer} {why}.")

    def wrote(self, written: int) -> None:
        """Learn that the first ``written`` bytes were given to the system."""
        self.written = max(self.written, written)

    def keep(self, stored: int) -> None:
        """Learn that the first ``stored`` bytes lie on the disk; the last ones count once all are right."""
        if stored < self.size:
            self.stored = max(self.stored, stored)

    def finish(self) -> None:
        """Learn that everything is verified and in its place."""
        self.written = self.stored = self.size
        self.done = True

    def due(self) -> Progress | None:
        """Return the progress that the sender has not been told yet, or None.

        While more than half a window waits for the disk, the sender is not told to go on: a slow disk slows
        it.
        """
        told, stored = self._told
        received = told if self.waiting > self.window // 2 else self.received
        if (received, self.stored) == (told, stored):
            return None
        self._told = (max(received, self.stored), self.stored)
        return Progress(transfer=self.transfer, received=self._told[0], stored=self.stored)
