"""Comparing: finds out whether a log has the events that a client has seen, and else where to go on.

A cursor counts events of one history. After an older copy of the data was restored, the log goes on with
other events under the same numbers. The events that the client has seen are compared by their checks
(`chatd.wire.check`).
"""

from collections.abc import Iterable
from typing import Final

from chatd.chat.log import Log
from chatd.wire import limits
from chatd.wire.messages import Join

NO_TIME: Final = 1000
"""Milliseconds: what a point at event 0 comes to whose client knows no time."""


class TurnedJoin(Join, frozen=True, tag="join"):
    """A join whose log does not have the events that were seen; ``after`` is where to go on."""


class Comparison:
    """Compares the ``trail`` of a client that stands at ``cursor``, numbers with checks, with ``log``.

    A point at event 0 says that the client wants everything that may be new, however much that is; its
    check is the time, in seconds since 1970, at which the client had seen an event already, or 0. Ask
    `wanted` for the event to be read and `learn` its check and time, until nothing is wanted. An event
    that is kept no longer (retention) cannot be compared, unless it was the last one; it is taken for the
    one that was seen. One that was removed has no check: the older ones decide.
    """

    __slots__ = (
        "_at",
        "_cursor",
        "_differs",
        "_everything",
        "_high",
        "_log",
        "_low",
        "_points",
        "_read",
        "_since",
    )

    def __init__(self, log: Log, cursor: int, trail: Iterable[tuple[int, str]]) -> None:
        self._log = log
        self._cursor = cursor
        points = sorted(trail, reverse=True)
        self._everything = bool(points) and points[-1][0] == 0
        self._points = [point for point in points if point[0]]
        self._at = 0
        self._differs = cursor > log.head
        self._read: str | None = None
        self._since = (int(points[-1][1], 16) + 1) * 1000 if self._everything else 0
        self._low, self._high = log.first - 1, log.begun

    def wanted(self) -> int | None:
        """Return the event whose check or time has to be read; None if all is decided."""
        for seq, check in self._points[self._at :]:
            if seq < self._log.first and (seq < self._log.head or self._log.check(seq) is None):
                return None
            known: str | None = None
            if seq <= self._log.head:
                known = self._log.check(seq) if self._read is None else self._read
                if known is None:
                    return seq
                if known == check:
                    return None
            self._differs = self._differs or known != ""
            self._read = None
            self._at += 1
        if self._points and not self._differs:
            return None
        return self._middle() if self._parts_early and self._low < self._high else None

    def _middle(self) -> int:
        """Return the event whose time halves those of which the last one that is old enough is sought."""
        return (self._low + self._high + 1) // 2

    def learn(self, check: str | None, ts: int = 0) -> None:
        """Take the ``check`` and the time of the event that was wanted; None if the event is not there.

        The check is empty if the event was removed.
        """
        if self._at < len(self._points):
            self._read = self._points[self._at][1] if check is None else check
        elif ts < self._since:
            self._low = self._middle()
        else:
            self._high = self._middle() - 1

    @property
    def _parts_early(self) -> bool:
        """Return whether the log ended, when the daemon began, before the oldest event that was seen.

        What it had when the copy was restored was said before the client listened. If the daemon was started
        again since, that is not all that it had then; only the times can tell, if the client knows one.
        """
        oldest = self._points[-1][0] if self._points else self._cursor
        return self._since > NO_TIME and self._log.begun < oldest

    @property
    def turned(self) -> bool:
        """Return whether the client has seen events that this log does not have."""
        return self._differs and (self._everything or bool(self._points))

    @property
    def start(self) -> int:
        """Return the newest event that both have; if there is none, the one before those that may be new.

        The histories part before the oldest event seen then. A log that the daemon began with ends there as a
        rule: its events were said before the client listened. If it was longer, all from that event on is
        new, and maybe some before it.
        """
        if self._at < len(self._points):
            return min(self._cursor, self._points[self._at][0])
        oldest = self._points[-1][0] if self._points else self._cursor
        latest = self._log.head - limits.BACKLOG
        if self._everything:
            begun = self._low if self._parts_early else self._log.begun
            latest = begun if self._log.begun < oldest else min(oldest - 1, latest)
        return max(self._log.first - 1, latest)
