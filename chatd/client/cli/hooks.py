"""/hook: what posts to the current room over HTTP, or is told over HTTP what is said there."""

from collections.abc import Mapping
from typing import Final

from chatd.client.cli.about import Talk, here
from chatd.client.cli.command import Command
from chatd.client.cli.text import ago, clean_line
from chatd.wire import messages as m
from chatd.wire.names import SERVER

_WORDS: Final = {"add": (2, 3), "drop": (2, 2)}
"""How many words an act takes, at least and at most, with its own."""


async def _hook(talk: Talk, argument: str) -> None:
    """List the hooks of the current room, make one, or take one back."""
    room, words = here(talk), argument.split()
    if not words:
        await _list(talk, room)
        return
    least, most = _WORDS.get(words[0], (1, 0))
    if not least <= len(words) <= most:
        raise COMMANDS["hook"].misused()
    name = words[1]
    if words[0] == "add":
        await _add(talk, room, name, words[2] if len(words) > 2 else "")  # noqa: PLR2004 - the last one
    else:
        await talk.client.ask(m.DropHook(id=0, room=room, name=name))
        talk.answer(f"{clean_line(name)} is no hook of {clean_line(room)} any more.")


async def _list(talk: Talk, room: str) -> None:
    ok = await talk.client.ask(m.Hooks(id=0, room=room))
    none = f"{clean_line(room)} has no hooks; /hook add NAME makes one."
    talk.answer(*(map(hook_line, ok.hooks) if ok.hooks else [none]))


async def _add(talk: Talk, room: str, name: str, url: str) -> None:
    ok = await talk.client.ask(m.AddHook(id=0, room=room, name=name, url=url))
    shown = clean_line(name)
    if url:
        talk.answer(
            f"{shown} is told what is said in {clean_line(room)}, signed with this secret:", ok.secret
        )
    else:
        talk.answer(f"{shown} posts to {clean_line(room)} by this secret, at /hooks/SECRET:", ok.secret)
    talk.answer("Keep it now: nobody is shown it again.")


def hook_line(hook: m.HookInfo) -> str:
    """Return what is told of a hook."""
    does = f"is told at {clean_line(hook.url)}" if hook.url else "posts"
    how = ""
    if hook.off:
        how = "; given up: drop it and make it again"
    elif hook.failing:
        why = f": {clean_line(hook.trouble)}" if hook.trouble else ""
        how = f"; failing for {ago(hook.failing)}{why}"
    behind = f"; {hook.behind} events behind" if hook.behind else ""
    by = "the server" if hook.by == SERVER else clean_line(hook.by)
    return f"{clean_line(hook.name)} {does}, by {by}{behind}{how}"


COMMANDS: Final[Mapping[str, Command[Talk]]] = {
    "hook": Command(
        "/hook [add name [url] or drop name]",
        "list what posts here, or is told what is said, over HTTP; make one, or take it back",
        _hook,
        changes=True,
    ),
}
