"""The commands that begin with a slash: one table of their names, what they take and what they do."""

import re
import shlex
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import chain, zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Final, Protocol

from msgspec import Struct

from chatd.client.cli import about, away, finding, hooks, mine, order
from chatd.client.cli.about import room_name
from chatd.client.cli.command import Command
from chatd.client.cli.marks import ReadMarks, Unread
from chatd.client.cli.other_session import has_queue, send_session
from chatd.client.cli.showing import (
    OFFLINE,
    counted,
    member_line,
    own_room_lines,
    page_title,
    room_lines,
    status_lines,
    unread_words,
)
from chatd.client.cli.text import clean_line
from chatd.client.cli.what_waits import left_lines
from chatd.client.cli.which import which_file
from chatd.client.core.problems import ClientError
from chatd.client.core.rooms import Followed
from chatd.client.values import TakenOver
from chatd.disk import rooted
from chatd.home import expand
from chatd.wire.errors import RequestError
from chatd.wire.limits import MAX_INT, PAGE_ROWS
from chatd.wire.names import fold

PAGE: Final = 20
"""Events that /history shows where no number is given."""

LISTING: Final = 79
"""Columns of the list of commands: a terminal has 80 or more."""

HANGING: Final = 26
"""Columns that the usage of a command takes in that list, if it fits."""


FIRST: Final = (
    *("join", "msg", "rooms", "who", "unread", "history", "search", "reply", "react", "edit"),
    *("put", "status", "quit"),
)
"""What a newcomer needs: with two sentences it fits a terminal of 24 rows."""


class Talk(finding.Talk, mine.Talk, Protocol):
    """What all commands need of the session."""

    marks: ReadMarks

    def taken_over(self, taken: TakenOver) -> None:
        """Note what is sent here instead of to another server."""

    def leave_chatc(self) -> None:
        """End."""


class Say(Struct, frozen=True):
    """A line that is to be sent."""

    text: str


class Call(Struct, frozen=True):
    """A line that calls a command."""

    name: str
    argument: str


def parse(line: str) -> Say | Call:
    """Return what ``line`` means; a text that begins with a slash is written with two."""
    if not line.startswith("/"):
        return Say(line)
    if line.startswith("//"):
        return Say(line[1:])
    name, *rest = line[1:].split(maxsplit=1) or [""]
    return Call(name.lower(), rest[0].strip() if rest else "")


def find(name: str) -> Command[Talk]:
    """Return the command called ``name``; raises `ClientError` with a suggestion where there is none."""
    command = COMMANDS.get(name)
    if command is None:
        near = get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean /{near[0]}?" if near else "/help lists the commands."
        text = f"There is no command /{name[:20]}; {hint} A text that begins with / is written with //."
        raise ClientError("no-such-command", text)
    return command


def _room(talk: Talk, name: str, argument: str = "") -> str:
    room = argument or talk.current
    if not room:
        usage = COMMANDS[name].usage
        how = f"or name it: {usage}" if "#room" in usage else "then say it there."
        raise ClientError("no-room", f"Not done: {talk.nowhere()}, {how}")
    return room


async def _join(talk: Talk, argument: str) -> None:
    if not argument or " " in argument:
        raise COMMANDS["join"].misused()
    room, before = room_name(argument), talk.current
    talk.turn_to(room)
    if not room.startswith("#"):
        return
    wire = before
    try:
        wire = await talk.client.join(room) or room
    finally:
        if talk.current == room:
            talk.turn_to(wire)


async def _leave(talk: Talk, argument: str) -> None:
    room = room_name(argument) if argument else _room(talk, "leave")
    name = talk.client.name(room)
    sending = [file for file in talk.client.files.transfers() if file.sending]
    files = [file.name for file in sending if fold(talk.client.name(file.room)) == fold(name)]
    if files:
        talk.say(
            f"You leave {clean_line(name)} once {clean_line(', '.join(files))}"
            f" {'is' if len(files) == 1 else 'are'} posted there; /cancel gives up a file."
        )
    if room.startswith("#"):
        await talk.client.leave(room)
    if fold(talk.client.name(room)) == fold(talk.client.name(talk.current)):
        talk.turn_to("")


async def _msg(talk: Talk, argument: str) -> None:
    nick, _, text = argument.partition(" ")
    if not nick:
        raise COMMANDS["msg"].misused()
    room = nick if nick.startswith("@") else f"@{nick}"
    if text.strip():
        talk.post(room, text.strip())
    else:
        talk.turn_to(room)


async def _topic(talk: Talk, argument: str) -> None:
    room = _room(talk, "topic")
    if argument:
        talk.posted(await talk.client.topic(room, "" if argument == "-" else argument))
        return
    known = _followed(talk, room)
    if known is None:  # it is being joined
        await talk.client.rooms()
        known = _followed(talk, room)
    name = clean_line(talk.client.name(room))
    if known is None:
        raise ClientError("not-in", f"The topic of {name} is known when you are in it.")
    if known.remembered:
        raise ClientError("offline", f"The topic of {name} is known when there is a connection.")
    topic = clean_line(known.topic)
    talk.answer(f"The topic of {name}: {topic}" if topic else f"{name} has no topic.")


def _followed(talk: Talk, room: str) -> Followed | None:
    return next((known for known in talk.client.followed() if known.room == room), None)


async def _rooms(talk: Talk, _: str) -> None:
    if talk.client.status().state in OFFLINE:
        talk.answer(*own_room_lines(talk.client.followed(), talk.current, talk.marks))
        talk.answer("These are yours; the others can be listed when there is a connection.")
        return
    rooms, followed = await talk.client.rooms(), talk.client.followed()
    lines = room_lines(rooms, followed, talk.current, talk.marks)
    talk.answer(*(lines or ["There are no rooms yet; /join #room makes one."]))
    ours = own_room_lines(followed, talk.current, talk.marks)
    talk.answer(*(line for line, known in zip(ours, followed, strict=True) if known.peer))


async def _unread(talk: Talk, argument: str) -> None:
    """List the rooms in which something is unread; count it as read in one that is named, or in all."""
    followed = list(enumerate(talk.client.followed(), 1))
    if argument:
        name = fold(room_name(argument))
        meant = [known for _, known in followed if argument == "all" or fold(known.name) == name]
        if not meant:
            raise ClientError("not-in", f"You are in no room {clean_line(argument)}; /rooms lists yours.")
        for known in meant:
            talk.marks.attend(known.room, known.cursor)
    unread = [(number, known, talk.marks.unread(known)) for number, known in followed]
    lines = [_unread_line(*one) for one in unread if one[2].said]
    talk.answer(*(lines or ["You have read everything."]))


def _unread_line(number: int, known: Followed, unread: Unread) -> str:
    name = clean_line(known.name)
    place = f"; /jump {name} {unread.mention} goes to the first for you" if unread.mention else ""
    return f"{number:>4} {name}  {unread_words(unread)}{place}"


async def _who(talk: Talk, argument: str) -> None:
    room = room_name(argument) if argument else _room(talk, "who")
    talk.answer(member_line(talk.client.name(room), await talk.client.members(room)))


async def _history(talk: Talk, argument: str) -> None:
    room = _room(talk, "history")
    numbers = argument.split()
    if len(numbers) > 2 or not all(number.isascii() and number.isdecimal() for number in numbers):  # noqa: PLR2004
        raise COMMANDS["history"].misused()
    limit = max(1, min(int(numbers[0]), PAGE_ROWS)) if numbers else PAGE
    before = min(int(numbers[1]), MAX_INT) if len(numbers) > 1 else None
    page = await talk.client.history(room, before, limit=limit, present=True)
    name = talk.client.name(room)
    if not page.events:
        talk.answer(f"There is nothing earlier in {clean_line(name)}.")
        return
    talk.answer(page_title(name, page.events))
    about.show_page(talk, page, name)
    more = f"; for earlier ones: /history {limit} {page.events[0].seq}" if page.more else ""
    talk.answer(f"-- end of history{more} --")


_FIRST_WORD: Final = re.compile(r"""((?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)(?:\s+(.*))?""", re.DOTALL)


def first_word(argument: str) -> tuple[str, str]:
    """Return the first word, which may be quoted as in a shell, and the rest; empty ones if there is none."""
    found = _FIRST_WORD.fullmatch(argument)
    if found is None:
        return "", ""
    return "".join(shlex.split(found[1])), (found[2] or "").strip()


def _path(word: str) -> Path:
    try:
        return expand(word)
    except RuntimeError:
        return Path(word)


async def _put(talk: Talk, argument: str) -> None:
    word, caption = first_word(argument)
    if not word:
        raise COMMANDS["put"].misused()
    room, path = talk.client.name(_room(talk, "put")), _path(word)
    try:
        talk.posted(await talk.client.files.put(room, path, caption, keep=True))
    except RequestError as error:
        raise ClientError(error.code, f"{path} is not posted in {room}: {error.text}") from None


async def _get(talk: Talk, argument: str) -> None:
    word, rest = first_word(argument)
    output, more = first_word(rest)
    if not word or more or bool(rest) != bool(output):
        raise COMMANDS["get"].misused()
    which, room = which_file(word), _room(talk, "get")
    path = await talk.client.files.get(room, which.seq, which.file, str(_path(output)) if output else "")
    talk.answer(f"{clean_line(path.name)} is saved: {clean_line(str(rooted(path)))}")


async def _cancel(talk: Talk, argument: str) -> None:
    name = first_word(argument)[0] or argument
    meant = [file for file in talk.client.files.transfers() if name in {"", file.name}]
    if not meant:
        raise ClientError(
            "no-such-file", f"No file called {name} is on its way." if name else "No file is on its way."
        )
    for file in meant:
        talk.client.files.give_up(file.key)


async def _nick(talk: Talk, argument: str) -> None:
    if argument:
        await talk.client.nick(argument)
    talk.answer(f"Your nick is {clean_line(talk.client.nickname)}.")


async def _status(talk: Talk, _: str) -> None:
    talk.answer(*status_lines(talk.client.status()))


async def _waiting(talk: Talk, argument: str) -> None:
    if argument == "drop":
        talk.client.earlier.drop()
    elif argument == "send":
        if talk.client.status().state in OFFLINE:
            raise ClientError("offline", "It can be sent when there is a connection.")
        taken = talk.client.earlier.take_over()
        talk.taken_over(taken)
        messages, files = counted(len(taken.keys), "message"), counted(len(taken.posted), "file")
        talk.say(f"Sending {messages} and {files} here.")
        for left in filter(has_queue, talk.client.earlier.left()):
            talk.answer(await send_session(talk.client, left))
        return
    elif argument:
        raise COMMANDS["waiting"].misused()
    talk.answer(*left_lines(talk.client.earlier.left(), "/waiting", ""))


async def _reconnect(talk: Talk, _: str) -> None:
    talk.client.reconnect()


def _explained(command: Command[Talk]) -> list[str]:
    """Return the lines of the list of commands about one: its summary hangs beside its usage, or below it."""
    rows = wrap(command.summary, LISTING - HANGING, break_on_hyphens=False)
    beside = command.usage if len(command.usage) < HANGING else ""
    hanging = [f"{begin:<{HANGING}}{row}" for begin, row in zip_longest([beside], rows, fillvalue="")]
    return hanging if beside else [command.usage, *hanging]


async def _help(talk: Talk, argument: str) -> None:
    if argument and argument != "all":
        talk.answer(find(argument.lower().removeprefix("/")).explained)
        return
    if argument:
        talk.answer(*chain.from_iterable(map(_explained, COMMANDS.values())))
    else:
        talk.answer(*chain.from_iterable(_explained(COMMANDS[name]) for name in FIRST))
        talk.answer(f"/help all lists all {len(COMMANDS)} commands, /help command explains one.")
    talk.answer(
        "All else is sent to the room that the prompt names; a text that begins with / is written with //."
    )


async def _quit(talk: Talk, _: str) -> None:
    talk.leave_chatc()


COMMANDS: Final[Mapping[str, Command[Talk]]] = {
    "join": Command("/join #room", "enter a room, or go on talking in one you are in", _join, changes=True),
    "leave": Command("/leave [#room]", "leave the current or the named room for good", _leave, changes=True),
    "msg": Command("/msg nick [text]", "send a direct message; without a text, go on talking there", _msg),
    "topic": Command("/topic [text]", "show the room's topic, or set it; - clears it", _topic, changes=True),
    "rooms": Command("/rooms", "list the rooms; yours have a number: Alt and the digit goes there", _rooms),
    "unread": Command(
        "/unread [#room or all]",
        "list what is unread in your rooms; count it as read there, or in all",
        _unread,
    ),
    "who": Command("/who [#room]", "list the members of the current or the named room", _who),
    "history": Command(
        "/history [count [before]]", "show the last messages, or those before an event", _history
    ),
    "put": Command("/put file [caption]", "post a file; quote a name with blanks in it", _put),
    "get": Command(
        "/get number [path]",
        "get the file of that event or SHA-256, into a folder or a new file",
        _get,
    ),
    "cancel": Command(
        "/cancel [name]", "give up the file of that name, or all that are on their way", _cancel
    ),
    "nick": Command("/nick [nick]", "show your nick, or take another one", _nick, changes=True),
    **about.COMMANDS,
    **away.COMMANDS,
    **finding.COMMANDS,
    **order.COMMANDS,
    **hooks.COMMANDS,
    **mine.COMMANDS,
    "status": Command("/status", "say how the link is and what waits to be sent", _status),
    "waiting": Command(
        "/waiting [send or drop]", "list what waits elsewhere; send it here, or delete it", _waiting
    ),
    "reconnect": Command("/reconnect", "try to connect now; a live link is probed", _reconnect),
    "help": Command("/help [all or command]", "list what one needs first, or all; explain one", _help),
    "quit": Command("/quit", "end; what is not sent yet stays queued (as does Ctrl-D)", _quit),
}
