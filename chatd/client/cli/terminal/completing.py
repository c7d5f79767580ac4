"""What Tab makes of a line: commands, rooms, nicks, and the names of files where a command takes one."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from chatd.client.cli.text import clean_line
from chatd.home import expand

MOST: Final = 200
"""Names of files that are offered at the most."""

_WORD: Final = re.compile(r"\S*\Z")

_PATH: Final = re.compile(
    r"""/(?:put\s+|get\s+\S+\s+)(?P<word>"[^"\\]*|'[^']*|(?:[^\s"'\\]|\\.)*)\Z""", re.DOTALL | re.IGNORECASE
)
"""A line whose end is the beginning of a path, plain or with a quote that is still open."""


class Offer(NamedTuple):
    """The end of the line that is to be completed, and what it may become."""

    word: str
    choices: list[str]


def last_word(before: str) -> str:
    """Return what of ``before`` stands behind its last blank."""
    found = _WORD.search(before)
    return found[0] if found else ""


def complete_path(before: str) -> Offer | None:
    """Offer files and folders where ``before`` ends within the path of a command; None elsewhere."""
    found = _PATH.fullmatch(before)
    if found is None:
        return None
    word = found["word"]
    quote = word[:1] if word[:1] in {'"', "'"} else ""
    typed = word[1:] if quote else re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL)
    folder, start = os.path.split(typed)
    begun = typed[: len(typed) - len(start)]
    choices = [_written(begun, name, quote, is_folder) for name, is_folder in _entries(folder, start)]
    return Offer(word, [choice for choice in choices if choice])


def _entries(folder: str, start: str) -> Iterable[tuple[str, bool]]:
    """Return the names in ``folder`` that begin with ``start``, and whether each is a folder."""
    found = []
    with suppress(OSError, RuntimeError, ValueError), os.scandir(expand(folder or ".")) as entries:
        for entry in entries:
            hidden = entry.name.startswith(".") and not start.startswith(".")
            if entry.name.startswith(start) and not hidden and clean_line(entry.name) == entry.name:
                found.append((entry.name, entry.is_dir()))
    return sorted(found)[:MOST]


def _written(begun: str, name: str, quote: str, is_folder: bool) -> str:
    """Return how a path is written in a command; nothing where it cannot be within that quote."""
    path = begun + name + ("/" if is_folder else "")
    if quote:
        if quote in path or "\\" in path:
            return ""
        return quote + path + ("" if is_folder else f"{quote} ")
    return re.sub(r"""([\s"'\\])""", r"\\\1", path) + ("" if is_folder else " ")
