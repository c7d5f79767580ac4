"""The log has colours on a terminal that shows them, and nowhere else."""

import os
import re

import pytest
from twisted.logger import LogLevel

from chatd.control.cli.tailed import text_of
from chatd.control.rows import LogLine
from chatd.ops.colours import wanted
from chatd.ops.event_lines import coloured_line, text_line
from chatd.ops.log import KEY, Said

SEQUENCE = re.compile("\x1b\\[[0-9;]*m")


@pytest.fixture
def terminal():
    near, far = os.openpty()
    yield far
    os.close(near)
    os.close(far)


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_who_wants_none_gets_none(terminal, variables, shown):
    assert wanted(terminal, variables) is shown


def test_pipes_and_files_and_what_is_closed_get_none(tmp_path):
    near, far = os.pipe()
    with (tmp_path / "log").open("w") as file:
        assert not wanted(far, {"TERM": "xterm"})
        assert not wanted(file.fileno(), {"TERM": "xterm"})
    os.close(near)
    os.close(far)
    assert not wanted(far, {"TERM": "xterm"})


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error", "critical"])
def test_colours_change_nothing_else_and_values_bring_none(level):
    said = Said("refused", "No \x1b[31mway.", {"peer": "a\x1b[32mb", "nick": "ann"})
    event = {"log_level": LogLevel.levelWithName(level), "log_time": 0.0, KEY: said}
    plain, shown = text_line(event), coloured_line(event)
    assert SEQUENCE.sub("", shown) == plain
    assert "\x1b" not in plain
    name = shown.index("refused")
    assert "\x1b" not in shown[name:].replace("\x1b[0m", "", 1)
    assert shown.endswith("\n")


def test_a_kept_line_is_shown_alike():
    line = {"time": "T", "level": "warn", "event": "refused", "text": "No.", "peer": "x", "traceback": "a\nb"}
    row = LogLine(cursor=1, line=line)
    assert SEQUENCE.sub("", text_of(row, coloured=True)) == text_of(row)
    assert text_of(row, coloured=True) != text_of(row)
