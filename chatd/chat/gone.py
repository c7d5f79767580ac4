"""Gone: what is left of deleted rooms, by the names that they had."""

from collections.abc import Iterator
from typing import Final

from chatd.chat.names import ROOM_SIGN
from chatd.chat.state import Room

GONE_SIGN: Final = "!"
"""What is left of a room is called by this, its number, and the name that the room had.

Versions that kept nothing of a deleted room but its events called it by its number alone."""


def gone_name(number: int, name: str) -> str:
    """Return what is left of room ``name``, whose log has ``number``, is called by."""
    return f"{GONE_SIGN}{number}{name}"


def former_name(name: str) -> str:
    """Return the name that a deleted room had which is called ``name`` now; nothing if it is not known."""
    return "".join(name.partition(ROOM_SIGN)[1:])


class Gone:
    """The deleted rooms of which something is left. A name may have been that of several, one by one."""

    def __init__(self) -> None:
        self._names: dict[Room, str] = {}
        self._rooms: dict[str, list[Room]] = {}

    def add(self, room: Room) -> None:
        """Note ``room`` if it is called as a deleted one."""
        if room.name.startswith(GONE_SIGN):
            name = self._names[room] = former_name(room.name)
            self._rooms.setdefault(name, []).append(room)

    def drop(self, room: Room) -> None:
        """Forget ``room`` if it is one of these."""
        name = self._names.pop(room, None)
        if name is not None:
            self._rooms[name].remove(room)
            if not self._rooms[name]:
                del self._rooms[name]

    def named(self, name: str) -> list[Room]:
        """Return the rooms that were called ``name``, the latest first."""
        return self._rooms.get(name, [])[::-1]

    def __iter__(self) -> Iterator[Room]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
