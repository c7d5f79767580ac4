"""Memory: settings of the allocator and the garbage collector, so that neither holds up the daemon."""

import ctypes
import gc
from typing import Final

KEPT_BYTES: Final = 4_194_304
"""Freed bytes that the allocator keeps at hand; each thread may have so many."""

LARGE_BYTES: Final = 1_048_576
"""Blocks of at least so many bytes are fetched from the system and given back one by one."""

YOUNG: Final = 5_000
"""New objects after which the garbage collector looks at those that are left; Python's default is 700.

Every tenth time it looks at all that were left since. A higher value would stop the reactor for 10 ms then.
"""

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3


def keep_freed_memory() -> None:
    """Have the allocator keep some freed memory, if it is glibc's (mallopt(3)).

    Otherwise it gives memory back at once, and every buffer of a file is fetched from the system anew, page
    by page, which costs as much as all other work on the buffer.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def spare_the_collector() -> None:
    """Have the garbage collector pass over the program itself from now on.

    Modules, classes and functions stay for ever; looking at all of them stops the reactor for some 15 ms each
    time. Data that is loaded from the disk later is looked at, but less often than by default, since a
    message makes some ten objects that need no collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
