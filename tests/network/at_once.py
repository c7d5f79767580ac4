"""Tests that mostly wait, each a coroutine: those that were chosen are all played at once, at the first one.

Each has a network of its own. What it tells is printed in its turn, and its failure is its own.
"""

import asyncio
import inspect
import signal
from collections.abc import Coroutine, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.network.lab import namespaces

AT_ONCE: Final = 8
"""Tests that play at the same time: with more they would wait for a processor, not for packets."""

_HERE: Final = Path(__file__).parent

_told: ContextVar[list[str]] = ContextVar("told")


@dataclass(slots=True)
class Outcome:
    """What a test told, and what it failed with."""

    told: list[str]
    error: BaseException | None


Outcomes = dict[str, Outcome]

_OUTCOMES: Final = pytest.StashKey[Outcomes]()


def tell(*words: str) -> None:
    """Print it in the turn of the test that plays here, as what it measured."""
    _told.get().append("; ".join(words))


def is_one(item: pytest.Item) -> bool:
    """Return whether ``item`` is a test of this folder that is played with others; it wants no fixtures."""
    return item.path.parent == _HERE and inspect.iscoroutinefunction(getattr(item, "obj", None))


def outcome_of(item: pytest.Item) -> Outcome:
    """Return what came of the test ``item``; where it is the first one, all are played."""
    stash = item.session.stash
    if _OUTCOMES not in stash:
        stash[_OUTCOMES] = asyncio.run(_play_all(list(filter(is_one, item.session.items))))
    return stash[_OUTCOMES][item.nodeid]


async def _play_all(items: list[pytest.Item]) -> Outcomes:
    told: list[list[str]] = [[] for _ in items]

    async def one(item: Any, words: list[str]) -> None:
        _told.set(words)
        await item.obj(**item.callspec.params if hasattr(item, "callspec") else {})

    errors = await all_of(map(one, items, told), AT_ONCE)
    return {item.nodeid: Outcome(*came) for item, *came in zip(items, told, errors, strict=True)}


async def all_of(scenes: Iterable[Coroutine[Any, Any, Any]], most: int) -> list[Any]:
    """Return what ``scenes`` came to, or what they failed with; ``most`` of them play at the same time.

    Nothing that they made is left, also where the process is asked to end.
    """
    namespaces.sweep()
    places = asyncio.Semaphore(most)

    async def one(scene: Coroutine[Any, Any, Any]) -> Any:
        async with places:
            return await scene

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await asyncio.gather(*map(one, scenes), return_exceptions=True)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        namespaces.sweep()
