"""Lets a coroutine of the reactor wait for the jobs that threads do with files."""

from collections.abc import Callable
from typing import TypeVar

from chatd.files.partial import MismatchError
from chatd.files.strand import Workers, work

T = TypeVar("T")


class DiskError(Exception):
    """A thread could not do its job with a file; ``__cause__`` is the exception that it raised."""

    @classmethod
    def because_of(cls, cause: BaseException | None) -> "DiskError":
        """Return an error whose cause is ``cause``."""
        error = cls(str(cause))
        error.__cause__ = cause
        return error


async def in_thread(workers: Workers, job: Callable[[], T]) -> T:
    """Return what ``job`` returns. Raises `MismatchError` as it is, `DiskError` for everything else.

    So a caller can tell a failure in the thread from a fault of the code around it.
    """
    try:
        return await work(workers, job)
    except MismatchError:
        raise
    except Exception as error:
        raise DiskError.because_of(error) from error
