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

    ``times`` are those of the first event seen of each room, in seconds since 1970. What outlives the process
    are these cursors or, ``by_hand``, those behind what the program says that it has `done`.
    """

    __slots__ = ("_changed", "_done", "_trails", "cursors", "times")

    def __init__(
        self,
        cursors: Mapping[str, int],
        trails: Mapping[str, Trail] = MappingProxyType({}),
        times: Mapping[str, int] = MappingProxyType({}),
        *,
        by_hand: bool = False,
    ) -> None:
        self.cursors: dict[str, int] = dict(cursors)
        self.times: dict[str, int] = dict(times)
        self._trails: dict[str, Trail] = dict(trails)
        self._changed: dict[str, None] = {}
        self._done: dict[str, int] | None = dict(cursors) if by_hand else None

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
        if self._done is None:
            self._changed[room] = None

    def done(self, room: str, seq: int) -> None:
        """Note that the program has done what it wants to do about the events of ``room`` up to ``seq``."""
        if self._done is not None and room in self.cursors:
            self._done[room] = max(self._done.get(room, 0), min(seq, self.cursors[room]))
            self._changed[room] = None

    def move(self, room: str, seq: int) -> None:
        """Move the cursor of ``room``, without an event."""
        self.cursors[room] = seq
        if self._done is not None:
            self._done.setdefault(room, seq)
        self._changed[room] = None

    def cut(self, room: str, seq: int) -> None:
        """Forget what was seen of ``room`` behind event ``seq``: it is not in the log any more."""
        self._trails[room] = self.trail(room).cut(seq)
        if self._done is not None and self._done.get(room, 0) > seq:
            self._done[room] = seq
            self._changed[room] = None

    def forget(self, room: str) -> None:
        """Forget everything of ``room``."""
        self._trails.pop(room, None)
        self.times.pop(room, None)
        if self._done is not None:
            self._done.pop(room, None)
        if self.cursors.pop(room, None) is not None:
            self._changed[room] = None

    def forget_all(self) -> None:
        """Forget everything."""
        self._changed.update(dict.fromkeys(self.cursors))
        self.cursors.clear()
        self._trails.clear()
        self.times.clear()
        if self._done is not None:
            self._done.clear()

    def changed(self) -> dict[str, tuple[int | None, Trail]]:
        """Return what is to outlive the process and changed since the last call: cursors with their trails.

        The cursor is None where it is forgotten.
        """
        kept = self.cursors if self._done is None else self._done
        changed = {room: (kept.get(room), self.trail(room)) for room in self._changed}
        self._changed.clear()
        if self._done is None:
            return changed
        return {room: (seq, trail.cut(seq or 0)) for room, (seq, trail) in changed.items()}
