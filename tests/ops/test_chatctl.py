"""chatctl as operators run it."""

from pathlib import Path

import pytest

from chatd import __version__

DEFAULT = Path(__file__).parents[2] / "etc" / "chatd.toml"


def test_a_right_file(run, tmp_path):
    (tmp_path / "chatd.toml").write_text("[log]\nlevel = 'debug'\n")
    done = run("chatctl", "check-config", "chatd.toml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "chatd.toml is right\n", "")


def test_the_default_file_is_right(run):
    assert run("chatctl", "check-config", DEFAULT).returncode == 0


def test_every_mistake_has_its_line(run, tmp_path):
    (tmp_path / "bad.toml").write_text(
        "dta = 1\n[heartbeat]\ninterval = '5'\n[[listen]]\nendpoint = 'tcp:1'\n"
    )
    done = run("chatctl", "check-config", "bad.toml")
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["bad.toml", "dta"],
        ["bad.toml", "heartbeat.interval"],
        ["bad.toml", "listen[0].endpoint"],
    ]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [("nope.toml", "the file cannot be read: No such file or directory."), ("a\nb", "the file cannot")],
)
def test_no_such_file(run, file, sentence):
    done = run("chatctl", "check-config", file)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert sentence in line


def test_help_and_version(run):
    assert run("chatctl", "--version").stdout == f"chatctl {__version__}\n"
    assert "check-config" in run("chatctl", "--help").stdout
