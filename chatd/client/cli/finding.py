"""Finding: searches of the conversation, and the way from what was found to its place in the room."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from chatd.client.cli import about
from chatd.client.cli.command import Command
from chatd.client.cli.showing import page_title
from chatd.client.cli.text import clean_line, event_lines, shell_get
from chatd.client.core.problems import ClientError
from chatd.client.values import Hit, Hits, Page
from chatd.wire.names import fold

PAGE: Final = 20
"""Hits that one command shows, and events around one that is gone to."""

BEHIND: Final = "The server is still indexing what is older; search again later to find all of it."


TIMES: Final = 10
"""Pages without a hit that are asked for one after the other; each has looked at hundreds of events."""


class Found(NamedTuple):
    """A search that can be gone on with: what was looked for, and from where on."""

    query: str
    rest: str


class Talk(about.Talk, Protocol):
    """What these commands need of the session."""

    found: Found | None

    def answer_dated(self, ts: int, line: str) -> None:
        """Show a line about what happened at ``ts``, under its day if that is another one."""

    def turn_to(self, room: str) -> None:
        """Make ``room`` the current one."""


def how_to_get(talk: Talk, name: str, seq: int) -> str:
    """Return what gets the file of event ``seq`` of the room called ``name``; the number follows."""
    if fold(name) == fold(talk.client.name(talk.current)):
        return "/get"
    if fold(name) in {fold(known.name) for known in talk.client.followed()}:
        return f"/jump {clean_line(name)} {seq}, then /get"
    return shell_get(name)


def hit_line(hit: Hit, get: str) -> str | None:
    """Return the line that tells what was found, and its number; None for a kind not known here.

    ``get`` is how a file is got.
    """
    return event_lines(hit.event, hit.room, get=get, edited=bool(hit.edited), columns=1)


async def _search(talk: Talk, argument: str) -> None:
    """Show what is found, the newest below; without words, go on with the last search."""
    found = Found(argument, "") if argument else talk.found
    if found is None:
        raise ClientError("usage", "There is no search to go on with; write /search words")
    hits = await _page(talk, found)
    for hit in reversed(hits.hits):
        line = hit_line(hit, how_to_get(talk, hit.room, hit.event.seq))
        if line is not None:
            talk.answer_dated(hit.event.ts, line)
    if hits.behind:
        talk.answer(BEHIND)
    talk.found = Found(found.query, hits.rest) if hits.rest else None
    if hits.hits:
        more = "; for earlier ones: /search" if hits.rest else ""
        talk.answer(f"-- end of what was found; to go there: {COMMANDS['jump'].usage}{more} --")
    else:
        more = "; /search looks further back" if hits.rest else ""
        talk.answer(f"Nothing{' more' if found.rest else ''} was found{more}.")


async def _page(talk: Talk, found: Found) -> Hits:
    hits, behind = Hits([], found.rest), False
    for _ in range(TIMES):
        hits = await talk.client.search(found.query, before=hits.rest, limit=PAGE)
        behind = behind or hits.behind
        if hits.hits or not hits.rest:
            break
    return replace(hits, behind=behind)


async def _jump(talk: Talk, argument: str) -> None:
    """Show what was said around an event, and go on talking in its room."""
    *rooms, number = argument.split() or [""]
    if len(rooms) > 1 or not about.is_number(number):
        raise COMMANDS["jump"].misused()
    room, seq = about.room_name(rooms[0]) if rooms else about.here(talk), int(number)
    page = await talk.client.history(room, seq + PAGE // 2, limit=PAGE, present=True)
    name = talk.client.name(room)
    if not page.events:
        talk.answer(f"There is nothing around event {seq} of {clean_line(name)} any more.")
        return
    talk.answer(page_title(name, page.events))
    about.show_page(talk, page, name)
    if seq not in {event.seq for event in page.events}:
        talk.answer(f"Event {seq} is not in {clean_line(name)}; above are the nearest ones.")
    talk.answer(_ways_on(page, clean_line(name)))
    if name in {talk.client.name(known.room) for known in talk.client.followed()}:
        talk.turn_to(room)


def _ways_on(page: Page, name: str) -> str:
    """Return the line that says how to read on from ``page`` of the room called ``name``."""
    first, last = page.events[0].seq, page.events[-1].seq
    end = last + PAGE if page.at is None else page.at  # an earlier server does not tell where the end is
    ways = [f"earlier: /history {PAGE} {first}"] if page.more else []
    if last < end:
        ways.append(f"later: /jump {min(last + PAGE // 2, end)}")
    return f"-- {'; '.join(ways) or f'that is all of {name}'} --"


COMMANDS: Final[Mapping[str, Command[Talk]]] = {
    "search": Command(
        "/search [words]",
        'find words, "phrases", from:nick, in:#room, before:date, after:date, has:file; alone, more',
        _search,
    ),
    "jump": Command(
        "/jump [#room] number",
        "show what was said around an event, here or in another room, and talk there",
        _jump,
    ),
}
