"""Events of twisted.logger as lines: text for people, JSON for programs; others' read like our own."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from twisted.logger import LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure

from chatd.ops.colours import painted
from chatd.ops.log import KEY, Said
from chatd.ops.words import escape, listed, plain

OTHER: Final = "other"
"""The event name for messages of Twisted and libraries."""

FAULT: Final = "fault"
"""The event name of an error that nobody handled."""

ACCEPT_FAILED: Final = "accept-failed"
"""The event name for Twisted's message that the system gives it no descriptor for a connection."""

NO_DESCRIPTORS: Final = "Connections are turned away; raise the limit of file descriptors (LimitNOFILE)."
"""The sentence of `ACCEPT_FAILED`."""

MAX_TRACEBACK: Final = 20_000
"""Characters of a traceback that are logged: its end says the most."""

_STREAMS: Final = frozenset({"stdout", "stderr"})
"""twistd's names for printed output; they are event names of their own."""

_MARGIN: Final = "  | "
"""Every line of a traceback begins with this, so that none can pass for an event."""


def text_line(event: LogEvent) -> str:
    """Return ``event`` as one line with its end; a traceback follows in lines with a margin."""
    return _text(event, _plain)


def coloured_line(event: LogEvent) -> str:
    """Return the same as a terminal shows it in colours."""
    return _text(event, painted)


def _plain(time: str, level: str, said: str) -> str:
    return f"{time} {level} {said}"


def _text(event: LogEvent, form: Callable[[str, str, str], str]) -> str:
    said = said_of(event)
    if said is None:
        return ""
    time = _time(event).astimezone().isoformat(timespec="milliseconds")
    line = form(time, level_of(event).name, str(said)) + "\n"
    return line + "".join(f"{_MARGIN}{escape(row)}\n" for row in _traceback(event).splitlines())


def json_line(event: LogEvent) -> str:
    """Return ``event`` as one line of JSON with its end: time (UTC), level, event, text, fields."""
    said = said_of(event)
    if said is None:
        return ""
    row = {name: plain(value) for name, value in listed(said.fields).items()}
    time = _time(event).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head: dict[str, object] = {"time": time, "level": level_of(event).name, "event": said.name}
    if said.sentence:
        head["text"] = said.sentence
    traceback = _traceback(event)
    tail = {"traceback": traceback} if traceback else {}
    return json.dumps({**head, **row, **tail}) + "\n"


def said_of(event: LogEvent) -> Said | None:
    """Return what ``event`` says, in our form; None if it says nothing."""
    said = event.get(KEY)
    if isinstance(said, Said):
        return said
    if error := accept_error(event):
        return Said(ACCEPT_FAILED, NO_DESCRIPTORS, {"error": error})
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


def level_of(event: LogEvent) -> Any:
    """Return the level of ``event``: what libraries say at info is for developers, with one exception."""
    level: Any = event.get("log_level") or LogLevel.info
    if level is not LogLevel.info or KEY in event or event.get("log_namespace") in _STREAMS:
        return level
    return LogLevel.warn if accept_error(event) else LogLevel.debug


def accept_error(event: LogEvent) -> str:
    """Return the error that kept Twisted from accepting a connection, or nothing."""
    text = event.get("log_format") or ""
    if text.startswith("EMFILE encountered"):
        return "EMFILE"
    if text.startswith("Could not accept new connection"):
        error = str(event.get("acceptError", ""))
        return "" if error == "ECONNABORTED" else error  # that one is the peer's own doing
    return ""


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    if not isinstance(failure, Failure):
        return ""
    return str(failure.getTraceback())[-MAX_TRACEBACK:]
