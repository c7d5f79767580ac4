"""Listing: names in their order, so that a page of them costs no look at all of them (P6)."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import islice

from chatd.chat.channel_modes import is_unlisted
from chatd.chat.names import ROOM_SIGN
from chatd.chat.rules import Kind
from chatd.chat.state import Room


class Order:
    """Names in their order, each of them once; while all is loaded, up to `sort`, in any order."""

    __slots__ = ("_names", "_ordered")

    def __init__(self) -> None:
        self._names: list[str] = []
        self._ordered = False

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str) -> None:
        """Take ``name`` in, which is not there."""
        if self._ordered:
            insort(self._names, name)
        else:
            self._names.append(name)

    def drop(self, name: str) -> None:
        """Let ``name`` go, which is there."""
        self.sort()
        del self._names[bisect_left(self._names, name)]

    def sort(self) -> None:
        """Bring the names into their order, which they keep from then on."""
        if not self._ordered:
            self._ordered = True
            self._names.sort()

    def behind(self, after: str) -> Iterator[str]:
        """Yield the names behind ``after``; none may come or go meanwhile."""
        return islice(self._names, bisect_right(self._names, after), None)


class Listing:
    """The names of rooms that are no direct messages and not deleted: private and unlisted ones apart."""

    def __init__(self) -> None:
        self._open = Order()
        self._private = Order()
        self._places: dict[Room, tuple[Order, str]] = {}

    def put(self, room: Room) -> None:
        """Note the name and the kind that ``room`` has now."""
        self.drop(room)
        if room.name.startswith(ROOM_SIGN) and room.rules.kind != Kind.DELETED:
            hidden = room.rules.kind == Kind.PRIVATE or is_unlisted(room)
            order = self._private if hidden else self._open
            self._places[room] = (order, room.name)
            order.add(room.name)

    def drop(self, room: Room) -> None:
        """Forget ``room``."""
        if room in self._places:
            order, name = self._places.pop(room)
            order.drop(name)

    def sort(self) -> None:
        """Bring the names into their order: all is loaded."""
        self._open.sort()
        self._private.sort()

    def open(self, after: str) -> Iterator[str]:
        """Yield the names behind ``after`` of the rooms that everybody may know of."""
        return self._open.behind(after)

    def private(self, after: str) -> Iterator[str]:
        """Yield the names behind ``after`` of the private rooms."""
        return self._private.behind(after)
