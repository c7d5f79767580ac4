"""What the archive is told while the daemon runs: connections that are over, and the lines of the log."""

from functools import partial
from pathlib import Path
from typing import Any, Final

from twisted.logger import globalLogPublisher

from chatd.chat.accounts import all_gone, is_gone
from chatd.clock import wall_milliseconds
from chatd.control.past import Past
from chatd.ops.log import Log
from chatd.ops.observers import Sink, json_lines
from chatd.server.server import Server
from chatd.store.archive import Archive

log: Final = Log(__name__)


class Archiving:
    """Keeps what ``server``, and the log from ``level`` on, have to tell operators, in the folder ``data``.

    ``past`` finds it again.
    """

    def __init__(self, server: Server, data: Path, level: str, reactor: Any) -> None:
        self._archive = Archive(data, wall_milliseconds, reactor.callFromThread, _failed)
        self._lines = json_lines(Sink(_Lines(self._archive), level))
        self.past = Past(self._archive, wall_milliseconds, partial(is_gone, server.hub.world))
        globalLogPublisher.addObserver(self._lines)
        self.past.forget(all_gone(server.hub.world))  # a crash may have come before that
        server.keeper = self.past

    def stop(self) -> None:
        """Keep no more lines; write what waits."""
        globalLogPublisher.removeObserver(self._lines)
        self._archive.close()


class _Lines:
    """Takes the lines of the log that ``archive`` keeps."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def write(self, text: str) -> None:
        """Keep a line."""
        self._archive.keep_line(text)

    def flush(self) -> None:
        """Do nothing: it is kept as soon as there is time."""


def _failed(error: str) -> None:
    log.warn("past-failed", "What chatctl explain asks for later cannot be kept.", error=error)
