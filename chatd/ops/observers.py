"""Our two observers of twisted.logger, and what tells them where to write.

``twistd --logger chatd.ops.json_lines`` names one of them; without ``--logger`` the service installs the one
that the configuration names (chatd.ops.attach).
"""

import sys
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

from chatd.ops.lines import json_line, text_line

SINK: Final = "chatd_sink"
"""The key of an event that tells our observers where to write from now on."""

_RANKS: Final = {level: rank for rank, level in enumerate(LogLevel.iterconstants())}


class Stream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> object:
        """Take the text."""

    def flush(self) -> object:
        """Let go of it."""


class Sink(NamedTuple):
    """Where lines go, and the least level of those that do."""

    stream: Stream
    level: str = "info"


@implementer(ILogObserver)
class Lines:
    """Writes each event of at least the sink's level as ``render`` puts it, if that is anything."""

    def __init__(self, render: Callable[[LogEvent], str], sink: Sink) -> None:
        self._render = render
        self._use(sink)

    def _use(self, sink: Sink) -> None:
        self._stream = sink.stream
        self._least = _RANKS[LogLevel.levelWithName(sink.level)]

    def __call__(self, event: LogEvent) -> None:
        """Write ``event``, or from now on to the sink that it carries."""
        if SINK in event:
            self._use(event[SINK])
        elif _RANKS.get(event.get("log_level"), 1) >= self._least:
            self._write(self._render(event))

    def _write(self, text: str) -> None:
        if not text:
            return
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            self._stream.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        self._stream.flush()


def text_lines(sink: Sink | None = None) -> Lines:
    """Return the observer that writes text for people, to standard output unless told otherwise."""
    return Lines(text_line, sink or Sink(sys.stdout))


def json_lines(sink: Sink | None = None) -> Lines:
    """Return the observer that writes JSON lines for programs, to standard output unless told otherwise."""
    return Lines(json_line, sink or Sink(sys.stdout))


OBSERVERS: Final[dict[str, Callable[[Sink | None], Lines]]] = {"text": text_lines, "json": json_lines}
"""The observers by their names in the configuration."""
