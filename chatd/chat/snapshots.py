"""Snapshots: the keys of a large dictionary at one moment, for whoever goes through it in many turns.

They are in one piece of memory that the garbage collector does not look into. A list of all rooms or users is
looked at as a whole whenever it looks at what is young, which holds the reactor for as long as a hundred
thousand references take (P6). What a key stands for may be gone by the time that it is reached.
"""

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

DIGEST: Final = 32
"""Bytes of a digest (SHA-256)."""


def numbers_of(keys: Iterable[int]) -> "array[int]":
    """Return all of ``keys``."""
    return array("q", keys)


def digests_of(keys: Iterable[bytes]) -> Iterator[bytes]:
    """Return an iterator of all of ``keys``, as they are now."""
    return _cut(b"".join(keys))


def _cut(digests: bytes) -> Iterator[bytes]:
    return (digests[begin : begin + DIGEST] for begin in range(0, len(digests), DIGEST))
