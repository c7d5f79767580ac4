"""chatc history, rooms, who: ask once, print the answer."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from chatd.client.api import Client
from chatd.client.cli import jsonlines
from chatd.client.cli.running import Main, run_client, watch_link
from chatd.client.cli.text import clean_line, event_lines
from chatd.client.values import Options
from chatd.wire.limits import PAGE_ROWS
from chatd.wire.messages import Event, Member, RoomInfo

_Row = TypeVar("_Row")


def run_history(options: Options, room: str, before: int | None, limit: int, *, as_json: bool) -> int:
    """Print the last ``limit`` events of ``room`` below ``before``, oldest first."""
    return _run(options, partial(_history, room=room, before=before, limit=limit, as_json=as_json))


def run_rooms(options: Options, *, as_json: bool) -> int:
    """Print all rooms."""
    return _run(options, partial(_rooms, as_json=as_json))


def run_who(options: Options, room: str, *, as_json: bool) -> int:
    """Print the members of ``room``."""
    return _run(options, partial(_who, room=room, as_json=as_json))


def _run(options: Options, main: Main) -> int:
    return run_client(replace(options, follow="listed", cursors={}, remember=False), main)


async def _history(
    _: Any, client: Client, *, room: str, before: int | None, limit: int, as_json: bool
) -> int:
    _begin(client)
    events: list[Event] = []
    more = True
    while more and len(events) < limit:
        page = await client.history(room, before=before, limit=min(PAGE_ROWS, limit - len(events)))
        events[:0] = page.events
        more = page.more and bool(page.events)
        before = events[0].seq if events else before
    for event in events:
        if as_json:
            _print(jsonlines.event_line(event, room))
        elif (lines := event_lines(event, room)) is not None:
            _print(lines.encode() + b"\n")
    return 0


async def _rooms(_: Any, client: Client, *, as_json: bool) -> int:
    _begin(client)
    _print_all(await client.rooms(), jsonlines.room_line if as_json else _room_text)
    return 0


async def _who(_: Any, client: Client, *, room: str, as_json: bool) -> int:
    _begin(client)
    _print_all(await client.members(room), jsonlines.member_line if as_json else _member_text)
    return 0


def _begin(client: Client) -> None:
    watch_link(client, verbose=False)
    client.start()


def _room_text(room: RoomInfo) -> bytes:
    topic = f"  {clean_line(room.topic)}" if room.topic else ""
    return f"{clean_line(room.room):<24} {room.members:>5} members {room.head:>8} events{topic}\n".encode()


def _member_text(member: Member) -> bytes:
    return f"{clean_line(member.nick):<24} {'online' if member.online else 'offline'}\n".encode()


def _print_all(rows: list[_Row], form: Callable[[_Row], bytes]) -> None:
    for row in rows:
        _print(form(row))


def _print(data: bytes) -> None:
    sys.stdout.buffer.write(data)
