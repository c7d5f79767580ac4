"""Replay: a restored log gives events again; the trail of what was seen tells which of them are news.

The latest events seen are known one by one. Of older ones only some are: what comes is held until the next of
them tells whether all up to it had been seen.
"""

from typing import Final

from chatd.client.core.trail import Trail
from chatd.wire.messages import Event

HELD: Final = 8_192
"""Events that are held at the most; if there are more, they are shown, whether they were seen or not."""


class Replay:
    """What comes of one room behind an event that was seen, until the histories part; ``trail`` was seen.

    ``held`` are the events that came since the last one that is known, each with its check.
    """

    __slots__ = ("_trail", "held")

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self.held: list[tuple[Event, str]] = []

    def take(self, event: Event, check: str, head: int) -> bool | None:
        """Hold ``event``; return whether all that is held had been seen, None while that is not known.

        ``head`` is where the log ends as far as is known: nothing comes behind it that would tell.
        """
        self.held.append((event, check))
        if self._trail.knows(event.seq, check):
            return True
        known = self._trail.has(event.seq) or event.seq > self._trail.last
        return False if known or event.seq >= head or len(self.held) >= HELD else None

    def again(self) -> None:
        """Begin anew: another link brings the events from the cursor on."""
        self.held.clear()
