"""Large pages: what the program is made of lies in few pages of memory, so that it is found again at once.

After each wait for a message or for the disk the processor has forgotten where most pages are, and has to
look for each of them anew. The objects of the program alone lie in some 6,000 pages of 4 KiB, or in a dozen
of 2 MiB.
"""

import ctypes
import errno
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Final

from twisted.internet.interfaces import IDelayedCall

from chatd.clock import Clock

SIZE: Final = 2_097_152
"""Bytes of a large page, on all processors where this is worth it."""

MOST: Final = 33_554_432
"""Bytes that are put into large pages, of either kind of memory: what was there first is used most."""

AFTER: Final = 2.0
"""Seconds after the start: it takes some 20 ms of a processor, for which nobody should wait then."""

_MAPS: Final = Path("/proc/self/maps")
_COLLAPSE: Final = 25
"""MADV_COLLAPSE (Linux 6.1): at once, whatever the system does by itself, and never for what comes later."""


class LargePages:
    """Puts memory into large pages a moment after the start, in a thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Have it done in a moment."""
        self._call = self._clock.callLater(AFTER, self._begin)

    def stop(self) -> None:
        """Do it no more."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    @staticmethod
    def _begin() -> None:
        Thread(target=collapse, name="chatd-pages", daemon=True).start()


def collapse() -> None:
    """Put what is in memory by now into large pages, as far as the system can."""
    madvise = getattr(ctypes.CDLL(None, use_errno=True), "madvise", None)
    if madvise is None:
        return
    with suppress(OSError):  # another system has no such file
        for begin in chosen(_MAPS.read_text().splitlines()):
            failed = madvise(ctypes.c_void_p(begin), ctypes.c_size_t(SIZE), _COLLAPSE)
            if failed and ctypes.get_errno() == errno.EINVAL:  # the system is older, or has no large pages
                return


def chosen(maps: Iterable[str]) -> Iterator[int]:
    """Yield where the large pages are to begin, by the lines of proc_pid_maps(5).

    The heap grows upwards, and what the system gives out besides lies below what was there before.
    """
    heap: list[int] = []
    others: list[int] = []
    for line in maps:
        where, may, _, _, inode, *name = line.split(maxsplit=5)
        if may != "rw-p" or inode != "0" or name not in ([], ["[heap]"]):
            continue
        first, last = (int(address, 16) for address in where.split("-"))
        pages = range(-(-first // SIZE) * SIZE, last - SIZE + 1, SIZE)
        (heap if name else others).extend(pages)
    yield from heap[: MOST // SIZE]
    yield from sorted(others, reverse=True)[: MOST // SIZE]
