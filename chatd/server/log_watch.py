"""Counts what only the log tells: what became of its own lines, and connections without a descriptor."""

from twisted.logger import ILogObserver, LogEvent
from zope.interface import implementer

from chatd.counters import Counters
from chatd.ops.event_lines import accept_error
from chatd.ops.log import KEY
from chatd.ops.observers import DROPPED


@implementer(ILogObserver)
class LogWatch:
    """An observer of the log that adds to ``counters``."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def __call__(self, event: LogEvent) -> None:
        """Look what ``event`` says."""
        said = event.get(KEY)
        if said is not None:
            if said.name == DROPPED:
                self._counters.dropped_lines += said.fields.get("count", 0)
            elif said.name in ("log-failed", "log-mended"):
                self._counters.log_error = str(said.fields.get("error", ""))
        elif accept_error(event):
            self._counters.failed_accepts += 1
