"""Which process gets which tests."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

BUNCH = 8
"""Tests of a file that are given to a process together, if they are not given one by one."""


class _Names(list[str]):
    """The names of all tests, each of which is found at once."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self._places = {name: place for place, name in enumerate(names)}

    def index(self, name: str, *_: Any) -> int:
        """Return the place of ``name``."""
        return self._places[name]


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a group of tests to one process, those that are ``alone`` one by one, and others in bunches.

    While there are tests that ``measure`` delays no more than ``beside`` processes have any, or the machine
    would be measured. Most others wait more than they work: there may be more of them than there are cores.

    What would look through all tests for each of them is replaced: with thousands of tests that costs more
    than many a test.
    """

    def __init__(
        self,
        config: pytest.Config,
        log: Any,
        group_of: Callable[[str], str | None],
        alone: Callable[[str], bool],
        measure: Callable[[str], bool],
        beside: int,
    ) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._group_of = group_of
        self._alone = alone
        self._measure = measure
        self._beside = beside
        self._measuring: set[str] = set()
        self._bunches: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Keep what a process has found."""
        if not self.registered_collections:
            self._measuring = set(filter(self._measure, collection))
        super().add_node_collection(node, collection)
        if node in self.registered_collections:
            self.registered_collections[node] = _Names(collection)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Give the process more to do, and forget a bunch that is done."""
        super().mark_test_complete(node, item_index, duration)
        name = self.registered_collections[node][item_index]
        bunch = self._split_scope(name)
        if all(self.assigned_work[node][bunch].values()):
            del self.assigned_work[node][bunch]
        if name in self._measuring:
            self._measuring.remove(name)
            for one in self.nodes[self._beside :] * 2:  # it begins with two, or with the last
                self._reschedule(one)

    def _waits(self, node: Any) -> bool:
        return bool(self._measuring) and self.nodes.index(node) >= self._beside

    def _assign_work_unit(self, node: Any) -> None:
        if not self._waits(node):
            super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        if not self._waits(node):
            super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid not in self._bunches:
            self._bunches[nodeid] = self._group_of(nodeid) or self._bunch_of(nodeid)
        return self._bunches[nodeid]

    def _bunch_of(self, nodeid: str) -> str:
        if self._alone(nodeid):
            return nodeid
        file = nodeid.partition("::")[0]
        self._counts[file] += 1
        return f"{file} {self._counts[file] // BUNCH}"
