"""A node: takes in what others decide, leads when it is chosen, and goes back to taking in when replaced.

It has no I/O of its own: the engine tells it what comes, in the reactor's thread.
"""

from collections import deque
from functools import partial
from typing import Protocol

from chatd.chat.storage import Mark, Store
from chatd.cluster.journal import Journal, JournalError, ReplacedError
from chatd.cluster.reading import Run
from chatd.cluster.records import Parts, Record, RecordError, decoded
from chatd.cluster.store import ReplicatedStore


class NodeEngine(Journal, Protocol):
    """What a node asks of an engine; see `chatd.cluster.engine.Engine`."""

    def read(self, after: int) -> None:
        """Have the node take in what is behind position ``after``."""

    def go_on(self) -> None:
        """Let the node have the next messages."""

    def campaign(self) -> None:
        """Have the lease as soon as nobody else has it, and hold it."""

    def release(self) -> None:
        """Let another one have the lease; `Node.lost` follows."""


class Member(Protocol):
    """The daemon of a node, as the node sees it."""

    def take_in(self, record: Record) -> None:
        """Take in a record of another node, which is in the store now."""

    def lead(self) -> None:
        """Decide from now on: all that was decided before is taken in."""

    def follow(self) -> None:
        """Decide no more."""

    def end(self, error: Exception) -> None:
        """End: this node cannot go on, and the ``error`` says why."""


class Node:
    """The node with the ``local`` store, which stands at ``mark``; its daemon uses the `store`."""

    def __init__(self, local: Store, mark: Mark, engine: NodeEngine, member: Member) -> None:
        self.store = ReplicatedStore(local, mark, engine, self)
        self.leads = False
        self._engine = engine
        self._member = member
        self._messages: deque[tuple[int, bytes]] = deque()
        self._parts = Parts()
        self._epoch = 0
        self._behind = False
        self._led = False
        self._ended = False
        self._busy = False
        self._waits = False

    # ---- what the engine tells --------------------------------------------------------------------------

    def opened(self) -> None:
        """Begin: read what is not taken in yet, and be ready to lead."""
        self._engine.read(self.store.place.position)
        self._engine.campaign()

    def took(self, run: Run) -> None:
        """Take in messages."""
        self._messages += run
        self._waits = True
        self._go_on()

    def chosen(self, epoch: int) -> None:
        """Lead in ``epoch``, once all is taken in."""
        self._epoch, self._led, self._behind = epoch, False, False
        self._go_on()

    def lost(self) -> None:
        """Lead no more: the lease is over."""
        self._epoch = 0
        self._stop_leading()
        self._engine.campaign()
        self._go_on()

    def failed(self, error: Exception) -> None:
        """End, as the engine cannot go on."""
        self._end(error)

    # ---- what the store tells ---------------------------------------------------------------------------

    def replaced(self, error: JournalError) -> None:
        """Hear that another one's record stands where one of this node was to stand."""
        if not isinstance(error, ReplacedError):
            self._end(error)
            return
        self._behind = True
        self._stop_leading()

    def broken(self, error: Exception) -> None:
        """Hear that the local store lacks what is durable."""
        self._end(error)

    def settled(self) -> None:
        """Hear that no record is on its way any more."""
        self._go_on()

    # ---- what becomes of it -----------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Take in what has come, a record at a time; lead if there is nothing, and this node is to."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._messages and not self.store.busy and not self._ended:
                self._take(*self._messages.popleft())
        finally:
            self._busy = False
        if not (self._messages or self.store.busy or self._ended):
            if self._waits:
                self._waits = False
                self._engine.go_on()
            self._open()

    def _take(self, position: int, part: bytes) -> None:
        store = self.store
        if position <= store.place.position:
            return  # part of a record of this node's own
        if store.epoch:
            self._stop_leading()  # another node leads: its record stands where the next one was to stand
        try:
            data = self._parts.take(part)
            if data is not None:
                record = decoded(data)
                store.take(record, data, position, partial(self._taken, record))
        except RecordError as error:
            self._end(error)

    def _taken(self, record: Record, _: Exception | None) -> None:
        self._behind = False
        self._member.take_in(record)

    def _open(self) -> None:
        """Open the epoch in which this node is to lead, unless it did, or knows that something lacks."""
        if not self._epoch or self._led or self._behind:
            return
        self._led = True
        opened = partial(self._opened, self._epoch)
        self.store.lead(max(self._epoch, self.store.place.epoch + 1), opened)

    def _opened(self, epoch: int, error: Exception | None) -> None:
        if epoch != self._epoch:
            return  # that lease is over
        if error is not None:
            self._led = False  # something came before it, which is to be taken in first
        else:
            self.leads = True
            self._member.lead()

    def _stop_leading(self) -> None:
        self.store.resign()
        if self.leads:
            self.leads = False
            self._member.follow()
            if self._epoch:
                self._engine.release()

    def _end(self, error: Exception) -> None:
        if not self._ended:
            self._ended = True
            self.store.resign()
            self._member.end(error)
