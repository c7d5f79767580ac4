"""The committer: seals one batch per reactor turn, and has one batch at a time on its way to disk.

Everything that is decided in one turn becomes one batch. While a commit is on its way the next batch grows,
so that batches form by themselves under load and no timer is needed.
"""

from collections import deque
from typing import Final, NamedTuple

from chatd.chat.batch import Batch
from chatd.chat.hub import Hub
from chatd.chat.publisher import Publisher
from chatd.chat.storage import Snapshot, Store
from chatd.chat.world import Terms
from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.server.visits import Visits
from chatd.turns import soon

log = Log(__name__)


SLOW: Final = 5.0
"""A commit that takes at least so many seconds is logged."""


REST: Final = 1.0
"""Seconds after a commit that failed until removals of many members go on, which nobody waits for."""

RECENT: Final = 1000
"""Commits whose times are remembered, for whoever asks what became of an event."""


class Commit(NamedTuple):
    """A commit: monotonic seconds at which it was handed to the disk and was durable, and its ``logs``.

    Each of these is a log's id with the first and the last event; ``events`` counts them all.
    """

    sealed: float
    committed: float
    events: int
    logs: tuple[tuple[int, int, int], ...]

    def holds(self, log: int, seq: int) -> bool:
        """Return whether it holds event ``seq`` of a log."""
        return any(one == log and first <= seq <= last for one, first, last in self.logs)


class Committer:
    """Drives a hub: has connections visited, seals its batches, has ``store`` commit them and tells of that.

    ``committing_since`` is the monotonic second since which a batch is on its way to disk, None if none is.
    ``broken`` is whether the last commit has failed.
    """

    def __init__(self, snapshot: Snapshot, terms: Terms, store: Store, clock: Clock) -> None:
        self.hub = Hub(snapshot, terms, self._work)
        self.publisher = Publisher(self.hub.world, self.hub.counters)
        self.committing_since: float | None = None
        self.broken = False
        self.recent: deque[Commit] = deque(maxlen=RECENT)
        self.visits = Visits(clock, self._schedule)
        self._store = store
        self._clock = clock
        self._soon = soon(clock)
        self._scheduled = False
        self._committing = False
        self._resting = False
        if self.hub.world.sweeps:  # as the daemon left them when it ended
            self._schedule()

    @property
    def idle(self) -> bool:
        """Return whether all decisions have been committed and announced."""
        return not (self._scheduled or self._committing)

    @property
    def waiting(self) -> float:
        """Return for how many seconds a batch has been on its way to disk; 0.0 if none is."""
        return 0.0 if self.committing_since is None else self._clock.seconds() - self.committing_since

    def _work(self) -> None:
        if not self._committing:
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._soon(self._turn)

    def _turn(self) -> None:
        """Visit connections, hand a batch to the disk, and meanwhile deliver the growth of the one before."""
        swept = False
        try:
            self.visits.turn()
            if not self._committing:
                swept = bool(self.hub.world.sweeps) and not self._resting and self.hub.sweep()
                self._flush()
            others = self.publisher.deliver()
        finally:
            self._scheduled = False  # what was asked for meanwhile was done, or is looked for now
        if others or self.visits or (not self._committing and (swept or self.hub.world.batch)):
            self._schedule()

    def _flush(self) -> None:
        batch = self.hub.seal()
        if batch is None:
            return
        self._committing = True
        self.committing_since = self._clock.seconds()
        try:
            changes = batch.changes()
            stores = bool(changes)
            if stores:
                self._store.append(changes, lambda error: self._done(batch, error))
        except Exception as error:  # noqa: BLE001 - whatever prevented the commit, the batch has failed
            self._clock.callLater(0, self._done, batch, error)
            return
        if not stores:
            self._committing, self.committing_since = False, None
            self._said(batch)

    def _done(self, batch: Batch, error: Exception | None) -> None:
        now, since = self._clock.seconds(), self.committing_since
        self._committing, self.committing_since = False, None
        self._note_time(0.0 if since is None else now - since)
        if error is None:
            if self.broken:
                self._note_mended()
            self._remember(batch, since, now)
            self._said(batch)
        else:
            self._note_broken(error)
            self._failed(batch)
            self._rest()
        self._go_on()

    def _go_on(self) -> None:
        """Deliver after a commit, at once if nothing else is to be done: a turn would come no sooner."""
        if self._scheduled:
            return
        world = self.hub.world
        if world.batch or world.sweeps or self.publisher.deliver():
            self._schedule()

    def _rest(self) -> None:
        if not self._resting:
            self._resting = True
            self._clock.callLater(REST, self._rested)

    def _rested(self) -> None:
        self._resting = False
        if self.hub.world.sweeps:
            self._schedule()

    def _said(self, batch: Batch) -> None:
        try:
            self.publisher.committed(batch)
        except Exception:  # noqa: BLE001 - one fault must not stop the chat; it is logged with its traceback
            log.failure("commit-fault", None, "Not everybody was told of what was committed.")
        batch.let_go()

    def _failed(self, batch: Batch) -> None:
        try:
            self.publisher.failed(batch, self.hub.seal() or Batch())
        except Exception:  # noqa: BLE001 - as above
            log.failure("commit-fault", None, "Not everybody was told of what was not committed.")
        batch.let_go()

    def _remember(self, batch: Batch, since: float | None, now: float) -> None:
        """Note that ``batch``, which was handed over ``since`` then, is durable ``now``."""
        events, logs = 0, []
        for stored_log, stored in batch.stored.items():
            count = len(stored)
            events += count
            logs.append((stored_log.id, stored_log.head + 1, stored_log.head + count))
        self.hub.counters.commit_events.observe(events)
        if events and since is not None:
            self.recent.append(Commit(since, now, events, tuple(logs)))

    def _note_time(self, took: float) -> None:
        counters = self.hub.counters
        counters.commits += 1
        counters.commit_seconds.observe(took)
        if took >= SLOW:
            log.warn("store-slow", "The disk has kept everybody waiting.", duration=round(took, 3))

    def _note_broken(self, error: Exception) -> None:
        self.hub.counters.failed_commits += 1
        if not self.broken:
            log.error(
                "store-broken", "Nothing can be written; senders are refused until it can.", error=str(error)
            )
        self.broken = True

    def _note_mended(self) -> None:
        self.broken = False
        log.info("store-mended", "Writing works again.")
