"""docs/API.md and the code say the same: every name of the asyncio client stands there, and no other."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

from chatd.client import aio
from chatd.client.aio import Client, Event, Hit, Hits, Options, Page, Sent, Status, Waiting, connect

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "API.md").read_text()


def rows(title, head):
    """Return the first columns of the table below heading ``title`` whose head is ``head``."""
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]
    table = re.search(rf"^\| {re.escape(head)} \|.*?\n\|-.*?\n((?:\|.*\n)+)", section, re.MULTILINE)[1]
    firsts = [re.match(r"\| ((?:`[^`]+`(?:, )?)+) \|", line)[1] for line in table.splitlines()]
    return [name for first in firsts for name in re.findall("`([^`]+)`", first)]


def public(kind):
    """Return the public names of a class."""
    return {name for name in vars(kind) if not name.startswith("_")}


def arguments(function):
    """Return how the page writes the arguments of ``function``."""
    shown, named = [], False
    for one in list(inspect.signature(function).parameters.values())[1:]:
        if one.kind is one.KEYWORD_ONLY and not named:
            named = True
            if not any(each.startswith("*") for each in shown):
                shown.append("*")
        shown.append(f"*{one.name}" if one.kind is one.VAR_POSITIONAL else one.name)
    return ", ".join(shown)


def callables(kind):
    """Return the public names of a class, methods with their arguments."""
    return {
        f"{name}({arguments(value)})" if inspect.isfunction(value) else name
        for name in public(kind)
        for value in [inspect.getattr_static(kind, name)]
    }


def test_connect_has_the_arguments_that_the_page_names():
    assert rows("connect", "argument") == list(inspect.signature(connect).parameters)


def test_the_client_has_the_methods_that_the_page_names():
    assert set(rows("Client", "name")) == callables(Client)


def test_an_event_has_what_the_page_names():
    named = {one.name for one in fields(Event) if not one.name.startswith("_")}
    methods = {call for call in callables(Event) if "(" in call}
    assert set(rows("Event", "name")) == named | methods


@pytest.mark.parametrize("kind", [Sent, Page, Hits, Hit, Status, Waiting], ids=lambda kind: kind.__name__)
def test_what_comes_back_has_the_fields_that_the_page_names(kind):
    assert rows("What comes back", f"`{kind.__name__}`") == list(kind.__struct_fields__)


def test_the_options_are_those_that_the_page_names():
    assert set(rows("Options", "name")) == {one.name for one in fields(Options)}


def test_every_public_name_is_on_the_page():
    assert not [name for name in aio.__all__ if f"`{name}" not in PAGE]


def test_the_first_bot_has_twenty_lines_at_the_most():
    bot = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    assert len(bot.splitlines()) <= 20
