"""Nodes over a stream in memory: each with a store of its own, in a folder, that is driven by the test."""

from pathlib import Path
from typing import Any

from chatd.chat.storage import Changes, Snapshot
from chatd.cluster.records import Parts, decoded
from chatd.cluster.store import ReplicatedStore
from tests.store.driven import Driven


class LocalStore:
    """A store whose appends are done when they return, over one that is driven."""

    def __init__(self, driven: Driven) -> None:
        self._driven = driven
        self.failing: Exception | None = None

    def append(self, changes: Changes, done: Any) -> None:
        done(self.failing or Driven.append(self._driven, changes))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driven.store, name)


class Node:
    """One node over a store of its own."""

    def __init__(self, driven: Driven, stream: Any) -> None:
        self.driven = driven
        self.stream = stream
        self.heard: list[tuple[str, Exception]] = []
        self.local = LocalStore(driven)
        self.store = ReplicatedStore(self.local, driven.store.load().mark, stream, self)

    def replaced(self, error: Exception) -> None:
        self.heard.append(("replaced", error))

    def settled(self) -> None:
        pass

    def broken(self, error: Exception) -> None:
        self.heard.append(("broken", error))

    def append(self, changes: Changes) -> Exception | None:
        """Append ``changes`` and return what became of that."""
        got: list[Exception | None] = []
        self.store.append(changes, got.append)
        return got[0]

    def catch_up(self, last: int | None = None) -> None:
        """Take in what is in the stream and not here yet."""
        parts = Parts()
        for position, part in enumerate(self.stream.messages[:last], 1):
            if position > self.store.place.position and (data := parts.take(part)) is not None:
                got: list[Exception | None] = []
                self.store.take(decoded(data), data, position, got.append)
                assert got == [None]

    def lead(self, epoch: int = 0) -> Exception | None:
        """Take in everything, then lead, in the next epoch if it is not told in which."""
        self.catch_up()
        epoch = epoch or self.store.place.epoch + 1
        got: list[Exception | None] = []
        self.store.lead(epoch, got.append)
        return got[0]

    def load(self) -> Snapshot:
        return self.store.load()


def contents(snapshot: Snapshot) -> tuple[Any, ...]:
    """Return what two nodes must have alike."""
    rows = {kind: sorted(snapshot.rows[kind]) for kind in snapshot.rows}
    return sorted(snapshot.rooms), rows, sorted(snapshot.memberships()), snapshot.time, snapshot.last_user


class Replicated(Driven):
    """A node that passes for a store: it leads at once, and takes in before what it has missed."""

    def __init__(self, folder: Path, stream: Any) -> None:
        super().__init__(folder)
        self.node = Node(self, stream)

    def append(self, changes: Changes) -> Exception | None:
        """Decide ``changes``, which waits for no other node."""
        if not self.node.store.epoch:
            assert self.node.lead() is None
        return self.node.append(changes)
