"""Listing: the names of rooms in their order, so that a page of them costs no look at all of them (P6)."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import islice

from chatd.chat.names import ROOM_SIGN
from chatd.chat.rules import Kind
from chatd.chat.state import Room


class Listing:
    """The names of rooms that are no direct messages and not deleted: those of private ones apart."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._private: list[str] = []
        self._places: dict[Room, tuple[list[str], str]] = {}
        self._ordered = False

    def put(self, room: Room) -> None:
        """Note the name and the kind that ``room`` has now."""
        if room in self._places:
            names, name = self._places.pop(room)
            self.sort()
            del names[bisect_left(names, name)]
        if room.name.startswith(ROOM_SIGN) and room.rules.kind != Kind.DELETED:
            names = self._private if room.rules.kind == Kind.PRIVATE else self._open
            self._places[room] = (names, room.name)
            if self._ordered:
                insort(names, room.name)
            else:
                names.append(room.name)

    def drop(self, room: Room) -> None:
        """Forget ``room``."""
        if room in self._places:
            names, name = self._places.pop(room)
            self.sort()
            del names[bisect_left(names, name)]

    def sort(self) -> None:
        """Bring the names into their order, which they keep from then on: when all is loaded."""
        if not self._ordered:
            self._ordered = True
            self._open.sort()
            self._private.sort()

    def open(self, after: str) -> Iterator[str]:
        """Yield the names behind ``after`` of the rooms that everybody may know of."""
        return islice(self._open, bisect_right(self._open, after), None)

    def private(self, after: str) -> Iterator[str]:
        """Yield the names behind ``after`` of the private rooms."""
        return islice(self._private, bisect_right(self._private, after), None)
