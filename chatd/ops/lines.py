"""Events of twisted.logger as lines: text for people, JSON for programs; others' read like our own."""

import json
from datetime import UTC, datetime
from typing import Final

from twisted.logger import LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure

from chatd.ops.log import KEY, Said
from chatd.ops.words import escape, listed, plain

OTHER: Final = "other"
"""The event name of what Twisted and libraries say."""

FAULT: Final = "fault"
"""The event name of an error that nobody handled."""

MAX_TRACEBACK: Final = 20_000
"""Characters of a traceback that are logged: its end says the most."""

_STREAMS: Final = frozenset({"stdout", "stderr"})
"""What twistd calls that which something prints; these are event names of their own."""

_MARGIN: Final = "  | "
"""What each line of a traceback begins with, so that none can pass for an event."""


def text_line(event: LogEvent) -> str:
    """Return ``event`` as one line with its end; a traceback follows in lines with a margin."""
    said = _said(event)
    if said is None:
        return ""
    time = _time(event).astimezone().isoformat(timespec="milliseconds")
    line = f"{time} {_level(event)} {said}\n"
    return line + "".join(f"{_MARGIN}{escape(row)}\n" for row in _traceback(event).splitlines())


def json_line(event: LogEvent) -> str:
    """Return ``event`` as one line of JSON with its end: time (UTC), level, event, text, fields."""
    said = _said(event)
    if said is None:
        return ""
    row = {name: plain(value) for name, value in listed(said.fields).items()}
    time = _time(event).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head: dict[str, object] = {"time": time, "level": _level(event), "event": said.name}
    if said.sentence:
        head["text"] = said.sentence
    traceback = _traceback(event)
    tail = {"traceback": traceback} if traceback else {}
    return json.dumps({**head, **row, **tail}) + "\n"


def _said(event: LogEvent) -> Said | None:
    said = event.get(KEY)
    if isinstance(said, Said):
        return said
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        name, text = FAULT, f"{formatEvent(event).partition(chr(10))[0]} {failure.getErrorMessage()}".strip()
    else:
        name, text = OTHER, formatEvent(event)
    namespace = event.get("log_namespace")
    if namespace in _STREAMS:
        return Said(namespace, text, {})
    return Said(name, text, {"namespace": namespace}) if text else None


def _time(event: LogEvent) -> datetime:
    return datetime.fromtimestamp(event.get("log_time") or 0, UTC)


def _level(event: LogEvent) -> str:
    return str((event.get("log_level") or LogLevel.info).name)


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    if not isinstance(failure, Failure):
        return ""
    return str(failure.getTraceback())[-MAX_TRACEBACK:]
