"""chatctl hook add, hook drop and hooks."""

from typing import Final

import click

from chatd.control.cli.asking import Answer, folder_of, said
from chatd.control.cli.completing import rooms
from chatd.control.cli.looks import rows_of, show
from chatd.control.cli.options import as_json, asking, where
from chatd.control.cli.tables import Column
from chatd.control.cli.words import duration, moment
from chatd.control.messages import AskHookAdd, AskHookDrop, AskHooks
from chatd.control.rows import HookRow
from chatd.ops.words import escape
from chatd.wire.names import SERVER

_room = click.option("--room", required=True, metavar="ROOM", shell_complete=rooms, help="The room.")


@click.group("hook")
def hook() -> None:
    """Make or drop hooks: programs that post to a room over HTTP, or are told what is said there."""


@hook.command("add")
@click.argument("name")
@_room
@click.option("--url", default="", metavar="URL", help="Tell there what is said; without it NAME posts.")
@asking
def add(data: str | None, config: str | None, name: str, room: str, url: str) -> None:
    """Make a hook NAME of a room and show its secret, which nobody is shown again."""
    asked = AskHookAdd(name=name, room=room, url=url)
    click.echo(escape(said(Answer(folder_of(data, config), asked))))


@hook.command("drop")
@click.argument("name")
@_room
@asking
def drop(data: str | None, config: str | None, name: str, room: str) -> None:
    """Take the hook NAME of a room back, at once."""
    click.echo(escape(said(Answer(folder_of(data, config), AskHookDrop(name=name, room=room)))))


@click.command("hooks")
@click.option("--room", default="", metavar="ROOM", shell_complete=rooms, help="Those of one room.")
@asking
@as_json
@where
def hooks(data: str | None, config: str | None, as_json: bool, where: tuple[str, ...], room: str) -> None:
    """List the hooks of all rooms, and how those fare that are told what is said."""
    asked = AskHooks(room=room, where=list(where))
    show(HOOKS, rows_of(folder_of(data, config), asked, HookRow, as_json=as_json), "hooks")


def _state(row: HookRow) -> str:
    if row.off:
        return "given up"
    if row.failing:
        return f"failing for {duration(row.failing)}"
    return "works" if row.url else "posts"


HOOKS: Final = (
    Column("room", lambda row: row.room, 9, least=12),
    Column("name", lambda row: row.name, 8),
    Column("is", _state, 7),
    Column("behind", lambda row: str(row.behind) if row.behind else "", 6, right=True),
    Column("told at", lambda row: row.url, 5, least=20),
    Column("trouble", lambda row: row.trouble, 4, least=12),
    Column("by", lambda row: "the server" if row.by == SERVER else row.by, 3),
    Column("made", lambda row: moment(row.made), 2),
)
