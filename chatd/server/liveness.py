"""Liveness: the measures by which the reaper judges a connection. Times are monotonic seconds.

A peer is judged by the bytes that come from its side, and never by bytes that we did not listen to (P7).
"""

from collections.abc import Callable
from typing import NamedTuple

from chatd.wire.heartbeat import Heartbeat, Verdict


class Traffic(NamedTuple):
    """The system's counts of a connection's bytes.

    ``waiting`` were written and not taken by the peer's system, ``taken`` were, and ``came`` grows with every
    byte that arrives, whether it can be read or not.
    """

    waiting: int
    taken: int
    came: int


class Liveness:
    """The signs of one peer's life, from ``now`` on; ``heartbeat`` judges it.

    ``listening`` is whether the connection is read. Before ``due`` a look would find nothing to do. ``hasty``
    is whether something else than silence may be the reason for the next look.
    """

    __slots__ = ("_came", "_moved", "_since", "_taken", "due", "hasty", "heartbeat", "listening")

    def __init__(self, heartbeat: Heartbeat, now: float) -> None:
        self.heartbeat = heartbeat
        self.listening = self.hasty = True
        self.due = 0.0
        self._since = self._moved = now
        self._taken = self._came = 0

    def forgive(self, now: float) -> None:
        """Begin every count anew: the daemon was not listening."""
        self._since = self._moved = now
        self.heartbeat.forgive(now)

    def listen(self, listening: bool, now: float) -> None:
        """Note whether the connection is read from now on."""
        self.listening = listening
        if listening:
            self.heartbeat.forgive(now)
        else:
            self._moved = now

    def ending(self, now: float) -> None:
        """Begin to wait for the end."""
        self._since = now

    def waited(self, now: float) -> float:
        """Return for how many seconds the hello, or the end, has been awaited."""
        return now - self._since

    def stuck(self, traffic: Traffic, now: float, limit: float) -> bool:
        """Return whether a peer whose transport is full has moved no byte for ``limit`` seconds."""
        return not self._moving(traffic, now) and now - self._moved >= limit

    def quiet(self, now: float) -> bool:
        """Return whether nothing is to be looked at now, since both sides were heard of; say when it is."""
        if self.hasty or not self.listening:
            return False
        self.due = self.heartbeat.quiet_until()
        return self.due > now

    def check(self, traffic: Callable[[], Traffic], now: float) -> Verdict:
        """Return what to do now. A peer whose bytes move is not dead, even if none could be read (P7)."""
        heartbeat = self.heartbeat
        if not self.listening:
            heartbeat.heard(now)  # we do not listen, so nobody is judged by that; pings go on
        silent = heartbeat.silence(now) >= heartbeat.interval
        moving = silent and self._moving(traffic(), now)
        verdict = heartbeat.check(now)
        if moving and verdict is Verdict.DEAD:
            self.due = now + heartbeat.interval
            return Verdict.ALIVE
        self.due = heartbeat.due_at() if silent else heartbeat.quiet_until()
        return verdict

    def _moving(self, traffic: Traffic, now: float) -> bool:
        """Return whether bytes have moved since the last look, though none could be read (P7).

        The peer's system has taken some of a backlog, or bytes came that wait for a lost segment, or for us
        because the transport is full.
        """
        moving = (traffic.waiting > 0 and traffic.taken > self._taken) or traffic.came > self._came
        self._taken, self._came = traffic.taken, traffic.came
        if moving:
            self._moved = now
        return moving
