"""The families of figures, by the names under which Prometheus keeps them.

No label is a room, a user or an address: their number has a bound, whoever comes (P5). Counters count since
the start of the daemon.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from chatd import __version__
from chatd.chat.storage import Space
from chatd.counters import Counters, Histogram
from chatd.metrics.survey import Survey
from chatd.server.server import Server
from chatd.wire.errors import CloseReason

SHARES: Final = (0.5, 0.9, 0.99)
"""A measured time is told as that which so large a share of the sample is not above."""


class Figures:
    """A collector of prometheus_client: what ``server`` has counted, a ``survey``, and the store's ``space``.

    ``ready`` is whether people can come in.
    """

    def __init__(self, server: Server, survey: Survey, space: Space | None, *, ready: bool) -> None:
        self._server = server
        self._survey = survey
        self._space = space
        self._ready = ready

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        yield InfoMetricFamily("chatd", "The program.", {"version": __version__})
        yield gauge("chatd_ready", "Whether people can come in: 1 or 0.", self._ready)
        yield from self._connections()
        yield from _traffic(self._server.counters)
        yield from self._refusals()
        yield from self._commits()
        yield from self._content()
        yield from _troubles(self._server.counters)

    def _connections(self) -> Iterator[Metric]:
        counters, seen = self._server.counters, self._survey
        family = GaugeMetricFamily(
            "chatd_connections", "Connections that are open.", labels=["listener", "state"]
        )
        for (listener, state), number in sorted(seen.states.items()):
            family.add_metric([listener, state], number)
        yield family
        visitors = len(self._server.visitors)
        yield gauge("chatd_web_connections", "Connections over HTTP that speak no chat.", visitors)
        yield gauge("chatd_connections_limit", "limits.max_connections.", self._server.limits.max_connections)
        yield counter("chatd_connections_opened", "Connections that were accepted.", counters.connections)
        logins = CounterMetricFamily("chatd_logins", "Hellos that were welcomed.", labels=["kind"])
        logins.add_metric(["new"], counters.entered[False])
        logins.add_metric(["resumed"], counters.entered[True])
        yield logins
        yield by(
            "chatd_disconnects",
            "Connections that ended, by the reason that the log gives.",
            "reason",
            {**dict.fromkeys(map(str, CloseReason), 0), **counters.ended},
        )
        yield counter(
            "chatd_heartbeat_pings", "Pings to connections that were silent for an interval.", counters.pings
        )
        trips = GaugeMetricFamily(
            "chatd_round_trip_seconds",
            "Round trips that the system measured on a sample of the connections.",
            labels=["share"],
        )
        for part in SHARES:
            trips.add_metric([str(part)], seen.quantile(part))
        yield trips
        yield gauge("chatd_lagging_readers", "Connections that are behind the head of a log.", seen.lagging)
        yield gauge("chatd_lag_events", "Events that these are behind, together.", seen.lag)
        yield gauge("chatd_lag_events_max", "Events that one of these is behind, at the most.", seen.most_lag)
        yield gauge("chatd_delayed_connections", "Connections read slowly: they ask too much.", seen.held)

    def _refusals(self) -> Iterator[Metric]:
        yield by(
            "chatd_refusals",
            "Connections and hellos that were refused, by code; failed TLS handshakes and logins too.",
            "code",
            self._server.counters.refused,
        )
        counters = self._server.counters
        posts = {"accepted": 0, **counters.hook_posts}
        yield by("chatd_hook_posts", "Posts of webhooks, by what became of them.", "outcome", posts)
        told = {"delivered": 0, "failed": 0, **counters.hook_deliveries}
        yield by("chatd_hook_deliveries", "POSTs to webhooks, by their outcome.", "outcome", told)
        yield by(
            "chatd_request_errors",
            "Requests of those inside that were refused, by code.",
            "code",
            self._server.hub.world.refusals,
        )

    def _commits(self) -> Iterator[Metric]:
        counters, store = self._server.counters, self._server.store
        yield counter("chatd_commits_failed", "Commits that failed.", counters.failed_commits)
        yield gauge(
            "chatd_commit_waiting_seconds",
            "Seconds that the commit under way has taken so far; 0 if there is none.",
            self._server.committer.waiting,
        )
        yield histogram("chatd_commit_events", "Events in one commit.", counters.commit_events)
        yield histogram(
            "chatd_commit_seconds",
            "Seconds from the hand-over of a commit to its end.",
            counters.commit_seconds,
        )
        yield histogram("chatd_sync_seconds", "Seconds that the disk took to sync.", store.syncs)
        yield histogram("chatd_stall_seconds", "Seconds by which the reactor was late.", counters.stalls)
        yield gauge(
            "chatd_stall_seconds_max",
            "Seconds by which the reactor was late, at the most.",
            counters.stalls.most,
        )
        if self._space is not None:
            yield gauge("chatd_store_bytes", "Bytes of the database file.", self._space.size)
            yield gauge("chatd_store_free_bytes", "Bytes of it that hold nothing.", self._space.free)
            yield gauge("chatd_store_wal_bytes", "Bytes of the write-ahead log.", self._space.wal)

    def _content(self) -> Iterator[Metric]:
        world, files = self._server.hub.world, self._server.files
        yield gauge("chatd_users", "Users that are known.", len(world.users))
        yield gauge("chatd_sessions", "Sessions that are known.", len(world.sessions))
        yield gauge("chatd_logs", "Rooms, and logs of direct messages.", len(world.rooms))
        if files is not None:
            yield gauge("chatd_files", "Files that are kept.", len(files.sizes))
            yield gauge("chatd_files_bytes", "Bytes of these.", files.used)
            transfers = GaugeMetricFamily(
                "chatd_transfers", "Files that are being transferred.", labels=["direction"]
            )
            transfers.add_metric(["up"], len(files.uploads))
            transfers.add_metric(["down"], len(files.downloads))
            yield transfers


def _troubles(counters: Counters) -> Iterator[Metric]:
    yield counter(
        "chatd_log_dropped_lines", "Lines that the log could not take in time.", counters.dropped_lines
    )
    yield gauge("chatd_log_failing", "Whether the log cannot be written: 1 or 0.", bool(counters.log_error))
    yield counter(
        "chatd_accepts_failed",
        "Connections that the system gave no file descriptor for.",
        counters.failed_accepts,
    )
    yield counter("chatd_clock_steps", "How often the wall clock was set.", counters.clock_steps)


def _traffic(counters: Counters) -> Iterator[Metric]:
    yield counter(
        "chatd_messages", "Messages that clients sent: requests, pings and pongs.", counters.messages
    )
    yield counter("chatd_events", "Events that were committed.", counters.events)
    yield counter(
        "chatd_deliveries", "Events that were handed to followers at the head.", counters.deliveries
    )
    family = CounterMetricFamily("chatd_bytes", "Bytes of the connections, above TLS.", labels=["direction"])
    family.add_metric(["in"], counters.bytes_in)
    family.add_metric(["out"], counters.bytes_out)
    yield family


def gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    """Return a family of one gauge."""
    return GaugeMetricFamily(name, meaning, value=value)


def counter(name: str, meaning: str, value: float) -> CounterMetricFamily:
    """Return a family of one counter, whose sample is called ``name`` with ``_total``."""
    return CounterMetricFamily(name, meaning, value=value)


def by(name: str, meaning: str, label: str, counts: Mapping[Any, int]) -> CounterMetricFamily:
    """Return a family of the ``counts``, whose keys are the values of ``label``."""
    family = CounterMetricFamily(name, meaning, labels=[label])
    for key, number in sorted((str(key), number) for key, number in counts.items()):
        family.add_metric([key], number)
    return family


def histogram(name: str, meaning: str, counted: Histogram) -> HistogramMetricFamily:
    """Return a family of one histogram."""
    buckets, seen = [], 0
    for bound, number in zip((*map(str, counted.bounds), "+Inf"), counted.counts, strict=True):
        seen += number
        buckets.append((bound, float(seen)))
    return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=counted.total)
