"""What programs read: one JSON object per line, of each kind always with the same keys."""

from collections.abc import Mapping
from typing import Any

import msgspec

from chatd.client.core.notices import GapSeen, Restored
from chatd.client.core.seen import MAX_SECONDS
from chatd.wire.messages import Event, Member, RoomInfo

_encode = msgspec.json.Encoder().encode


def event_line(event: Event, name: str, check: str = "") -> bytes:
    """Return the line of ``event`` in the room called ``name``; ``ts`` is in milliseconds since 1970.

    With its ``check`` it has a cursor: what ``chatc tail --since`` goes on from.
    """
    values: dict[str, Any] = {
        "room": name,
        "seq": event.seq,
        "ts": event.ts,
        "by": event.by,
        "kind": event.kind,
        "text": event.text,
    }
    if event.file is not None:
        file = event.file
        values["file"] = {"name": file.name, "size": file.size, "sha256": file.sha256, "media": file.media}
    if event.whom or event.reason or event.value:
        values |= {"whom": event.whom, "reason": event.reason, "value": event.value}
    if event.ref:
        values["ref"] = event.ref
    if event.thread:
        values["thread"] = event.thread
    if event.mentions:
        values["mentions"] = event.mentions
    if event.refs:
        values["refs"] = event.refs
    if event.edited:
        values["edited"] = event.edited
    if event.operator:
        values["operator"] = True
    if check:
        values["cursor"] = f"{event.seq}:{check}:{min(event.ts // 1000, MAX_SECONDS):08x}"
    return _line(values)


def gap_line(gap: GapSeen) -> bytes:
    """Return the line of a gap: ``seq`` is its last event, ``text`` its extent as FIRST-LAST."""
    extent = f"{gap.first}-{gap.last}"
    return _line({"room": gap.name, "seq": gap.last, "ts": 0, "by": "", "kind": "gap", "text": extent})


def restored_line(restored: Restored) -> bytes:
    """Return the line of an older copy that was restored: the events behind ``seq`` are others now.

    ``text`` is the last event that had been handed over; ``seq`` is 0 where nothing of them is left.
    """
    seq, seen = restored.start if restored.agreed else 0, str(restored.seen)
    return _line({"room": restored.name, "seq": seq, "ts": 0, "by": "", "kind": "restored", "text": seen})


def room_line(room: RoomInfo) -> bytes:
    """Return the line of one room."""
    values = {"room": room.room, "members": room.members, "head": room.head, "topic": room.topic}
    return _line(values | {"kind": room.kind})


def member_line(member: Member) -> bytes:
    """Return the line of one member."""
    values: dict[str, Any] = {"nick": member.nick, "online": member.online}
    values |= {"role": member.role, "operator": member.operator}
    if member.address:
        values["address"] = member.address
    if (status := member.status) is not None:
        values["status"] = {"state": status.state, "text": status.text, "seconds": status.seconds}
    return _line(values)


def _line(values: Mapping[str, Any]) -> bytes:
    return _encode(values) + b"\n"
