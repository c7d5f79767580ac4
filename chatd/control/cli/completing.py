"""What the shell offers for a word of chatctl: rooms and nicks are asked of the daemon, if one runs."""

import sys
from typing import Final

import click
import msgspec
from click.shell_completion import get_completion_class
from msgspec import Raw

from chatd.control.cli.asking import Answer, AskError, folder_of
from chatd.control.messages import Ask, AskBans, AskRooms, AskWho
from chatd.control.rows import BanRow, Connected, RoomRow

PATIENCE: Final = 1.0
"""Seconds for which the daemon may keep somebody waiting who has pressed the tab key."""

SHELLS: Final = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what lets SHELL complete the words of chatctl; nicks and rooms too, while the daemon runs.

    \b
    bash:  eval "$(chatctl completion bash)"           in ~/.bashrc
    zsh:   eval "$(chatctl completion zsh)"            in ~/.zshrc
    fish:  chatctl completion fish | source            in ~/.config/fish/config.fish
    """  # noqa: D301 - click's sign for lines that stay as they are
    kind = get_completion_class(shell)
    if kind is None:
        sys.exit(1)
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "chatctl", "_CHATCTL_COMPLETE").source())


def rooms(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the rooms whose names begin like ``incomplete``."""
    asked = AskRooms(where=[f"room={incomplete}*"])
    return sorted(msgspec.json.decode(row, type=RoomRow).room for row in _rows(ctx, asked))


def nicks(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the nicks of those who are connected that begin like ``incomplete``."""
    asked = AskWho(where=[f"nick={incomplete}*"])
    found = {msgspec.json.decode(row, type=Connected).nick for row in _rows(ctx, asked)}
    return sorted(nick for nick in found if nick)


def banned(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return who is banned from the server or the room that is named, and begins like ``incomplete``."""
    asked = AskBans(room=ctx.params.get("room") or "", where=[f"whom={incomplete}*"])
    return sorted(msgspec.json.decode(row, type=BanRow).whom for row in _rows(ctx, asked))


def _rows(ctx: click.Context, asked: Ask) -> list[Raw]:
    try:
        return list(Answer(folder_of(ctx.params.get("data"), ctx.params.get("config")), asked, PATIENCE))
    except AskError:
        return []
