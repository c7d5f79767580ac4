"""Cells: how text is cut into what people see as one character, and how many columns each takes.

A simplification of Unicode Standard Annexes 29 and 11 that the standard library's tables suffice for: marks,
joiners and modifiers belong to the character before them. Terminals disagree about the rarest of these; what
stands on them here survives being wrong by a column.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

_JOINER: Final = "\u200d"
_SHOWN: Final = {"\n": "⏎", "\t": "⇥"}
_ALONE: Final = "\u25cc"
"""The dotted circle, which carries marks that stand alone."""


@lru_cache(maxsize=4096)
def _extends(char: str) -> bool:
    """Return whether ``char`` belongs to the character before it, taking no column of its own."""
    jamo = "\u1160" <= char <= "\u11ff"
    modifier = "\U0001f3fb" <= char <= "\U0001f3ff"
    return jamo or modifier or unicodedata.category(char) in {"Mn", "Me", "Mc", "Cf"}


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _joins(before: str, char: str) -> bool:
    if before in _SHOWN:
        return False
    if _extends(char):
        return True
    if before.endswith(_JOINER):
        return unicodedata.category(char) == "So"
    return len(before) == 1 and _is_flag_half(before) and _is_flag_half(char)


def cut(text: str) -> list[str]:
    """Return ``text`` cut into cells; joined again they are ``text``."""
    cells: list[str] = []
    for char in text:
        if cells and _joins(cells[-1], char):
            cells[-1] += char
        else:
            cells.append(char)
    return cells


def shown(cell: str) -> str:
    """Return what shows ``cell`` in a row of the screen: a line feed is ⏎, a lone mark has a carrier."""
    if cell in _SHOWN:
        return _SHOWN[cell]
    if not cell.isprintable() and unicodedata.category(cell[0]) in {"Cc", "Cs", "Zl", "Zp"}:
        return "\ufffd"
    return _ALONE + cell if _extends(cell[0]) else cell


@lru_cache(maxsize=4096)
def width(cell: str) -> int:
    """Return how many columns ``shown(cell)`` takes: 1, or 2 for what is wide in East Asian type."""
    return 2 if unicodedata.east_asian_width(shown(cell)[0]) in "WF" or _is_flag_half(cell[0]) else 1


def columns(cells: Iterable[str]) -> int:
    """Return how many columns ``cells`` take together."""
    return sum(map(width, cells))


def fit(text: str, limit: int) -> str:
    """Return ``text`` as one row of at most ``limit`` columns; where it is cut, … ends it."""
    cells = cut(text)
    if columns(cells) > limit:
        cells = [*_fitting(cells, limit - 1), "…"] if limit > 0 else []
    return "".join(map(shown, cells))


def _fitting(cells: Iterable[str], limit: int) -> Iterator[str]:
    for cell in cells:
        limit -= width(cell)
        if limit < 0:
            return
        yield cell


INDENT: Final = "      "
"""What the further rows of a line begin with: as much as the time of day takes before the first."""

_WORDS: Final = re.compile(r"( *)([^ ]+)")


def broken(line: str, limit: int) -> str:
    """Return ``line`` broken into rows of ``limit`` columns where blanks allow it.

    A word longer than a row is left to the terminal, so that an address can be copied in one piece.
    """
    rows, column = [""], 0
    for blanks, word in _WORDS.findall(line):
        size = columns(cut(word))
        if column + len(blanks) + size > limit and size <= limit - len(INDENT) and rows[-1]:
            rows.append(INDENT + word)
            column = len(INDENT) + size
        else:
            rows[-1] += blanks + word
            column += len(blanks) + size
            if column > limit:
                column %= limit
    return "\n".join(rows)
