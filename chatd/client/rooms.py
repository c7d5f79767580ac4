"""Rooms as the client sees them: cursors, names, and the count that proves that nothing was missed."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chatd.client.notices import EventSeen, GapSeen, Notice, RoomClosed, RoomOpened
from chatd.client.problems import HoleError
from chatd.wire.messages import Event, Gap, RoomState


@dataclass(slots=True)
class Followed:
    """A room that is followed; ``cursor`` is the last event handed over, ``name`` what people call it."""

    room: str
    name: str
    head: int
    cursor: int
    topic: str = ""
    peer: str = ""


def fold(name: str) -> str:
    """Return the form by which two names are compared (docs/PROTOCOL.md, "Names")."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


Positions = dict[str, int]
"""Per followed room, the last event that one link brought."""


class Rooms:
    """All followed rooms, and the cursors (and names, for people) that outlive links and processes."""

    __slots__ = ("_changed", "cursors", "followed", "names")

    def __init__(self, cursors: Mapping[str, int], names: Mapping[str, str]) -> None:
        self.cursors: dict[str, int] = dict(cursors)
        self.names: dict[str, str] = dict(names)
        self.followed: dict[str, Followed] = {}
        self._changed: set[str] = set()

    def name(self, room: str) -> str:
        """Return what people call ``room``."""
        return self.names.get(room, room)

    def room_of(self, name: str) -> str | None:
        """Return the wire name of the room that people call ``name``, where it is known."""
        folded = fold(name)
        return next((room for room, known in self.names.items() if fold(known) == folded), None)

    def cursor(self, name: str) -> int | None:
        """Return the last event seen of the room that people call ``name``."""
        return self.cursors.get(self.room_of(name) or fold(name))

    def follows(self, positions: Positions, name: str) -> bool:
        """Return whether the link whose positions these are follows the room that people call ``name``."""
        return (self.room_of(name) or fold(name)) in positions

    def missing(self, positions: Positions) -> list[str]:
        """Return the rooms that were followed, or have a cursor, and are not followed on this link."""
        return [room for room in {**self.cursors, **self.followed} if room not in positions]

    def changed_cursors(self) -> dict[str, int | None]:
        """Return the cursors that changed since the last call; None for forgotten ones."""
        changed = {room: self.cursors.get(room) for room in self._changed}
        self._changed.clear()
        return changed

    def forget(self, room: str) -> None:
        """Forget the cursor of ``room``."""
        if self.cursors.pop(room, None) is not None:
            self._changed.add(room)

    def forget_all(self) -> None:
        """Forget every cursor: they counted the events of another server."""
        self._changed.update(self.cursors)
        self.cursors.clear()
        self.followed.clear()

    def opened(self, positions: Positions, state: RoomState) -> Iterable[Notice]:
        """Follow a room on the link whose positions these are; yield what the program should know."""
        room, start = state.room, state.cursor
        name = f"@{state.peer}" if state.peer else room
        positions[room] = start
        self.names[room] = name
        cursor = self.cursors.get(room)
        if cursor is None:
            cursor = self._move(room, start)
        self.followed[room] = Followed(room, name, state.head, cursor, state.topic, state.peer)
        yield RoomOpened(room, name, state.topic, state.head, cursor, state.read, state.peer)
        if start > cursor:
            yield self._skip(room, cursor + 1, start)

    def event(self, positions: Positions, event: Event, session: int) -> EventSeen | None:
        """Return the event if it is news, None if it was seen; raises `HoleError` if one is missing."""
        room, seq = event.room, event.seq
        position = positions.get(room)
        if position is None or seq <= position:
            return None
        if seq != position + 1:
            raise HoleError(f"event {position + 1} of {self.name(room)} is missing")
        positions[room] = seq
        if seq <= self.cursors.get(room, 0):
            return None
        self._move(room, seq)
        followed = self.followed[room]
        followed.cursor = seq
        followed.head = max(followed.head, seq)
        if event.kind in _UPKEEP:
            _UPKEEP[event.kind](followed, event)
            self.names[room] = followed.name
        return EventSeen(event, followed.name, bool(session) and event.session == session)

    def gap(self, positions: Positions, gap: Gap) -> GapSeen | None:
        """Return what of the gap is news."""
        position = positions.get(gap.room)
        if position is None or gap.last <= position:
            return None
        if gap.first > position + 1:
            raise HoleError(f"event {position + 1} of {self.name(gap.room)} is missing")
        positions[gap.room] = gap.last
        cursor = self.cursors.get(gap.room, 0)
        if gap.last <= cursor:
            return None
        return self._skip(gap.room, max(gap.first, cursor + 1), gap.last)

    def closed(self, positions: Positions, room: str) -> RoomClosed | None:
        """Follow ``room`` no longer."""
        positions.pop(room, None)
        name = self.name(room)
        self.forget(room)
        return RoomClosed(room, name) if self.followed.pop(room, None) else None

    def _skip(self, room: str, first: int, last: int) -> GapSeen:
        self._move(room, last)
        followed = self.followed[room]
        followed.cursor = last
        followed.head = max(followed.head, last)
        return GapSeen(room, followed.name, first, last)

    def _move(self, room: str, seq: int) -> int:
        self.cursors[room] = seq
        self._changed.add(room)
        return seq


def _take_topic(followed: Followed, event: Event) -> None:
    followed.topic = event.text


def _take_nick(followed: Followed, event: Event) -> None:
    if followed.peer and fold(followed.peer) == fold(event.by):
        followed.peer = event.text
        followed.name = f"@{event.text}"


_UPKEEP = {"topic": _take_topic, "nick": _take_nick}
