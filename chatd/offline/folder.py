"""A data folder that is changed by a command: locked, loaded, changed in one transaction, closed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from chatd.chat.quota import Quota
from chatd.chat.storage import StoreError
from chatd.chat.world import Terms, World
from chatd.store.sqlite import SqliteStore

PATIENCE = 60.0
"""Seconds that a disk may take for the change."""


class Quiet:
    """Hears of the database's room, and says nothing."""

    def converting(self, size: int, written: int) -> None:
        """Pass over it."""

    def converted(self, size: int, freed: int, duration: float) -> None:
        """Pass over it."""

    def not_converted(self, error: str) -> None:
        """Pass over it."""

    def shrunk(self, size: int, freed: int, duration: float) -> None:
        """Pass over it."""

    def erasing_waits(self, duration: float) -> None:
        """Pass over it."""

    def erased(self, duration: float) -> None:
        """Pass over it."""

    def index_failed(self, error: str, lacking: int) -> None:
        """Pass over it."""


@contextmanager
def opened(data: Path) -> Iterator[World]:
    """Give the world that the folder ``data`` holds; what is changed in it is kept at the end.

    Raises `StoreError`: while a daemon uses the folder nobody else can. Root acts as the folder's owner from
    here on, who may not read what is root's own.
    """
    act_as_owner(data)
    results: SimpleQueue[Exception | None] = SimpleQueue()

    def call(done: Callable[..., object], *given: Any) -> None:
        done(*given)

    try:
        store = SqliteStore(data, call, Quiet())
    except StoreError as error:
        raise while_running(data, error) from None
    try:
        world = World(store.load(), Terms(Quota(), show_addresses=False))
        yield world
        if world.batch:
            store.append(world.batch.changes(), results.put)
            _wait(results, data)
    finally:
        store.close()


def _wait(results: SimpleQueue[Exception | None], data: Path) -> None:
    try:
        failed = results.get(timeout=PATIENCE)
    except Empty:
        raise StoreError(
            f"The disk of {data} has not answered for {PATIENCE:g} seconds; look at it, and then with"
            " chatctl user list whether the change was made."
        ) from None
    if failed is not None:
        raise StoreError(str(failed))


def while_running(data: Path, error: StoreError) -> StoreError:
    """Return what is told of ``error``: mostly that a daemon uses the folder."""
    if "in use" not in str(error):
        return error
    return StoreError(
        f"A daemon uses {data}; stop it, give the command again, and start it: its clients wait for that."
    )


def act_as_owner(data: Path) -> None:
    """Let what root makes in somebody's folder be that somebody's, who runs the daemon."""
    if not data.is_dir():
        raise StoreError(f"There is no folder {data}; name the daemon's data folder, or make it.")
    owner = data.stat()
    if os.geteuid() == 0 and owner.st_uid:
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)
