"""The record of a connection: what operators ask when somebody complains, kept small while it lives (P5)."""

from array import array
from collections.abc import Iterator
from typing import Final

from chatd.chat.arrival import Arrival

SAMPLES: Final = 16
"""Round trips that are kept of one connection: when there are more, every second one is let go."""

MAX_CODES: Final = 8
"""Kinds of refusals that are counted by their code; further ones are counted together."""


class Record:
    """What is noted of one connection beside its bytes; ``nick`` is "" while nobody was let in.

    ``missed`` counts the intervals in which a silent peer had not answered the ping of the one before,
    ``lag`` is the greatest number of events that waited for it.
    """

    __slots__ = (
        "_every",
        "_skipped",
        "_trips",
        "account",
        "lag",
        "missed",
        "nick",
        "refusals",
        "resumed",
        "session",
        "software",
    )

    def __init__(self) -> None:
        self.nick = self.software = ""
        self.account = self.resumed = False
        self.session: int | None = None
        self.missed = self.lag = 0
        self.refusals: dict[str, int] | None = None
        self._trips: array[float] | None = None
        self._every = 1
        self._skipped = 0

    def entered(self, arrival: Arrival) -> None:
        """Note who was let in."""
        session = arrival.session
        self.session, self.nick, self.resumed = session.id, session.user.nick, arrival.resumed
        self.account, self.software = session.user.account is not None, session.software

    def refused(self, code: str) -> None:
        """Count that something was refused."""
        known = self.refusals
        if known is None:
            known = self.refusals = {}
        elif code not in known and len(known) >= MAX_CODES:
            code = "other"
        known[code] = known.get(code, 0) + 1

    @property
    def keeps_next(self) -> bool:
        """Return whether the next `sample` keeps its round trip."""
        return self._skipped + 1 >= self._every

    def sample(self, age: float, trip: float | None, lag: int) -> None:
        """Note a round ``trip`` of so many seconds, at the connection's ``age``, and how far it lags."""
        self.lag = max(self.lag, lag)
        self._skipped += 1
        if trip is None or self._skipped < self._every:
            return
        self._skipped = 0
        trips = self._trips
        if trips is None:
            trips = self._trips = array("f")
        trips.extend((age, trip))
        if len(trips) > 2 * SAMPLES:
            kept = [number for at in range(0, len(trips), 4) for number in trips[at : at + 2]]
            self._trips, self._every = array("f", kept), 2 * self._every

    def trips(self) -> Iterator[tuple[float, float]]:
        """Yield the round trips that were kept, each with the connection's age then."""
        trips = self._trips or array("f")
        for at in range(0, len(trips), 2):
            yield round(trips[at], 1), round(trips[at + 1], 4)
