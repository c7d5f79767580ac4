"""/hook: what is typed, and what is seen of it."""

import re

import pytest

from chatd.client.cli.hooks import hook_line
from chatd.wire import messages as m
from tests.client.cli.sitting import seated


@pytest.fixture
def people(world):
    with seated(world, "ann", "ben") as people:
        yield people


def test_hooks_are_made_listed_and_taken_back(people):
    ann, ben = people.values()
    assert "has no hooks" in ann.type("/hook")[0]
    posts, secret, kept = [line for line in ann.type("/hook add ci") if " * ci " not in line]
    assert posts == "ci posts to #tea by this secret, at /hooks/SECRET:"
    assert re.fullmatch(r"[\w-]{43}", secret)
    assert kept == "Keep it now: nobody is shown it again."
    told, other, _ = ann.type("/hook add mirror https://example.org/x")
    assert "signed with this secret" in told
    assert other != secret
    assert ann.type("/hook") == [
        "ci posts, by ann",
        "mirror is told at https://example.org/x, by ann",
    ]
    assert "ci is no hook of #tea any more." in ann.type("/hook drop ci")
    assert [line for line in ben.paper.shown if secret in line] == []
    assert "moderators" not in ben.type("/hook")[0]
    assert "owner" in ben.type("/hook")[0]


@pytest.mark.parametrize("line", ["/hook add", "/hook drop", "/hook add a b c", "/hook drop a b", "/hook x"])
def test_what_is_no_hook_is_told_how(people, line):
    assert "Write /hook [add name [url] or drop name]" in people["ann"].type(line)[0]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"url": "https://e.org"}, "h is told at https://e.org, by ann"),
        (
            {"url": "https://e.org", "failing": 60, "behind": 3, "trouble": "it answered 500"},
            "h is told at https://e.org, by ann; 3 events behind; failing for 1 min: it answered 500",
        ),
        (
            {"url": "https://e.org", "off": True, "failing": 9},
            "h is told at https://e.org, by ann; given up: drop it and make it again",
        ),
    ],
)
def test_lines_about_hooks(fields, line):
    assert hook_line(m.HookInfo(name="h", by="ann", made=1, **fields)) == line


def test_what_an_operator_has_made_is_the_servers():
    assert hook_line(m.HookInfo(name="h", by="*", made=1)) == "h posts, by the server"


def test_nothing_of_it_reaches_a_terminal_as_control_characters():
    hook = m.HookInfo(
        name="h\x1b[2J", by="a\nb", made=1, url="https://e\x07", failing=1, trouble="x\x1b]0;y\x07"
    )
    assert hook_line(hook).isprintable()
