"""The commands about what was said: editing, replying, reacting, threads, and what is pinned."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from chatd.client.api import Client
from chatd.client.cli.command import Command, Do
from chatd.client.cli.marks import Unread
from chatd.client.cli.showing import unread_words
from chatd.client.cli.text import INDENT, clean_line, reactions_text
from chatd.client.core.outbox import EDIT, REACT, SAY, UNREACT
from chatd.client.core.problems import ClientError
from chatd.client.values import Page, Sent
from chatd.wire import messages as m

LISTED: Final = 30
"""Events that are looked through for those that a command without a number lists, or means."""

WIDTH: Final = 60
"""Characters of a text that is listed, enough to know it again."""

DIGITS: Final = 16
"""Digits of a number that no event has, and that is therefore none."""

SAID: Final = frozenset({"message", "file"})
"""The kinds of events that others can refer to."""

CHANGING: Final = frozenset({"edit", "react", "unreact"})
"""The kinds of events that are shown with what they are about, where that is shown."""


class Talk(Protocol):
    """What these commands need of the session."""

    client: Client
    current: str

    def answer(self, *lines: str) -> None:
        """Show what was asked for."""

    def answer_event(self, event: m.Event, name: str, *, edited: bool = False, columns: int = 0) -> None:
        """Show an event that was asked for."""

    def recall(self, quotes: Iterable[m.Quote], name: str) -> None:
        """Learn what stands for events to which something replies that was asked for."""

    def nowhere(self) -> str:
        """Say where one can talk who talks nowhere."""

    def post(self, room: str, text: str, act: str = SAY, ref: int = 0, already: str = "") -> None:
        """Send ``text`` to ``room``, or do what ``act`` says about event ``ref``.

        If it had been done before, ``already`` is said.
        """

    def posted(self, sent: Sent | m.Ok) -> None:
        """Note that something was done whose event is still to be shown."""


class Words(NamedTuple):
    """What was written behind a command: the number of an event, 0 if there is none, and the rest."""

    number: int
    rest: str


def words(argument: str) -> Words:
    """Return what ``argument`` says."""
    first, _, rest = argument.strip().partition(" ")
    if is_number(first):
        return Words(int(first), rest.strip())
    return Words(0, argument.strip())


def is_number(word: str) -> bool:
    """Return whether ``word`` is the number of an event."""
    return word.isascii() and word.isdecimal() and len(word) < DIGITS


def here(talk: Talk) -> str:
    """Return the current room. Raises `ClientError` if there is none."""
    if not talk.current:
        raise ClientError("no-room", f"Not done: {talk.nowhere()}, then say it there.")
    return talk.current


def room_name(text: str) -> str:
    """Return the room's name for what a user wrote for one: without a sign, it is a room."""
    return text if text[:1] in {"#", "@"} else f"#{text}"


def listed(event: m.Event) -> str:
    """Return a line that tells what event has which number."""
    said = event.text if event.file is None else f"{event.file.name} {event.text}"
    line = clean_line(said)
    short = line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
    return f"{event.seq:>6} <{clean_line(event.by)}> {short}"


def which_line(usage: str) -> str:
    """Return what is asked below a list; a number that may be left out has to be written then."""
    told = usage.replace("[number [reason]]", "number [reason]").replace("[number]", "number")
    return f"Which of them? Write {told}"


def presently(page: Page, event: m.Event) -> m.Event:
    """Return ``event`` of ``page`` with what it says now."""
    became = page.became.get(event.seq)
    return replace(event, text=became.text) if became is not None and became.edit else event


async def _which(talk: Talk, usage: str, *, mine: bool = False) -> None:
    """List the latest events that can be meant."""
    events = [event for event in await _latest(talk) if not mine or _is_mine(talk, event)]
    said = "You have said nothing" if mine else "Nothing was said"
    talk.answer(*map(listed, events), which_line(usage) if events else f"{said} here lately.")


async def _latest(talk: Talk) -> list[m.Event]:
    page = await talk.client.history(here(talk), limit=LISTED, present=True)
    return [presently(page, event) for event in page.events if event.kind in SAID]


def _is_mine(talk: Talk, event: m.Event) -> bool:
    return event.session == talk.client.session or event.by == talk.client.nickname


async def _last(talk: Talk, *, mine: bool = False) -> int:
    """Return the number of the last event that can be meant. Raises `ClientError` if there is none."""
    events = [event.seq for event in await _latest(talk) if not mine or _is_mine(talk, event)]
    if not events:
        raise ClientError("no-such-event", "There is nothing of that kind among the latest messages here.")
    return events[-1]


async def _edit(talk: Talk, argument: str) -> None:
    """Edit an event; without a number, the last one of ours."""
    room, said = here(talk), words(argument)
    if not said.rest:
        await _which(talk, COMMANDS["edit"].usage, mine=True)
        return
    number = said.number or await _last(talk, mine=True)
    talk.post(room, said.rest, EDIT, number)


async def _reply(talk: Talk, argument: str) -> None:
    room, said = here(talk), words(argument)
    if not (said.number and said.rest):
        await _which(talk, COMMANDS["reply"].usage)
        return
    talk.post(room, said.rest, ref=said.number)


def _reacting(name: str, *, off: bool = False) -> Do[Talk]:
    async def do(talk: Talk, argument: str) -> None:
        room, said = here(talk), words(argument)
        if not said.rest:
            await _which(talk, COMMANDS[name].usage)
            return
        number = said.number or await _last(talk)
        have = "have not reacted" if off else "have already reacted"
        already = f"You {have} to {number} with {clean_line(said.rest)}."
        talk.post(room, said.rest, UNREACT if off else REACT, number, already)

    return do


def _pinning(name: str, *, off: bool = False) -> Do[Talk]:
    async def do(talk: Talk, argument: str) -> None:
        room, said = here(talk), words(argument)
        if said.number and not said.rest:
            await talk.client.pin(room, said.number, off=off)
        elif argument.strip():
            raise COMMANDS[name].misused()
        else:
            await _which(talk, COMMANDS[name].usage)

    return do


async def _pins(talk: Talk, _: str) -> None:
    room = here(talk)
    page = await talk.client.pins(room)
    show_page(talk, page, talk.client.name(room))
    if not page.events:
        talk.answer(f"Nothing is pinned in {clean_line(talk.client.name(room))}.")


async def _thread(talk: Talk, argument: str) -> None:
    room, said = here(talk), words(argument)
    if not said.number or said.rest:
        await _which(talk, COMMANDS["thread"].usage)
        return
    page = await talk.client.history(room, thread=said.number)
    if page.at is None:
        raise ClientError("unsupported", "The server is of an earlier version, which knows no threads.")
    name = talk.client.name(room)
    number = page.events[0].thread or said.number if page.events else said.number
    if number != said.number:  # that of a reply
        page = await talk.client.history(room, thread=number)
    if not any(event.kind in SAID | {"removed"} for event in page.events):
        raise ClientError("no-such-event", f"There is no message {said.number} in {clean_line(name)}.")
    show_page(talk, page, name)
    end = f"end of thread {number}" if len(page.events) > 1 else "Nothing replies to it"
    talk.answer(f"-- {end}; to say something in it: /reply {number} text --")


async def _threads(talk: Talk, argument: str) -> None:
    """List the threads that we follow in the current or the named room, with what is unread there."""
    room = room_name(argument) if argument else here(talk)
    threads, name = await talk.client.threads(room), clean_line(talk.client.name(room))
    if threads:
        talk.answer(
            *map(thread_line, threads),
            f"-- threads that you follow in {name}; {COMMANDS['thread'].usage} shows one --",
        )
    else:
        talk.answer(f"You follow no thread in {name}; you do where you reply, or are replied to.")


def thread_line(thread: m.ThreadInfo) -> str:
    """Return what is told of a thread: how it begins, and how many replies there are."""
    said = "(removed)" if thread.removed else clean_line(thread.text)[:WIDTH]
    replies = "1 reply" if thread.replies == 1 else f"{thread.replies} replies"
    unread = unread_words(Unread(thread.unread))
    more = f", {unread}" if unread else ""
    return f"{thread.thread:>6} <{clean_line(thread.by)}> {said}  {replies}{more}"


def _by_themselves(page: Page) -> list[m.Event]:
    """Return the events of ``page`` but for edits of, and reactions to others of them."""
    shown = {event.seq for event in page.events} if page.at is not None else set()
    return [event for event in page.events if event.kind not in CHANGING or event.ref not in shown]


def last_of(page: Page, count: int) -> Page:
    """Return the end of ``page``, of ``count`` events that are shown by themselves, reactions aside."""
    said = [event for event in page.events if event.kind not in {"react", "unreact"}]
    shown = _by_themselves(replace(page, events=said))
    first = shown[-count].seq if len(shown) > count else 0
    return replace(page, events=[event for event in said if event.seq >= first], more=page.more or first > 0)


def show_page(talk: Talk, page: Page, name: str, before: Callable[[m.Event], None] = lambda _: None) -> None:
    """Show the events of ``page`` as they are now, with their numbers and the reactions to them.

    Edits and reactions that are shown that way are not shown by themselves. ``before`` is called before each.
    """
    talk.recall(page.quotes.values(), name)
    columns = max((len(str(event.seq)) for event in page.events), default=0)
    for event in _by_themselves(page):
        before(event)
        became = page.became.get(event.seq)
        edited = became is not None and bool(became.edit)
        talk.answer_event(presently(page, event), name, edited=edited, columns=columns)
        if became is not None and became.reactions:
            talk.answer(INDENT + reactions_text(became.reactions))


COMMANDS: Final[Mapping[str, Command[Talk]]] = {
    "edit": Command(
        "/edit [number] text",
        "say it in other words: your last message, or that of the number",
        _edit,
        changes=True,
    ),
    "reply": Command("/reply number text", "reply to a message; without a number, list the latest", _reply),
    "react": Command(
        "/react [number] emoji",
        "react to the last message, or to that of the number",
        _reacting("react"),
        changes=True,
    ),
    "unreact": Command(
        "/unreact [number] emoji", "take a reaction back", _reacting("unreact", off=True), changes=True
    ),
    "thread": Command("/thread number", "show a message, and all replies to it", _thread),
    "threads": Command(
        "/threads [#room]",
        "list the threads that you follow here or there, and what is unread in them",
        _threads,
    ),
    "pin": Command("/pin number", "pin a message for everybody in the room", _pinning("pin"), changes=True),
    "unpin": Command("/unpin number", "unpin it", _pinning("unpin", off=True), changes=True),
    "pins": Command("/pins", "show what is pinned here", _pins),
}
