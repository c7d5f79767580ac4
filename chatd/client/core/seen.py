"""What was seen of the rooms: cursors, and what tells one history from another; it outlives the process."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from chatd.client.core.trail import Trail
from chatd.wire.messages import Event

MAX_SECONDS: Final = 2**32 - 1
"""The latest time that is told, in seconds since 1970: it takes the place of a check."""


class Seen:
    """Per room the cursor, the last event that was handed over, and the trail of those before it.

    ``times`` are those of the first event seen of each room, in seconds since 1970.
    """

    __slots__ = ("_changed", "_trails", "cursors", "times")

    def __init__(
        self,
        cursors: Mapping[str, int],
        trails: Mapping[str, Trail] = MappingProxyType({}),
        times: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.cursors: dict[str, int] = dict(cursors)
        self.times: dict[str, int] = dict(times)
        self._trails: dict[str, Trail] = dict(trails)
        self._changed: dict[str, None] = {}

    def trail(self, room: str) -> Trail:
        """Return what is known of the events seen of ``room``."""
        return self._trails.get(room) or Trail()

    def take(self, event: Event, check: str) -> None:
        """Note that ``event`` is handed over."""
        room = event.room
        self.cursors[room] = event.seq
        self.note(room, event.seq, check)
        if room not in self.times:
            self.times[room] = min(event.ts // 1000, MAX_SECONDS)

    def note(self, room: str, seq: int, check: str) -> None:
        """Note the check of an event that was seen."""
        self._trails.setdefault(room, Trail()).add(seq, check)
        self._changed[room] = None

    def move(self, room: str, seq: int) -> None:
        """Move the cursor of ``room``, without an event."""
        self.cursors[room] = seq
        self._changed[room] = None

    def cut(self, room: str, seq: int) -> None:
        """Forget what was seen of ``room`` behind event ``seq``: it is not in the log any more."""
        self._trails[room] = self.trail(room).cut(seq)

    def forget(self, room: str) -> None:
        """Forget everything of ``room``."""
        self._trails.pop(room, None)
        self.times.pop(room, None)
        if self.cursors.pop(room, None) is not None:
            self._changed[room] = None

    def forget_all(self) -> None:
        """Forget everything."""
        self._changed.update(dict.fromkeys(self.cursors))
        self.cursors.clear()
        self._trails.clear()
        self.times.clear()

    def changed_cursors(self) -> dict[str, int | None]:
        """Return the cursors that changed since the last call; None for forgotten ones."""
        changed = {room: self.cursors.get(room) for room in self._changed}
        self._changed.clear()
        return changed
