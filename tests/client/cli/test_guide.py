"""docs/USERGUIDE.md names every command, every option and every word of the prompt that there is."""

from pathlib import Path

import click
import pytest

from chatd.client.cli.commands import chatc
from chatd.client.cli.slash import COMMANDS

GUIDE = (Path(__file__).parents[3] / "docs" / "USERGUIDE.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_slash_commands(name):
    assert f"`{COMMANDS[name].usage}`" in GUIDE


@pytest.mark.parametrize("command", [chatc, *chatc.commands.values()], ids=lambda command: command.name)
def test_commands_and_their_options(command):
    assert f"chatc {command.name}" in GUIDE or command is chatc
    options = [name for param in command.params if isinstance(param, click.Option) for name in param.opts]
    told = [name for name in options if name.startswith("--") and name not in ("--help", "--version")]
    assert [name for name in told if f"`{name}" not in GUIDE] == []
