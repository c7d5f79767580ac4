"""docs/USERGUIDE.md names every command, every option and every word of the prompt that there is."""

import json
import re
from pathlib import Path

import click
import pytest

from chatd.client.cli.commands import chatc
from chatd.client.cli.jsonlines import event_line
from chatd.client.cli.slash import COMMANDS
from chatd.client.cli.text import _FORMS, _REFERRING
from chatd.wire.messages import Event, File

GUIDE = (Path(__file__).parents[3] / "docs" / "USERGUIDE.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_slash_commands(name):
    assert COMMANDS[name].usage.split()[0] == f"/{name}"
    assert f"`{COMMANDS[name].usage}`" in GUIDE


@pytest.mark.parametrize("command", [chatc, *chatc.commands.values()], ids=lambda command: command.name)
def test_commands_and_their_options(command):
    assert f"chatc {command.name}" in GUIDE or command is chatc
    options = [name for param in command.params if isinstance(param, click.Option) for name in param.opts]
    told = [name for name in options if name.startswith("--") and name not in ("--help", "--version")]
    assert [name for name in told if f"`{name}" not in GUIDE] == []


def rows(heading):
    """Return the first cells of the tables below ``heading``, as single words."""
    section = GUIDE.partition(f"### {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall("`([^`]+)`", cell)}


def test_every_field_and_every_kind_of_events_for_programs():
    told = rows("Events as JSON")
    kinds = {*_FORMS, *_REFERRING, "file", "edit", "gap", "restored"}
    file = File(name="a", size=1, sha256="0" * 64)
    event = Event(
        room="#a",
        seq=1,
        ts=1,
        kind="file",
        by="a",
        file=file,
        whom="b",
        ref=1,
        refs=(1,),
        thread=1,
        mentions=("b",),
        edited=2,
        operator=True,
    )
    fields = set(json.loads(event_line(event, "#a", "00000000")))
    assert told == kinds | fields


@pytest.mark.parametrize("kind", ["edit", "react", "unreact", "pin", "unpin", "remove"])
def test_what_is_about_another_event_names_it(kind):
    event = Event(room="#a", seq=9, ts=1, kind=kind, by="a", ref=3, value="x", reason="y")
    assert json.loads(event_line(event, "#a"))["ref"] == 3
