"""Our two observers of twisted.logger, and the event that tells them where to write.

``twistd --logger chatd.ops.json_lines`` names one of them. Without ``--logger`` the service installs the one
that the configuration names (chatd.ops.attach).
"""

import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel
from zope.interface import implementer

from chatd.ops.allowance import Allowance
from chatd.ops.event_lines import ACCEPT_FAILED, OTHER, json_line, level_of, said_of, text_line
from chatd.ops.log import KEY, Said
from chatd.ops.repeats import Repeats

SINK: Final = "chatd_sink"
"""The key of an event that tells our observers where to write from now on."""

LIMITED: Final = "log-limited"
"""The event name for the notice that lines of one kind were held back."""

LEVELS: Final = "chatd_levels"
"""The key of an event that sets the level from which modules of a name are written; None is the sink's."""

DROPPED: Final = "log-dropped"
"""The event name for the notice that lines could not be written in time."""

REPEAT_INTERVAL: Final = 10.0
"""Seconds in which libraries may say the same once."""

_RANKS: Final = {level: rank for rank, level in enumerate(LogLevel.iterconstants())}


def set_level(namespace: str, level: str) -> None:
    """Let our observers write what modules named ``namespace`` say from ``level`` on; "" is as configured."""
    Logger(__name__).emit(LogLevel.info, None, **{LEVELS: (namespace, level)})


class Stream(Protocol):
    """Something that lines can be written to."""

    def write(self, text: str, /) -> object:
        """Take the text."""

    def flush(self) -> object:
        """Let go of it."""


class Sink(NamedTuple):
    """The stream that lines go to, and the lowest level that is written."""

    stream: Stream
    level: str = "info"


@implementer(ILogObserver)
class Lines:
    """Writes each event of at least the sink's level in the form that ``render`` gives it, if any."""

    def __init__(
        self, render: Callable[[LogEvent], str], sink: Sink, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._render = render
        self._clock = clock
        self._allowance = Allowance()
        self._repeats = Repeats(REPEAT_INTERVAL)
        self._levels: dict[str, int] = {}
        self._use(sink)

    def _use(self, sink: Sink) -> None:
        self._stream = sink.stream
        self._least = _RANKS[LogLevel.levelWithName(sink.level)]

    def __call__(self, event: LogEvent) -> None:
        """Write ``event``; if it carries a sink, write there from now on."""
        if SINK in event:
            self._use(event[SINK])
        elif LEVELS in event:
            self._set_level(*event[LEVELS])
        elif _RANKS[level_of(event)] >= self._least_of(event) or _tells_of_a_gap(event):
            now = self._clock()
            if (heard := self._hear(event, now)) is not None:
                self._say(heard, now)
            for kind, count in self._allowance.untold(now):
                said = Said(LIMITED, "Lines of one kind are held back.", {"kind": kind, "suppressed": count})
                self._write(self._render({"log_level": LogLevel.warn, "log_time": time.time(), KEY: said}))

    def _set_level(self, namespace: str, level: str) -> None:
        if level:
            self._levels[namespace] = _RANKS[LogLevel.levelWithName(level)]
        else:
            self._levels.pop(namespace, None)

    def _least_of(self, event: LogEvent) -> int:
        """Return the rank from which ``event`` is written: that of its module, or of the folder around."""
        if not self._levels:
            return self._least
        name = event.get("log_namespace") or ""
        while name and name not in self._levels:
            name = name.rpartition(".")[0]
        return self._levels.get(name, self._least)

    def _hear(self, event: LogEvent, now: float) -> LogEvent | None:
        """Return ``event`` in our form; None if it says nothing, or a library repeats itself."""
        if KEY in event:
            return event
        said = said_of(event)
        if said is None:
            return None
        level = level_of(event)
        if said.name in (OTHER, ACCEPT_FAILED) and level is not LogLevel.debug:
            held_back = self._repeats.admit((said.name, said.sentence), now)
            if held_back is None:
                return None
            said = Said(said.name, said.sentence, {**said.fields, "suppressed": held_back or None})
        return {**event, "log_level": level, KEY: said}

    def _say(self, event: LogEvent, now: float) -> None:
        kind = event[KEY].name
        if self._allowance.admits(kind, now):
            text = self._render(event)
            self._allowance.spend(kind, len(text.encode("utf-8", "replace")))
            self._write(text)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            self._stream.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        self._stream.flush()


def _tells_of_a_gap(event: LogEvent) -> bool:
    """Return whether ``event`` says that lines are missing; such an event is written whatever the level."""
    return KEY in event and event[KEY].name == DROPPED


def text_lines(sink: Sink | None = None) -> Lines:
    """Return the observer that writes text for people, to standard output unless told otherwise."""
    return Lines(text_line, sink or Sink(sys.stdout))


def json_lines(sink: Sink | None = None) -> Lines:
    """Return the observer that writes JSON lines for programs, to standard output unless told otherwise."""
    return Lines(json_line, sink or Sink(sys.stdout))


OBSERVERS: Final[dict[str, Callable[[Sink | None], Lines]]] = {"text": text_lines, "json": json_lines}
"""The observers by their names in the configuration."""
