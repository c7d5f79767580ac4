"""Memory: settings of the allocator and the garbage collector, so that neither holds up the daemon."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

KEPT_BYTES: Final = 4_194_304
"""Freed bytes that the allocator keeps at hand; each thread may have so many."""

LARGE_BYTES: Final = 1_048_576
"""Blocks of at least so many bytes are fetched from the system and given back one by one."""

YOUNG: Final = 2_000
"""New objects after which the garbage collector looks at those that are left; Python's default is 700.

A higher value would stop the reactor for longer."""

OLDER: Final = 4
"""Looks at new objects after which all that were left since the last time are looked at once more.

That are 8,000 at the most, which takes a few milliseconds. What is in use for longer is not looked at again.
"""

NEVER: Final = 1_000_000_000
"""Looks at those that were left, after which all would be looked at; that stops the reactor for long."""

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
    """Have the garbage collector look at what is young alone from now on, and less often than by default.

    To look at everything stops the reactor for some 15 ms where nothing but the program was loaded, and for
    more than a second where there are a hundred thousand users. What lives long is freed without it, since
    it holds no cycles by the time that it is over: `chatd.server.connection.ChatConnection.let_go`.
    `chatd.server.collector` looks at the rest once in a while.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, NEVER)


@contextmanager
def loading() -> Iterator[None]:
    """Have the collector pass over all that is loaded meanwhile, for good.

    What was needed for that alone is given back to the system.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(KEPT_BYTES)
