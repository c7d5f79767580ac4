"""Tables that fit into a terminal: what matters least is left out, and long texts are cut."""

import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chatd.ops.words import escape

GAP: Final = "  "

FAIR_PART: Final = 4
"""A long text takes a line's part of so many, until everything that fits has its place."""


@dataclass(frozen=True)
class Column:
    """A column: its ``title``, the ``text`` of a row in it, and how much it matters (the more, the longer).

    Numbers stand to the ``right``. A text that is long is cut, but not below ``least`` cells, and not at all
    where that is 0. A column that is empty in all rows is left out.
    """

    title: str
    text: Callable[[Any], str]
    matters: int
    right: bool = False
    least: int = 0


def width_of_output() -> int | None:
    """Return the cells of a line of the terminal, None where nobody looks at one; COLUMNS beats both."""
    if os.environ.get("COLUMNS", "").isdecimal() or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def cells(text: str) -> int:
    """Return how many cells of a terminal ``text`` takes."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def cut(text: str, most: int) -> str:
    """Return ``text`` in at most ``most`` cells, with a sign where something is missing."""
    if cells(text) <= most:
        return text
    while text and cells(text) > most - 1:
        text = text[:-1]
    return text + "…"


def table(columns: Sequence[Column], rows: Sequence[Any], width: int | None) -> Iterator[str]:
    """Yield the lines of a table of ``rows`` that is at most ``width`` cells wide."""
    made = [[escape(column.text(row)) for row in rows] for column in columns]
    shown = [place for place, texts in enumerate(made) if any(texts)]
    widths = {
        place: max(cells(columns[place].title), *(cells(text) for text in made[place])) for place in shown
    }
    if width is not None:
        widths = _fit(columns, widths, width)
    shown = list(widths)
    yield _line(columns, widths, [columns[place].title for place in shown])
    for number in range(len(rows)):
        yield _line(columns, widths, [made[place][number] for place in shown])


def _fit(columns: Sequence[Column], wanted: dict[int, int], width: int) -> dict[int, int]:
    """Return the widths of those columns that fit into ``width``, whose texts want ``wanted``.

    What matters most has its place first, a long text its fair part of the line; what is left then is given
    to long texts.
    """
    fair = width // FAIR_PART
    by_weight = sorted(wanted, key=lambda place: -columns[place].matters)
    widths: dict[int, int] = {}
    for place in by_weight:
        least = _least(columns[place], wanted[place])
        free = width - _total(widths) - (len(GAP) if widths else 0)
        if not widths or least <= free:
            widths[place] = min(wanted[place], max(least, min(fair, free)))
    for place in by_weight:
        if place in widths:
            widths[place] = min(wanted[place], widths[place] + max(0, width - _total(widths)))
    return dict(sorted(widths.items()))


def _least(column: Column, wanted: int) -> int:
    """Return the fewest cells in which ``column`` may be shown, whose texts want so many."""
    return min(wanted, max(column.least, cells(column.title))) if column.least else wanted


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + len(GAP) * max(0, len(widths) - 1)


def _line(columns: Sequence[Column], widths: dict[int, int], texts: list[str]) -> str:
    padded = []
    for (place, width), text in zip(widths.items(), texts, strict=True):
        short = cut(text, width)
        space = " " * (width - cells(short))
        padded.append(space + short if columns[place].right else short + space)
    return GAP.join(padded).rstrip()


def wrapped(text: str, width: int | None, **how: str) -> list[str]:
    """Return ``text`` in lines of ``width`` cells at the most; no number is parted from its unit."""
    if width is None:
        return [text]
    joined = re.sub(r"(?<=\d) (?=(?:[KMGT]iB|[a-zA-Z%]{1,3})\b|%)", _JOINER, text)
    lines = textwrap.wrap(joined, width, break_on_hyphens=False, **how)  # type: ignore[arg-type]
    return [line.replace(_JOINER, " ") for line in lines]


_JOINER: Final = "\xa0"
