"""Paths that swallow large packets: how large our segments to a host may be, and who gets smaller ones.

Many tunnels carry smaller packets than the networks around them, and some drop what is larger without a
word. Then a peer's small packets come, and nothing large that we send is ever taken. Routers may take such
packets apart if we allow it, which helps the connection that there is. If that does not help, the next
connection of the host has smaller segments. No peer has to do anything for that but to come back.

All times are monotonic seconds; nothing here asks the system.
"""

from enum import Enum
from typing import Final

from chatd.tcp import Flow

LADDER: Final = (0, 1200, 500)
"""Bytes of a segment at the most, 0 for no bound of ours: what fits into 1,280 bytes of IPv6, 576 of IPv4."""

REPEATS: Final = 2
"""Times that the system repeats what it sent, after which a connection counts as clogged."""

VAIN: Final = 2
"""Repetitions after which fragments do not help either."""

PATIENCE: Final = 3.0
"""Seconds for which fragments are tried at the least before a clogged connection is ended."""

YOUNG: Final = 20.0
"""Seconds from its beginning in which a connection that clogs may never have brought anything large."""

LATER: Final = 5.0
"""Seconds to the next look at an older connection on which something is under way and nothing repeated."""

TERM: Final = 600.0
"""Seconds for which it is remembered what helps a host: its network may be another one then."""

MOST: Final = 4096
"""Hosts that are remembered; the one of which there was no news for longest is forgotten first."""


class Step(Enum):
    """What a look at a connection asks for."""

    NOTHING = "nothing"
    LOOK_AGAIN = "look again"
    LOOK_LATER = "look later"
    ALLOW_FRAGMENTS = "allow fragments"
    END = "end"


class _Known:
    """What is known of the way to a host, until the second ``until``."""

    __slots__ = ("fragments", "segment", "until")

    def __init__(self) -> None:
        self.segment = 0
        self.fragments = False
        self.until = 0.0


class Paths:
    """What is known of the ways to hosts where something was swallowed."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def begin(self, host: str, now: float) -> "Course":
        """Return the course of a new connection to ``host``."""
        return Course(self, host, now)

    def ordinary(self, host: str, opened: float) -> "Course":
        """Return the course of a connection to ``host`` on which nothing was thought of since ``opened``."""
        course = Course(self, host, opened)
        course.segment, course.fragments = LADDER[0], False
        return course

    def knows(self, host: str) -> bool:
        """Return whether something was swallowed on the way to ``host``, not too long ago."""
        return host in self._known

    def look_up(self, host: str, now: float) -> tuple[int, bool]:
        """Return how large segments to ``host`` may be, 0 for any, and whether fragments are allowed."""
        known = self._known.get(host)
        if known is None:
            return LADDER[0], False
        if now >= known.until:
            del self._known[host]
            return LADDER[0], False
        return known.segment, known.fragments

    def stalled(self, host: str, segment: int, now: float) -> None:
        """Note that segments of ``segment`` bytes are swallowed on the way to ``host``."""
        known = self._renew(host, now)
        known.fragments = True
        smaller = LADDER[min(LADDER.index(segment) + 1, len(LADDER) - 1)]
        known.segment = min(known.segment or smaller, smaller)

    def passed(self, host: str, segment: int, now: float) -> None:
        """Note that segments of ``segment`` bytes, of which some had seemed to be swallowed, came through."""
        self._renew(host, now).segment = segment

    def _renew(self, host: str, now: float) -> _Known:
        known = self._known.pop(host, None)
        if known is None or now >= known.until:
            known = _Known()
        known.until = now + TERM
        self._known[host] = known
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return known


def calm(flow: Flow, age: float, *, opening: bool) -> Step:
    """Return what to do for a connection of so many seconds on which nothing seems to be swallowed."""
    if not flow.waiting:
        return Step.NOTHING
    return Step.LOOK_LATER if not (flow.repeats or opening) and age >= YOUNG else Step.LOOK_AGAIN


class Course:
    """How what is sent to ``host`` gets through, over one connection that was opened at ``now``.

    Its segments have ``segment`` bytes at the most, 0 for any.
    """

    __slots__ = ("_clogged", "_counted", "_opened", "_paths", "_repeats", "fragments", "host", "segment")

    def __init__(self, paths: Paths, host: str, now: float) -> None:
        self.host = host
        self.segment, self.fragments = paths.look_up(host, now)
        self._paths = paths
        self._opened = now
        self._clogged: float | None = None
        self._repeats = 0
        self._counted = False

    def renew(self, now: float) -> None:
        """Take in what was learned of the host since, unless what was sent here is clogged already."""
        if self._clogged is None:
            self.segment, self.fragments = self._paths.look_up(self.host, now)

    def look(self, flow: Flow, now: float, *, opening: bool) -> Step:
        """Return what to do; ``opening`` is whether nothing would be lost with the connection.

        A connection that may have been cut is left to the heartbeat: to be ended, it has to bring bytes while
        ours are not taken.
        """
        if flow.repeats < (REPEATS if self._clogged is None else self._repeats):
            self._flows(now)
            return calm(flow, now - self._opened, opening=opening)
        if not flow.waiting:  # the connection has ended
            return Step.NOTHING
        began = self._clogged is None
        if began:
            self._clogged, self._repeats = now, flow.repeats
        speaks = self._clogged is not None and now - flow.silence > self._clogged
        if not self._counted and (speaks or now - self._opened < YOUNG):
            self._counted = True
            self._paths.stalled(self.host, self.segment, now)
        if began and not self.fragments:
            self.fragments = True
            return Step.ALLOW_FRAGMENTS
        if (speaks or opening) and self._in_vain(flow, now):
            return Step.END
        return Step.LOOK_AGAIN

    def _in_vain(self, flow: Flow, now: float) -> bool:
        """Return whether fragments did not help, and the next connection has smaller segments."""
        smaller, _ = self._paths.look_up(self.host, now)
        return (
            self._clogged is not None
            and now - self._clogged >= PATIENCE
            and flow.repeats >= self._repeats + VAIN
            and 0 < smaller < (self.segment or LADDER[1] + 1)
        )

    def _flows(self, now: float) -> None:
        if self._clogged is not None:
            self._clogged = None
            if self._counted:
                self._counted = False
                self._paths.passed(self.host, self.segment, now)
