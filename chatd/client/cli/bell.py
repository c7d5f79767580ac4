"""The bell: it rings for what is said to us, or for all that is said, as a person wishes."""

from collections.abc import Callable
from typing import Final

from chatd.client.cli.console import Reactor
from chatd.wire.messages import Event

PAUSE: Final = 1.0
"""Seconds from one ring to the next, at the least."""


REMEMBERED: Final = 1000
"""Messages of which it is remembered whether they mention us."""


class Calls:
    """Knows which events mention us that did not before: an edit may do so anew, once.

    Where what it edits was never here, the server's count of mentions says it. The client's own may be ahead
    of what has been told, so that it is followed here.
    """

    def __init__(self) -> None:
        self._meant: dict[tuple[str, int], bool] = {}
        self._mentions: dict[str, int] = {}
        self._unsure: set[str] = set()

    def begin(self, room: str, mentions: int) -> None:
        """Note that there are so many unread ``mentions`` of us in ``room``."""
        self._mentions[room] = mentions

    def said(self, event: Event, *, meant: bool) -> None:
        """Note that ``event`` says something, and whether we are ``meant``."""
        self._remember(event.room, event.seq, meant=meant)
        if meant:
            self._mentions[event.room] = self._mentions.get(event.room, 0) + 1

    def edited(self, event: Event, *, meant: bool) -> bool:
        """Return whether ``event`` mentions us and what it edits has not; `counted` may tell that later."""
        before = self._meant.get((event.room, event.ref))
        if before is None and meant:
            self._unsure.add(event.room)
        if before is not None:
            self._remember(event.room, event.ref, meant=meant)
        return meant and before is False

    def counted(self, room: str, mentions: int) -> bool:
        """Return whether an edit was it by which the server counts so many ``mentions`` in ``room``."""
        before, self._mentions[room] = self._mentions.get(room, 0), mentions
        unsure = room in self._unsure
        self._unsure.discard(room)
        return unsure and mentions > before

    def _remember(self, room: str, seq: int, *, meant: bool) -> None:
        self._meant[room, seq] = meant
        if len(self._meant) > REMEMBERED:
            del self._meant[next(iter(self._meant))]


class Ringer:
    """Rings by ``ring`` for what ``bell`` says: see `chatd.client.cli.settings.Settings`."""

    def __init__(self, reactor: Reactor, bell: str, ring: Callable[[], None]) -> None:
        self._reactor = reactor
        self._bell = bell
        self._ring = ring
        self._last = float("-inf")

    def said(self, *, to_us: bool) -> None:
        """Ring for what somebody else has said, maybe ``to_us``."""
        now = self._reactor.seconds()
        wanted = self._bell == "all" or (self._bell == "mentions" and to_us)
        if wanted and now - self._last >= PAUSE:
            self._last = now
            self._ring()
