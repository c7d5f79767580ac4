"""Counts the lines that the log could not take, of what the log says itself afterwards."""

from twisted.logger import ILogObserver, LogEvent
from zope.interface import implementer

from chatd.ops.log import KEY
from chatd.ops.observers import DROPPED


@implementer(ILogObserver)
class Drops:
    """An observer of the log; ``count`` lines were dropped."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, event: LogEvent) -> None:
        """Look whether ``event`` says that lines were dropped."""
        said = event.get(KEY)
        if said is not None and said.name == DROPPED:
            self.count += said.fields.get("count", 0)
