"""Colours: what makes lines of the log easier to read where a person looks at them, and nowhere else."""

import os
from collections.abc import Mapping
from typing import Final

_RESET: Final = "\x1b[0m"
_FAINT: Final = "\x1b[2m"
_BOLD: Final = "\x1b[1m"

_LEVELS: Final = {
    "debug": _FAINT,
    "info": "",
    "warn": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}
"""What a level is shown in; what is usual has no colour, so that what is not stands out."""


def wanted(descriptor: int, environment: Mapping[str, str] | None = None) -> bool:
    """Return whether ``descriptor`` is a terminal that shows colours, and nobody has asked for none.

    NO_COLOR (https://no-color.org) with any text, and TERM=dumb or none, say so.
    """
    variables = os.environ if environment is None else environment
    if variables.get("NO_COLOR") or variables.get("TERM", "dumb") == "dumb":
        return False
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def painted(time: str, level: str, said: str) -> str:
    """Return a line of the log in colours: when, at which level, and what, which begins with its name."""
    name, blank, rest = said.partition(" ")
    paint = _LEVELS.get(level, "")
    shown = f"{paint}{level}{_RESET}" if paint else level
    return f"{_FAINT}{time}{_RESET} {shown} {_BOLD}{name}{_RESET}{blank}{rest}"
