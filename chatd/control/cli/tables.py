"""Tables that fit into a terminal: what matters least is left out, and long texts are cut."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chatd.ops.words import escape

GAP = "  "


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

    The longest texts are cut, then what matters least is left out. What that leaves free is given to what
    matters most: texts are cut less, and columns come back.
    """
    widths = dict(wanted)
    while (over := _total(widths) - width) > 0:
        spare = {place: widths[place] - _least(columns[place], widths[place]) for place in widths}
        longest = max(spare, key=lambda place: spare[place])
        if spare[longest] > 0:
            widths[longest] -= min(over, (spare[longest] + 1) // 2)
        elif len(widths) > 1:
            del widths[min(widths, key=lambda place: columns[place].matters)]
        else:
            return widths
    for place in sorted(wanted, key=lambda place: -columns[place].matters):
        free = width - _total(widths)
        if place in widths:
            widths[place] = min(wanted[place], widths[place] + free)
        elif min(wanted[place], _least(columns[place], wanted[place])) <= free - len(GAP):
            widths[place] = min(wanted[place], free - len(GAP))
    return dict(sorted(widths.items()))


def _least(column: Column, width: int) -> int:
    return max(column.least, cells(column.title)) if column.least else width


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _line(columns: Sequence[Column], widths: dict[int, int], texts: list[str]) -> str:
    padded = []
    for (place, width), text in zip(widths.items(), texts, strict=True):
        short = cut(text, width)
        space = " " * (width - cells(short))
        padded.append(space + short if columns[place].right else short + space)
    return GAP.join(padded).rstrip()
