"""Stored events: an event is encoded once, with its batch; logs and the store keep those bytes.

Only this module knows these bytes: the native frame of the event's message, for ever.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from chatd.wire.check import check_of
from chatd.wire.frames import HEAD_SIZE
from chatd.wire.messages import Event
from chatd.wire.native import message_frames


class _Timed(msgspec.Struct):
    ts: int


class _Kind(msgspec.Struct):
    kind: str
    edited: int = 0


_timed = msgspec.json.Decoder(_Timed)
_kind = msgspec.json.Decoder(_Kind)
_event = msgspec.json.Decoder(Event)

REMOVED: Final = "removed"
"""The kind of an event whose content was erased."""


def pack(events: Sequence[Event | bytes]) -> list[bytes]:
    """Return the bytes that are stored of each of ``events``; some may be such bytes already."""
    kinds = set(map(type, events))
    if bytes not in kinds:
        return message_frames(events)  # type: ignore[arg-type]
    if len(kinds) == 1:
        return list(events)  # type: ignore[arg-type]
    packed = iter(message_frames([event for event in events if not isinstance(event, bytes)]))
    return [event if isinstance(event, bytes) else next(packed) for event in events]


def text_of(stored: bytes) -> memoryview:
    """Return the event's JSON object, in UTF-8, within its ``stored`` bytes."""
    return memoryview(stored)[HEAD_SIZE:]


def time_of(stored: bytes) -> int:
    """Return the time of a ``stored`` event, milliseconds since 1970. Raises ValueError."""
    return _timed.decode(text_of(stored)).ts


def known_time_of(stored: bytes) -> int:
    """Return the time of a ``stored`` event, or 0 if the bytes hold none."""
    try:
        return time_of(stored)
    except ValueError:
        return 0


def event_in(stored: bytes) -> Event:
    """Return the event whose ``stored`` bytes these are. Raises ValueError."""
    return _event.decode(text_of(stored))


def known_check_of(stored: bytes) -> str:
    """Return the check of a ``stored`` event, or nothing if its content was erased.

    Whoever has seen such an event has the check of what is not there any more, and of which nothing is kept.
    """
    text = text_of(stored)
    try:
        found = _kind.decode(text)
    except ValueError:
        return check_of(text)
    return "" if found.kind == REMOVED or found.edited else check_of(text)


def known_kind_of(stored: bytes) -> str:
    """Return the kind of a ``stored`` event, or nothing if the bytes hold none."""
    try:
        return _kind.decode(text_of(stored)).kind
    except ValueError:
        return ""
