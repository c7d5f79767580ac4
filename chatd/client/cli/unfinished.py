"""What is unfinished: sends without an answer, and our own messages that are not shown yet.

It goes by the notices alone: the client knows of an answer before those that came with it are told.
"""

from collections.abc import Iterable

from chatd.client.core.notices import (
    Accepted,
    EventSeen,
    GapSeen,
    Notice,
    RoomClosed,
    RoomOpened,
    SendRefused,
)
from chatd.client.values import Sent
from chatd.wire.messages import Ok


class Unfinished:
    """Counts what is to come; false once there is nothing. ``keys`` are sends that wait already."""

    def __init__(self, keys: Iterable[int] = ()) -> None:
        self._keys = set(keys)
        self._shown: dict[str, int] = {}
        self._expected: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._keys) or any(self._shown[room] < seq for room, seq in self._expected.items())

    def sent(self, key: int) -> None:
        """Note that ``key`` is to be answered."""
        self._keys.add(key)

    def heard(self, notice: Notice) -> None:
        """Take note of ``notice``."""
        if isinstance(notice, RoomOpened):
            self._show(notice.room, notice.cursor)
        elif isinstance(notice, EventSeen):
            self._show(notice.event.room, notice.event.seq)
        elif isinstance(notice, GapSeen):
            self._show(notice.room, notice.last)
        elif isinstance(notice, RoomClosed):
            self._shown.pop(notice.room, None)
            self._expected.pop(notice.room, None)
        elif isinstance(notice, (Accepted, SendRefused)):
            self._keys.discard(notice.key)
            if isinstance(notice, Accepted):
                self.expect(notice)

    def _show(self, room: str, seq: int) -> None:
        self._shown[room] = max(seq, self._shown.get(room, 0))

    def expect(self, accepted: Accepted | Sent | Ok) -> None:
        """Note that what was ``accepted`` is to be shown, where its room is."""
        if accepted.seq is not None and accepted.room in self._shown:
            self._expected[accepted.room] = max(accepted.seq, self._expected.get(accepted.room, 0))
