"""chatc history, remove, rooms, who: ask once, print the answer."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from chatd.client.api import Client
from chatd.client.cli import jsonlines
from chatd.client.cli.finding import BEHIND, hit_line
from chatd.client.cli.running import complain, run_client, watch_link
from chatd.client.cli.showing import Days
from chatd.client.cli.stdout import write_out
from chatd.client.cli.text import clean_line, described, event_lines, shell_get
from chatd.client.values import Hit, Hits, Options
from chatd.wire.limits import PAGE_ROWS
from chatd.wire.messages import Event, Member, RoomInfo


def run_history(options: Options, room: str, before: int | None, limit: int, *, as_json: bool) -> int:
    """Print the last ``limit`` events of ``room`` below ``before``, oldest first."""
    return _run(options, partial(_history, room=room, before=before, limit=limit, as_json=as_json))


def run_search(options: Options, query: str, room: str, limit: int, *, as_json: bool) -> int:
    """Print the last ``limit`` events that ``query`` means, the oldest of them first."""
    return _run(options, partial(_search, query=query, room=room, limit=limit, as_json=as_json))


def run_remove(options: Options, room: str, seq: int, reason: str) -> int:
    """Erase what event ``seq`` of ``room`` says."""
    return _run(options, partial(_remove, room=room, seq=seq, reason=reason))


def run_rooms(options: Options, *, as_json: bool) -> int:
    """Print all rooms."""
    return _run(options, partial(_rooms, as_json=as_json))


def run_who(options: Options, room: str, *, as_json: bool) -> int:
    """Print the members of ``room``."""
    return _run(options, partial(_who, room=room, as_json=as_json))


def _run(options: Options, main: Callable[..., Coroutine[Any, Any, int]]) -> int:
    out: list[bytes] = []
    options = replace(options, follow="listed", cursors={}, remember=False)
    return run_client(options, partial(main, out), lambda: write_out(b"".join(out)))


async def _history(
    out: list[bytes], _: Any, client: Client, *, room: str, before: int | None, limit: int, as_json: bool
) -> int:
    _begin(client)
    events: list[Event] = []
    more = True
    while more and len(events) < limit:
        page = await client.history(room, before=before, limit=min(PAGE_ROWS, limit - len(events)))
        events[:0] = page.events
        more = page.more and bool(page.events)
        before = events[0].seq if events else before
    days = Days()
    for event in events:
        if as_json:
            out.append(jsonlines.event_line(event, room))
        elif (lines := event_lines(event, room, get=shell_get(room))) is not None:
            out.append(days.printed(event.ts, lines))
    return 0


async def _search(
    out: list[bytes], _: Any, client: Client, *, query: str, room: str, limit: int, as_json: bool
) -> int:
    _begin(client)
    hits: list[Hit] = []
    page, behind = Hits([]), False
    while len(hits) < limit and (page.rest or not hits):
        page = await client.search(query, room, page.rest, min(PAGE_ROWS, limit - len(hits)))
        hits += page.hits
        behind = behind or page.behind
        if not page.rest:
            break
    days = Days()
    for hit in reversed(hits):
        if as_json:
            out.append(jsonlines.event_line(hit.event, hit.room))
        elif (line := hit_line(hit, shell_get(hit.room))) is not None:
            out.append(days.printed(hit.event.ts, line))
    if not (hits or as_json):
        complain("Nothing was found.")
    if behind:
        complain(BEHIND)
    return 0


async def _remove(_: list[bytes], __: Any, client: Client, *, room: str, seq: int, reason: str) -> int:
    _begin(client)
    await client.remove(room, seq, reason)
    return 0


async def _rooms(out: list[bytes], _: Any, client: Client, *, as_json: bool) -> int:
    _begin(client)
    out += map(jsonlines.room_line if as_json else _room_text, await client.rooms())
    return 0


async def _who(out: list[bytes], _: Any, client: Client, *, room: str, as_json: bool) -> int:
    _begin(client)
    out += map(jsonlines.member_line if as_json else _member_text, await client.members(room))
    return 0


def _begin(client: Client) -> None:
    watch_link(client, verbose=False)
    client.start()


def _room_text(room: RoomInfo) -> bytes:
    topic = f"  {clean_line(room.topic)}" if room.topic else ""
    kind = "" if room.kind == "public" else f"  {clean_line(room.kind)}"
    members = "member " if room.members == 1 else "members"
    events = "event" if room.head == 1 else "events"
    name = f"{clean_line(room.room):<24}"
    return f"{name} {room.members:>5} {members} {room.head:>8} {events}{kind}{topic}\n".encode()


def _member_text(member: Member) -> bytes:
    state = "online" if member.online else "offline"
    role = clean_line(member.role) + (", operator" if member.operator else "")
    line = f"{clean_line(member.nick):<24} {state:<7} {role:<9} {clean_line(member.address)}"
    if member.status is not None:
        line = f"{line.rstrip():<42} {described(member.status)}"
    return line.rstrip().encode() + b"\n"
