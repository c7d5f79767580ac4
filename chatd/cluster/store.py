"""The store of a node: what is appended is durable once the journal has it, and is in the local store then.

The local store holds what this node has taken in of the journal, with the place of the last record in the
same transaction. Everything is read there. What a power cut takes from its end is taken in again.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Protocol

from chatd.chat.storage import Changes, Mark, Store, StoreError
from chatd.chat.told import NOTHING_TOLD
from chatd.cluster.journal import Journal, JournalError, Outcome
from chatd.cluster.records import Place, Record, RecordError, cut, digest_of, encoded
from chatd.counters import SECONDS, Histogram

Done = Callable[[Exception | None], None]


class NodeListener(Protocol):
    """Hears what becomes of the node."""

    def replaced(self, error: JournalError) -> None:
        """Hear that this node leads no more: another one's record came instead of its own."""

    def settled(self) -> None:
        """Hear that no record is on its way any more."""

    def broken(self, error: Exception) -> None:
        """Hear that this node cannot go on: its store lacks what all others have."""


class ReplicatedStore:
    """A `chatd.chat.storage.Store` over ``local``, which stands at the mark that it was loaded with.

    It leads in ``epoch`` from `lead` on, and only then takes what is appended. Until then, and after it was
    replaced, it takes in what others have decided (`take`). One record at a time is on its way.
    """

    def __init__(self, local: Store, mark: Mark, journal: Journal, listener: NodeListener) -> None:
        self.place = Place.of(mark.place)
        self.epoch = 0
        self.syncs = Histogram(SECONDS)
        self._effect = mark.effect
        self._local = local
        self._journal = journal
        self._listener = listener
        self._waiting: deque[tuple[Changes, Done]] = deque()
        self._busy = False
        self._broken: Exception | None = None
        self.load, self.read, self.size_of = local.load, local.read, local.size_of
        self.look, self.facts, self.search = local.look, local.facts, local.search
        self.space, self.vacuum, self.beat, self.close = local.space, local.vacuum, local.beat, local.close

    # ---- the leader ---------------------------------------------------------------------------------

    def lead(self, epoch: int, done: Done) -> None:
        """Open ``epoch`` with a record that has nothing else in it; call ``done`` with None if that is in.

        All that was in the journal has to be taken in before. From then on no record of an earlier leader
        comes in any more.
        """
        self.epoch = epoch
        self.append(Changes(), done)

    @property
    def busy(self) -> bool:
        """Return whether a record is on its way, so that no other one can be taken in."""
        return self._busy

    def resign(self) -> None:
        """Lead no more. What is on its way still gets its outcome; what waits behind it fails."""
        self.epoch = 0
        while self._waiting:
            self._waiting.popleft()[1](StoreError("This node leads no more; another one decides."))

    def append(self, changes: Changes, done: Done) -> None:
        """Have the journal take ``changes``, then the local store; call ``done`` with None or the error.

        Raises `StoreError` if this node does not lead.
        """
        if not self.epoch:
            raise StoreError("This node does not lead; another one decides.")
        self._waiting.append((changes, done))
        self._next()

    def _next(self) -> None:
        if self._busy or self._broken is not None or not self._waiting:
            return
        changes, done = self._waiting.popleft()
        place = self.place
        try:
            told = NOTHING_TOLD if changes.told is None else changes.told()
            data = encoded(Record(place.number + 1, self.epoch, place.digest, self._effect, changes, told))
        except Exception as error:  # noqa: BLE001 - whatever prevented the commit, the batch has failed
            done(error)
            self._next()
            return
        self._busy = True
        parts = cut(data, self._journal.limit)
        acknowledged = partial(self._acknowledged, changes, data, self.epoch, monotonic(), done)
        self._journal.append(parts, place.position, acknowledged)

    def _acknowledged(
        self, changes: Changes, data: bytes, epoch: int, began: float, done: Done, outcome: Outcome
    ) -> None:
        if isinstance(outcome, JournalError):
            self._busy, self.epoch = False, 0
            done(outcome)
            self.resign()
            self._listener.replaced(outcome)
            self._listener.settled()
            return
        self.syncs.observe(monotonic() - began)
        place = Place(self.place.number + 1, outcome, epoch, digest_of(data))
        self._write(changes, place, done)

    # ---- everybody ----------------------------------------------------------------------------------

    def take(self, record: Record, data: bytes, position: int, done: Done) -> None:
        """Take in the next ``record`` of another node, with its ``data`` and the position of its last part.

        Call ``done`` with None once it is in the local store; take no further one before. Raises
        `RecordError` if it does not follow what this node has taken in, or if this node leads.
        """
        if self._busy or self.epoch:
            raise RecordError("A record of another node came while this one leads.")
        record.check_behind(self.place, self._effect)
        self._busy = True
        self._write(record.changes, Place(record.number, position, record.epoch, digest_of(data)), done)

    def _write(self, changes: Changes, place: Place, done: Done) -> None:
        mark = Mark(place.text())
        marked = Changes(changes.events, changes.sends, changes.others, mark)
        self._local.append(marked, partial(self._written, place, mark, done))

    def _written(self, place: Place, mark: Mark, done: Done, error: Exception | None) -> None:
        self._busy = False
        if error is not None:
            # The record is durable all the same, so nothing of it may be taken back, nor anything go on.
            self._broken = error
            self._listener.broken(error)
            return
        self.place, self._effect = place, mark.effect
        done(None)
        self._next()
        if not self._busy:
            self._listener.settled()
