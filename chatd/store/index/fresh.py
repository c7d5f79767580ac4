"""Fresh events: those that were committed lately, kept until they are indexed, so that none is read again."""

from typing import Final

MOST: Final = 2000
"""Events that are kept at the most. Where the index falls behind that far, the disk has them."""

LARGEST: Final = 1_048_576
"""Bytes of them at the most; those of busy rooms are in memory anyway, as the tails of their logs."""


class Fresh:
    """The stored bytes of the newest events of each log, without a hole."""

    def __init__(self) -> None:
        self._runs: dict[int, tuple[int, list[bytes]]] = {}
        self._count = self._size = 0

    def come(self, log: int, first: int, stored: list[bytes]) -> None:
        """Keep events of ``log`` from number ``first`` on."""
        begin, run = self._runs.get(log, (first, []))
        if begin + len(run) != first:
            self.forget(log)
            begin, run = first, []
        self._runs[log] = begin, run
        run += stored
        self._count += len(stored)
        self._size += sum(map(len, stored))
        if self._count > MOST or self._size > LARGEST:
            self._runs.clear()
            self._count = self._size = 0

    def of(self, log: int, first: int, most: int) -> list[bytes]:
        """Return up to ``most`` events of ``log`` from number ``first`` on, none if that is not kept."""
        begin, run = self._runs.get(log, (0, []))
        return run[first - begin : first - begin + most] if begin <= first else []

    def indexed(self, log: int, last: int) -> None:
        """Let the events of ``log`` go up to number ``last``."""
        begin, run = self._runs.get(log, (0, []))
        if begin + len(run) <= last + 1:
            self.forget(log)
        elif begin <= last:
            self._let_go(run[: last + 1 - begin])
            self._runs[log] = last + 1, run[last + 1 - begin :]

    def forget(self, log: int) -> None:
        """Keep no event of ``log``, since some were changed or have gone."""
        _, run = self._runs.pop(log, (0, []))
        self._let_go(run)

    def _let_go(self, run: list[bytes]) -> None:
        self._count -= len(run)
        self._size -= sum(map(len, run))
