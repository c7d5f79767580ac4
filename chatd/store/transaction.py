"""Transactions of the thread that writes."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import apsw

from chatd.store.statements import ADD_RUN


class Transaction:
    """Does everything inside in one transaction; ``synced`` is told for how many seconds it became durable.

    If there is a ``run``, the transaction begins with what `ADD_RUN` does with it.

    Apsw's own holds the interpreter's lock while the disk syncs, so that the reactor would wait for it too.
    """

    def __init__(
        self,
        database: apsw.Connection,
        synced: Callable[[float], object] | None = None,
        run: tuple[Any, ...] | None = None,
    ) -> None:
        self._database = database
        self._synced = synced
        self._run = run

    def __enter__(self) -> None:
        if self._run is None:
            self._database.execute("BEGIN IMMEDIATE")
            return
        try:
            self._database.execute(ADD_RUN, self._run)
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

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
