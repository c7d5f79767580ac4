"""The manual: what ``--help`` prints of each command, kept as text: to make it takes four times as long.

`tools/help_pages.py` writes the pages. Where one is missing or would be wrong, the command line makes it.
Nothing large is imported here, such as `typing` and `pathlib`.
"""

import os
import sys

FOLDER = f"{os.path.dirname(__file__)}/pages"  # noqa: PTH120
"""Where the pages are; it is no package."""

WIDTH = 80
"""Columns of a terminal at the least for which a page is laid out."""

ASKING = ("-h", "--help")


def print_page(words: list[str]) -> bool:
    """Print the page that ``words`` ask for, all of the command line; return whether there is one.

    Nothing is printed where the page depends on more than that: on a narrow terminal, or on settings.
    """
    if not words or words[-1] not in ASKING or _narrow() or _has_settings():
        return False
    if not all(word.replace("-", "").isalpha() for word in words[:-1]):
        return False
    try:
        with open(f"{FOLDER}/{'.'.join(('chatc', *words[:-1]))}.txt", "rb") as file:  # noqa: PTH123
            page = file.read()
    except OSError:
        return False
    try:
        while page:
            page = page[os.write(1, page) :]
    except BrokenPipeError:
        sys.exit(1)
    return True


def _narrow() -> bool:
    """Return whether lines may have to be shorter, as `shutil.get_terminal_size` would find."""
    if os.environ.get("COLUMNS"):
        return True
    try:
        return 0 < os.get_terminal_size(1).columns < WIDTH
    except OSError:
        return False


def _has_settings() -> bool:
    """Return whether there may be a file of settings: it changes the defaults that are shown."""
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return os.path.lexists(os.path.expanduser(f"{folder}/chatd/chatc.toml"))  # noqa: PTH111
