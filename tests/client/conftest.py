"""Daemons, in memory and real ones, and clients of them."""

from collections.abc import Callable, Iterator

import pytest

from chatd.client.api import Client
from chatd.testing import Playground
from tests.client.commands import chatc, run
from tests.client.entering import MemoryWay, make_client
from tests.disks import small_disk
from tests.end_to_end.harness.fixtures import daemon, make_daemon

__all__ = ["chatc", "daemon", "enter", "make_daemon", "run", "small_disk", "world"]


@pytest.fixture
def world() -> Playground:
    """Return a playground whose daemon has started."""
    playground = Playground()
    playground.start_server()
    return playground


@pytest.fixture
def speaks() -> str:
    """Return what clients and the daemon speak with each other."""
    return "native"


@pytest.fixture
def enter(world: Playground, speaks: str) -> Iterator[Callable[..., Client]]:
    """Return a function that starts clients; they are stopped at the end."""
    made: list[Client] = []

    def enter(nick: str, *rooms: str, **how: object) -> Client:
        how.setdefault("way", MemoryWay(world, speaks))
        made.append(make_client(world, nick, *rooms, **how))
        made[-1].start()
        return made[-1]

    yield enter
    for client in made:
        client.stop()
    world.advance(3)
