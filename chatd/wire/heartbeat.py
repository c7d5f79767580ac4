"""Liveness arithmetic: when to ping, when a peer is dead, how long a round trip takes.

Time comes in as monotonic seconds. The rules are those of docs/PROTOCOL.md, "Heartbeat": a peer is judged
by the bytes received from it alone (P7); a side that has sent nothing for one interval sends a ping, so
that the other has something to judge by.
"""

from enum import Enum


class Verdict(Enum):
    """The outcome of a look at the clock."""

    ALIVE = "alive"
    PING = "ping"
    DEAD = "dead"


class Heartbeat:
    """One side's view of its peer.

    ``interval`` seconds of silence ask for a ping; ``misses`` silent intervals mean dead.
    """

    __slots__ = ("_heard", "_pinged", "_said", "interval", "misses")

    def __init__(self, interval: float, misses: int, now: float) -> None:
        self.interval = interval
        self.misses = misses
        self._heard = now
        self._said = now
        self._pinged = now

    @property
    def limit(self) -> float:
        """Return the seconds of silence after which the peer is dead."""
        return self.interval * self.misses

    def heard(self, now: float) -> None:
        """Note that bytes were received."""
        self._heard = now

    def said(self, now: float) -> None:
        """Note that bytes were sent."""
        self._said = now

    def silence(self, now: float) -> float:
        """Return for how many seconds nothing was received."""
        return now - self._heard

    def due_at(self) -> float:
        """Return when `check` will have something to say, if nothing is heard or said before."""
        return min(self._dead_at(), self._ping_at())

    def quiet_until(self) -> float:
        """Return until when neither side can have been silent for one interval; bytes only make it later."""
        return min(self._heard, self._said) + self.interval

    def forgive(self, now: float) -> None:
        """Begin the silence anew: we were not listening (a stalled reactor, a suspended machine)."""
        self._heard = now

    def check(self, now: float) -> Verdict:
        """Return what to do now. A returned PING counts as said."""
        if now >= self._dead_at():
            return Verdict.DEAD
        if now >= self._ping_at():
            self._said = self._pinged = now
            return Verdict.PING
        return Verdict.ALIVE

    # The same sums serve `check` and `due_at`: differences would round otherwise, and who wakes at `due_at`
    # would find nothing to do yet, and wake again, and again.

    def _dead_at(self) -> float:
        return self._heard + self.limit

    def _ping_at(self) -> float:
        return min(max(self._heard, self._pinged), self._said) + self.interval


class RoundTrip:
    """The measured round trip: smoothed mean and variance, in seconds (RFC 6298 section 2)."""

    __slots__ = ("mean", "variance")

    def __init__(self) -> None:
        self.mean: float | None = None
        self.variance = 0.0

    def measured(self, sample: float) -> None:
        """Take in one measured round trip."""
        if self.mean is None:
            self.mean, self.variance = sample, sample / 2
            return
        self.variance += (abs(self.mean - sample) - self.variance) / 4
        self.mean += (sample - self.mean) / 8

    def patience(self, least: float) -> float:
        """Return after how many seconds an unanswered ping is suspicious, ``least`` at the least."""
        if self.mean is None:
            return least
        return max(least, 4 * (self.mean + self.variance))
