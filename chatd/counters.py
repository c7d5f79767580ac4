"""Counters: what the daemon has done since it started, in plain numbers that every page of figures reads.

The parts that do something count it here, once per batch, read or connection and never once per follower.
Whoever shows figures reads them: `chatctl status`, and a page of metrics.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of durations, in seconds; longer ones are counted beyond them."""

SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
"""Upper bounds of numbers, such as the events of one commit."""


class Histogram:
    """Counts values by the least of ``bounds`` that is not below them; the last count is beyond all bounds.

    One thread observes; others may read.
    """

    __slots__ = ("bounds", "counts", "most", "number", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.number = 0
        self.total = 0.0
        self.most = 0.0

    def observe(self, value: float) -> None:
        """Count ``value``."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.number += 1
        self.total += value
        self.most = max(self.most, value)

    def quantile(self, part: float) -> float:
        """Return a bound that ``part`` of the values are not above; the greatest value if there is none."""
        wanted = part * self.number
        seen = 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen and seen >= wanted:
                return min(bound, self.most)
        return self.most


class Counters:
    """The daemon's counts since it started.

    ``connections`` are those opened, ``entered`` counts hellos let in by whether they resumed, ``ended``
    connections by their reason, ``refused`` refusals of connections by their code. ``messages`` came from
    clients, ``pings`` went to connections that were silent for an interval, ``events`` were committed,
    ``deliveries`` are events handed to followers at the head. Bytes are those of the connections, above TLS.
    ``commit_events`` are the events of each commit, ``commit_seconds``
    how long it took from being handed over until it was heard of. ``stalls`` are seconds by which the
    reactor was late. ``clock_steps`` counts how often the wall clock was set, ``dropped_lines`` lines that
    the log could not take, ``failed_accepts`` connections that the system gave no descriptor for.
    ``hook_posts`` counts posts of hooks by what became of them, ``hook_deliveries`` what hooks were told.
    ``log_error`` is why the log cannot be written now, "" if it can.
    ``room_events`` counts the events of each log, by its id, since ``room_events_since`` (monotonic seconds);
    ``room_events_before`` those of the minute before.
    """

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "clock_steps",
        "commit_events",
        "commit_seconds",
        "commits",
        "connections",
        "deliveries",
        "dropped_lines",
        "ended",
        "entered",
        "events",
        "failed_accepts",
        "failed_commits",
        "hook_deliveries",
        "hook_posts",
        "log_error",
        "messages",
        "pings",
        "refused",
        "room_events",
        "room_events_before",
        "room_events_since",
        "stalls",
    )

    def __init__(self) -> None:
        self.connections = self.messages = self.events = self.deliveries = self.pings = 0
        self.bytes_in = self.bytes_out = 0
        self.commits = self.failed_commits = 0
        self.clock_steps = self.dropped_lines = self.failed_accepts = 0
        self.log_error = ""
        self.entered: Counter[bool] = Counter()
        self.ended: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.hook_posts: Counter[str] = Counter()
        self.hook_deliveries: Counter[str] = Counter()
        self.commit_events = Histogram(SIZES)
        self.commit_seconds = Histogram(SECONDS)
        self.stalls = Histogram(SECONDS)
        self.room_events: Counter[int] = Counter()
        self.room_events_before: Counter[int] = Counter()
        self.room_events_since = 0.0
