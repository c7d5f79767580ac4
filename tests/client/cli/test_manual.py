"""The manual says what the command line says, and keeps silent where that would say something else."""

import os
import pty
import runpy
import termios
from pathlib import Path

import pytest

from chatd.client.cli.manual import FOLDER, print_page

TOOL = Path(__file__).parents[3] / "tools" / "help_pages.py"


@pytest.fixture(autouse=True)
def usual(monkeypatch, tmp_path):
    """Have no settings, and no terminal."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("COLUMNS", raising=False)


def test_each_page_says_what_the_command_line_says():
    kept = {path.stem: path.read_bytes().decode("ascii").split() for path in Path(FOLDER).glob("*.txt")}
    said = {name: text.split() for name, text in runpy.run_path(str(TOOL))["pages"]().items()}
    assert kept == said, "run PYTHONPATH=. python tools/help_pages.py"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["send", "--help"], ["certificate", "add", "-h"]])
def test_a_page_is_printed(words, capfd):
    assert print_page(words)
    printed = capfd.readouterr().out
    assert printed == (Path(FOLDER) / f"{'.'.join(['chatc', *words[:-1]])}.txt").read_text()
    assert " ".join(["Usage: chatc", *words[:-1]]) in printed


@pytest.mark.parametrize(
    "words",
    [[], ["send"], ["sned", "--help"], ["certificate.add", "-h"], ["--help", "send"], ["../chatc", "-h"]],
)
def test_anything_else_is_for_the_command_line(words, capfd):
    assert not print_page(words)
    assert capfd.readouterr().out == ""


def test_settings_change_the_defaults_that_are_shown(tmp_path, capfd):
    (tmp_path / "chatd").mkdir()
    (tmp_path / "chatd" / "chatc.toml").write_text("recent = 3\n")
    assert not print_page(["--help"])
    assert capfd.readouterr().out == ""


def test_a_wish_for_a_width_is_heard(monkeypatch, capfd):
    monkeypatch.setenv("COLUMNS", "60")
    assert not print_page(["--help"])
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(("columns", "printed"), [(0, True), (79, False), (80, True), (200, True)])
def test_lines_fit_on_the_terminal(columns, printed, capfd):
    master, slave = pty.openpty()
    before = os.dup(1)
    try:
        termios.tcsetwinsize(slave, (24, columns))
        os.dup2(slave, 1)
        assert print_page(["back", "--help"]) == printed
    finally:
        os.dup2(before, 1)
        for fd in (master, slave, before):
            os.close(fd)


def test_a_reader_who_goes_away_is_no_fault(monkeypatch):
    ours, theirs = os.pipe()
    before = os.dup(1)
    os.close(ours)
    try:
        os.dup2(theirs, 1)
        with pytest.raises(SystemExit) as ended:
            print_page(["--help"])
    finally:
        os.dup2(before, 1)
        os.close(before)
        os.close(theirs)
    assert ended.value.code == 1
