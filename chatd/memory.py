"""Memory: what the daemon tells its allocator and its garbage collector, so that neither holds it up."""

import ctypes
import gc
from typing import Final

KEPT_BYTES: Final = 4_194_304
"""Freed bytes that the allocator keeps at hand; each thread may have so many."""

LARGE_BYTES: Final = 1_048_576
"""Bytes from which on a block of memory is fetched from the system and given back by itself."""

YOUNG: Final = 5_000
"""New objects after which the garbage collector looks at those that are left of them; Python's own is 700.

Every tenth time it looks at all that were left since: with more, that would stop the reactor for 10 ms.
"""

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3


def keep_freed_memory() -> None:
    """Have the allocator keep some of what is freed, where it is glibc's (mallopt(3)).

    Otherwise it gives memory back at once, and every buffer of a file is fetched from the system anew, page
    by page: that costs as much as all that is done with it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def spare_the_collector() -> None:
    """Let the garbage collector pass over the program itself from now on.

    Modules, classes and functions stay for ever; looking at all of them stops the reactor for some 15 ms each
    time. What is loaded from the disk comes later, and is looked at; less often than by default, since a
    message makes some ten objects that need no collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
