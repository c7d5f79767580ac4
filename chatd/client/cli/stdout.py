"""Standard output of the commands: a reader that goes away ends them quietly, any other failure is told."""

import errno
import os
from collections.abc import Callable
from typing import Any, Final

from chatd.client.cli.running import complain
from chatd.client.cli.terminal.descriptors import Output

STDIN: Final = 0
STDOUT: Final = 1


class Stdout(Output):
    """Standard output through the reactor; ``failed`` hears the exit status when it takes nothing more."""

    def __init__(self, reactor: Any, failed: Callable[[int], None]) -> None:
        super().__init__(reactor, STDOUT, self._gone)
        self._failed = failed
        self._problem: OSError | None = None

    def writeSomeData(self, data: bytes) -> int | BaseException:
        """Write what is taken now, and remember why nothing is."""
        try:
            return os.write(self.fileno(), data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._problem = error
            return error

    def _gone(self) -> None:
        self._failed(status_of(self._problem))


def status_of(problem: OSError | None) -> int:
    """Return the exit status that ``problem`` with standard output means, having told it where it must be."""
    if problem is None or problem.errno == errno.EPIPE:
        return 0
    complain(f"standard output cannot be written: {problem.strerror}")
    return 1


def write_out(data: bytes) -> int:
    """Write ``data`` to standard output, however long that takes; return the exit status."""
    try:
        while data:
            data = data[os.write(STDOUT, data) :]
    except OSError as error:
        return status_of(error)
    return 0
