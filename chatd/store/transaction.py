"""Transactions of the thread that writes."""

from collections.abc import Callable
from time import perf_counter

import apsw


class Transaction:
    """Does everything inside in one transaction; ``synced`` is told for how many seconds it became durable.

    Apsw's own holds the interpreter's lock while the disk syncs, so that the reactor would wait for it too.
    """

    def __init__(self, database: apsw.Connection, synced: Callable[[float], object] | None = None) -> None:
        self._database = database
        self._synced = synced

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        database = self._database
        try:
            if kind is None:
                began = perf_counter()
                database.execute("COMMIT")
                if self._synced is not None:
                    self._synced(perf_counter() - began)
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")
