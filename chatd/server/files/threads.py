"""Threads: waiting for what they do with files, in a coroutine of the reactor."""

from collections.abc import Callable
from typing import TypeVar

from chatd.files.partial import MismatchError
from chatd.files.strand import Workers, work

T = TypeVar("T")


class DiskError(Exception):
    """A thread could not do with a file what it was asked to; ``__cause__`` is what it raised."""

    @classmethod
    def because_of(cls, cause: BaseException | None) -> "DiskError":
        """Return one that ``cause`` is the cause of."""
        error = cls(str(cause))
        error.__cause__ = cause
        return error


async def in_thread(workers: Workers, job: Callable[[], T]) -> T:
    """Return what ``job`` returns. Raises `MismatchError` as it is, `DiskError` for everything else.

    So whoever waits can tell what went wrong in a thread from a fault of the code around it.
    """
    try:
        return await work(workers, job)
    except MismatchError:
        raise
    except Exception as error:
        raise DiskError.because_of(error) from error
