"""The journal: what keeps the records of all nodes in one order, and what may come of an append to it."""

from collections.abc import Callable, Sequence
from typing import Protocol


class JournalError(Exception):
    """The journal has not taken a record, and never will. One sentence says why."""


class ReplacedError(JournalError):
    """Another node's record stands where this one was to stand: that node leads now."""


class LostError(JournalError):
    """The journal has fewer records than it has acknowledged."""


Outcome = int | JournalError
"""The position of the last part of what was appended, or why nothing of it was."""


class Journal(Protocol):
    """One stream of messages with positions 1, 2, 3, … that are durable on more than half of the machines.

    ``limit`` is how many bytes a message may have.
    """

    @property
    def limit(self) -> int:
        """Return how many bytes a message may have."""

    def append(self, parts: Sequence[bytes], expected: int, done: Callable[[Outcome], None]) -> None:
        """Add ``parts`` right behind position ``expected``, all of them or none; then call ``done``.

        It is called in the reactor's thread once the outcome is certain, however long that takes, and never
        for want of an answer.
        """
