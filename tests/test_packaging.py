"""What is installed is what is there."""

import configparser
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from chatd import __version__

ROOT = Path(__file__).parent.parent


def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_installed():
    there = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "chatd").rglob("__init__.py")
    } | {"twisted.plugins"}
    assert set(setup()["options"]["packages"].split()) == there


def test_every_folder_says_what_lives_in_it():
    for path in (ROOT / "chatd").rglob("__init__.py"):
        assert path.read_text().startswith('"""')


@pytest.mark.parametrize("name", ["chatc", "chatctl", "chatd"])
def test_console_scripts(name):
    (script,) = entry_points(group="console_scripts", name=name)
    assert callable(script.load())


def test_the_version_is_in_the_changelog():
    version = setup()["metadata"]["version"]
    assert version == "attr: chatd.__version__"
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
