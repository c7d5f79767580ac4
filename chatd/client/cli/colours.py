"""Colours of nicks: always the same one for the same nick, and to be read on light and on dark grounds."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from zlib import crc32

from chatd.wire.names import fold

MANY: Final = tuple(f"38;5;{n}" for n in (160, 130, 64, 28, 29, 30, 31, 27, 63, 98, 129, 164, 162, 131, 133))
"""Of the 256 colours: each has a contrast of 3.8 or more with white and with black; 4.58 is the most."""

SIXTEEN: Final = ("31", "32", "35", "36", "91", "94", "95")
"""Of the 16 colours: none that terminals show as yellow or pale, nor the blue that is nearly black."""

EIGHT: Final = ("31", "32", "35", "36")
"""The same of the first eight, where there are no others."""


def terminal_colours(name: str) -> int | None:
    """Return how many colours terminals of that name have, None if that is not known here."""
    try:
        import curses  # noqa: PLC0415 - few have no use of it, and some systems lack it

        curses.setupterm(name, 1)
        return curses.tigetnum("colors")
    except (ImportError, OSError, curses.error):
        return None


def palette(
    environment: Mapping[str, str] = os.environ, count: Callable[[str], int | None] = terminal_colours
) -> Sequence[str]:
    """Return the colours for nicks that the terminal has, as they stand in its sequences; maybe none.

    Nobody is asked for colours who has refused them (https://no-color.org).
    """
    if environment.get("NO_COLOR"):
        return ()
    if environment.get("COLORTERM") in {"truecolor", "24bit"}:
        return MANY
    name = environment.get("TERM", "")
    number = count(name)
    if number is None:
        number = 256 if "256color" in name else 16
    return next((colours for least, colours in _LEAST if number >= least), ())


_LEAST: Final[tuple[tuple[int, Sequence[str]], ...]] = ((256, MANY), (16, SIXTEEN), (8, EIGHT))


def colour_of(nick: str, colours: Sequence[str]) -> str:
    """Return the one of ``colours`` that ``nick`` always has."""
    return colours[crc32(fold(nick).encode()) % len(colours)]


def decorated(line: str, nick: str, colours: Sequence[str], *, loud: bool = False, number: int = 0) -> str:
    """Return ``line`` with its first ``<nick>`` in the colour of that nick; one that is ``loud`` is bold.

    The ``number`` that stands before the nick is faint. Without ``colours`` only what is loud changes.
    """
    plain = "\x1b[0;1m" if loud else "\x1b[0m"
    if colours:
        line = line.replace(f"<{nick}>", f"<\x1b[{colour_of(nick, colours)}m{nick}{plain}>", 1)
        if number:
            line = line.replace(f" {number} ", f" \x1b[2m{number}{plain} ", 1)
    if not loud:
        return line
    return "\n".join(f"\x1b[1m{one}\x1b[0m" for one in line.split("\n"))
