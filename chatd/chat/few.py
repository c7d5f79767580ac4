"""Few: a set for which mostly one thing or two are kept, and no table is worth its memory."""

from typing import TypeVar

T = TypeVar("T")


class Few(list[T]):
    """A list in which nothing is twice."""

    __slots__ = ()

    def add(self, one: T) -> None:
        """Add ``one``, unless it is there."""
        if one not in self:
            self.append(one)

    def discard(self, one: T) -> None:
        """Remove ``one``, if it is there."""
        if one in self:
            self.remove(one)
