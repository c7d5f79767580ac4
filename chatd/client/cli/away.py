"""Being away or busy: /away, /busy and /back, the same as commands of chatc, and what is shown of it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from chatd.client.api import Client
from chatd.client.cli.about import Talk
from chatd.client.cli.command import Command
from chatd.client.cli.running import complain, run_client, watch_link
from chatd.client.cli.text import clean_line, described
from chatd.client.cli.times import seconds_in
from chatd.client.core.problems import ClientError
from chatd.client.values import Options
from chatd.wire.messages import StatusInfo

_FOR: Final = re.compile(r"(?:^|(.*)\s)for\s+([0-9]+)\s*([a-z]+)", re.DOTALL)


class Said(NamedTuple):
    """What is said with a status, and for how many seconds it holds; 0: until something else is said."""

    text: str
    seconds: int


def said(argument: str) -> Said:
    """Return what ``argument`` says; a time at its end, such as "for 2h", is how long it holds."""
    argument = argument.strip()
    found = _FOR.fullmatch(argument)
    seconds = None if found is None else seconds_in(found[2] + found[3])
    if found is None or seconds is None:
        return Said(argument, 0)
    return Said((found[1] or "").strip(), seconds)


def seconds_of(time: str | None) -> int:
    """Return the seconds of a time such as 2h; 0 for none. Raises `ClientError` ``usage``."""
    if time is None:
        return 0
    seconds = seconds_in(time)
    if seconds is None:
        raise ClientError("usage", "A time is a number with its unit: 30s, 10min, 2h or 7d.")
    return seconds


def status_line(status: StatusInfo | None, back: str = ". /back") -> str:
    """Return what is told of our own status, and that ``back`` ends it."""
    if status is None or not status.state:
        return "You are neither away nor busy."
    return f"You are {described(status)}{back} ends it."


def told_line(status: StatusInfo) -> str:
    """Return what is told of somebody else."""
    return f"{clean_line(status.nick)} is {described(status) if status.state else 'back'}"


async def _away(talk: Talk, argument: str) -> None:
    await talk.client.away(*said(argument))
    talk.answer(status_line(talk.client.standing))


async def _busy(talk: Talk, argument: str) -> None:
    await talk.client.busy(*said(argument))
    talk.answer(status_line(talk.client.standing))


async def _back(talk: Talk, argument: str) -> None:
    if argument:
        raise COMMANDS["back"].misused()
    await talk.client.back()
    talk.answer(status_line(talk.client.standing))


COMMANDS: Final[Mapping[str, Command[Talk]]] = {
    "away": Command(
        "/away [text] [for time]",
        "let others see that you are away, and why; a time is like 10min, 2h or 7d",
        _away,
        changes=True,
    ),
    "busy": Command(
        "/busy [text] [for time]",
        "the same with do not disturb: mentions of you ring no bell",
        _busy,
        changes=True,
    ),
    "back": Command("/back", "be neither away nor busy any more", _back, changes=True),
}


def run(options: Options, state: str, text: str, time: str | None) -> int:
    """Be away, busy or neither (""), for a ``time`` if there is one; return the exit status."""
    options = replace(options, follow="listed", cursors={}, remember=False)
    return run_client(options, partial(_run, state=state, text=text, seconds=seconds_of(time)))


async def _run(_: Any, client: Client, *, state: str, text: str, seconds: int) -> int:
    watch_link(client, verbose=False)
    client.start()
    if state:
        await (client.away if state == "away" else client.busy)(text, seconds)
    else:
        await client.back()
    complain(status_line(client.standing, "; chatc back"))
    return 0
