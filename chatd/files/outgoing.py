"""Sending: decides which bytes of a file go out next, and which of a connection's files has its turn."""

from collections import deque
from typing import Final

from chatd.files.pace import LARGEST_CHUNK, Pace
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.limits import WINDOW
from chatd.wire.messages import Progress

BLOCK: Final = 4 * LARGEST_CHUNK
"""Bytes that are read from a disk at once at the most; a transfer holds two, less than a window."""

SMALL_BLOCK: Final = 16_384
"""Bytes that are read from a disk at once at the least, unless the file ends before."""


SOON: Final = 0.02
"""Seconds until the next look if nothing could be done in time."""

STILL: Final = 5.0
"""Seconds without progress after which the bytes under way are taken to wait for the receiver's disk."""


class Outgoing:
    """One file on its way out, from byte ``offset`` on; its owner reads the disk and writes frames.

    ``sent`` bytes were written; the other side has ``received`` and ``stored`` so many. ``heard`` is the
    second of the last progress of the bytes under way; ``aside`` is whether these are not counted as being on
    the link.
    """

    __slots__ = (
        "_blocks",
        "_held",
        "_read",
        "_reading",
        "_stamps",
        "aside",
        "heard",
        "offset",
        "received",
        "sent",
        "size",
        "stored",
        "transfer",
        "window",
    )

    def __init__(self, transfer: int, size: int, offset: int, window: int = WINDOW) -> None:
        self.transfer = transfer
        self.size = size
        self.offset = self.sent = self.received = self.stored = self._read = offset
        self.window = window
        self._blocks: deque[memoryview] = deque()
        self._held = 0
        self._reading = False
        self._stamps: deque[tuple[int, float]] = deque()
        self.heard = 0.0
        self.aside = False

    @property
    def under_way(self) -> int:
        """Return how many bytes were sent and not received."""
        return self.sent - self.received

    @property
    def ready(self) -> bool:
        """Return whether a chunk could go out now."""
        return self._held > 0 and self.sent - self.received < self.window and not self.aside

    def wants(self, about: float = BLOCK) -> tuple[int, int] | None:
        """Return offset and number of the bytes to read next, about ``about`` of them; None for the moment.

        The bytes must be handed to `filled` before `wants` is called again.
        """
        if self._reading or self._held > min(about, BLOCK) or self._read >= self.size:
            return None
        self._reading = True
        return self._read, min(self.size - self._read, BLOCK, max(SMALL_BLOCK, int(about)))

    def filled(self, data: bytes) -> None:
        """Take in the bytes that were read; the reader makes sure that they are all that was asked for."""
        self._reading = False
        self._read += len(data)
        self._held += len(data)
        if data:
            self._blocks.append(memoryview(data))

    def drop(self) -> None:
        """Let go of all bytes: the transfer has ended."""
        self._blocks.clear()
        self._stamps.clear()
        self._held = 0

    def take(self, limit: int, now: float) -> tuple[int, memoryview]:
        """Return the next chunk as its offset and at most ``limit`` bytes. Only to be called when `ready`."""
        if self.sent == self.received:
            self.heard = now
        block = self._blocks[0]
        size = min(len(block), limit, self.received + self.window - self.sent)
        if size == len(block):
            self._blocks.popleft()
        else:
            self._blocks[0] = block[size:]
        offset = self.sent
        self.sent += size
        self._held -= size
        self._stamps.append((self.sent, now))
        return offset, block[:size]

    def progress(self, received: int, stored: int) -> tuple[int, float] | None:
        """Learn what the other side has; return how many bytes are new, and when the last of them was sent.

        Raises `ProtocolError` if so many bytes were never sent.
        """
        if received > self.sent or stored > received:
            raise ProtocolError(
                Code.BAD_MESSAGE,
                f"A progress tells of {max(received, stored)} bytes of transfer {self.transfer}, of which"
                f" {self.sent} were sent.",
            )
        self.stored = max(self.stored, stored)
        news = received - self.received
        if news <= 0:
            return None
        self.received = received
        stamps = self._stamps
        sent_at = stamps[0][1]
        while stamps and stamps[0][0] <= received:
            sent_at = stamps.popleft()[1]
        return news, sent_at


class Turns:
    """The files that one connection sends. They take turns, one chunk each, at the connection's pace."""

    __slots__ = ("_waiting", "pace", "transfers")

    def __init__(self) -> None:
        self.pace = Pace()
        self.transfers: dict[int, Outgoing] = {}
        self._waiting: deque[Outgoing] = deque()

    def add(self, outgoing: Outgoing) -> None:
        """Let ``outgoing`` take part."""
        self.transfers[outgoing.transfer] = outgoing
        self._waiting.append(outgoing)

    def remove(self, outgoing: Outgoing) -> None:
        """Let ``outgoing`` take part no longer, and do not count what it has under way."""
        if self.transfers.pop(outgoing.transfer, None) is not None:
            self._waiting.remove(outgoing)
            if not outgoing.aside:
                self.pace.forget(outgoing.under_way)
        outgoing.drop()

    def next(self, now: float) -> tuple[Outgoing, int, memoryview] | None:
        """Return the next chunk to write: its file, its offset, its bytes. None for the moment."""
        waiting = self._waiting
        if not self.pace.room(now) and not (self._set_aside(now) and self.pace.room(now)):
            return None
        for _ in range(len(waiting)):
            outgoing = waiting[0]
            waiting.rotate(-1)
            if outgoing.ready:
                offset, data = outgoing.take(self.pace.chunk, now)
                self.pace.sent(len(data), now)
                return outgoing, offset, data
        return None

    def wait(self, now: float) -> float:
        """Return the seconds until `next` may have a chunk if no other event will cause a look; else 0."""
        if not any(outgoing.ready for outgoing in self._waiting):
            return 0.0
        wait = self.pace.wait(now)
        if wait or not self._starving or self.pace.room(now):
            return wait
        heard = [one.heard for one in self._waiting if one.under_way and not one.aside]
        return max(min(heard) + STILL - now, SOON) if heard else 0.0

    @property
    def _starving(self) -> bool:
        """Return whether some file has a chunk ready and nothing under way."""
        return any(outgoing.ready and not outgoing.under_way for outgoing in self._waiting)

    def _set_aside(self, now: float) -> bool:
        """Stop waiting for files that confirm nothing; return whether there were any.

        The bytes that they have under way have reached the receiver and wait for its disk, not for the link.
        Nothing more is sent of these files until progress comes.
        """
        if not self._starving:
            return False
        still = [one for one in self._waiting if one.under_way and not one.aside and now - one.heard >= STILL]
        for outgoing in still:
            outgoing.aside = True
            self.pace.forget(outgoing.under_way)
        return bool(still)

    @property
    def stuck(self) -> bool:
        """Return whether a chunk is ready though nothing is under way, so that no progress will come."""
        return not self.pace.under_way and any(outgoing.ready for outgoing in self._waiting)

    def progress(self, progress: Progress, now: float) -> Outgoing | None:
        """Take in ``progress``; return the file that it is about, None if that has ended.

        Raises `ProtocolError`.
        """
        outgoing = self.transfers.get(progress.transfer)
        if outgoing is not None:
            news = outgoing.progress(progress.received, progress.stored)
            if news is not None:
                self._hear(outgoing, *news, now)
        return outgoing

    def _hear(self, outgoing: Outgoing, size: int, sent_at: float, now: float) -> None:
        outgoing.heard = now
        if outgoing.aside:
            outgoing.aside = False
            self.pace.count(outgoing.under_way)
        else:
            self.pace.received(size, sent_at, now)
