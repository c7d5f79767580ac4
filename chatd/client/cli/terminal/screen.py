"""The bottom of the screen: what to write so that text scrolls by above a prompt that is never torn.

The prompt and what waits above it are a region of whole rows. Wrapping is switched off while they are
painted, so that a row stays a row even where the terminal's idea of a character's width differs from ours.
The last column stays free: what erases to the right would take a character there away again.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field

from chatd.client.cli.terminal.cells import broken, columns, cut, fit, shown, width
from chatd.client.cli.terminal.line import Line

MIN_COLUMNS: Final = 8
"""Columns below which nothing readable fits; narrower windows are treated as this wide."""

_FENCE: Final = "```"
"""Stands before and behind lines of code."""

_ERASE_BELOW: Final = "\x1b[J"
_ERASE_RIGHT: Final = "\x1b[K"
_WRAP_OFF: Final = "\x1b[?7l"
_WRAP_ON: Final = "\x1b[?7h"
_DIM: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"


class Region(Struct, frozen=True):
    """What stands at the bottom: ``rows`` that wait, and below them the ``prompt`` with the line."""

    prompt: str = ""
    line: Line = field(default_factory=Line)
    rows: tuple[str, ...] = ()


class Screen:
    """Knows what it painted last; returns the text to write for every change."""

    def __init__(self, size: tuple[int, int], *, colour: bool) -> None:
        self._columns, self._height = max(size[0], MIN_COLUMNS), max(size[1], 1)
        self._colour = colour
        self._first = 0
        self._widths: list[int] = []
        self._column = 0
        self._above = 0

    @property
    def prompt_columns(self) -> int:
        """Return how many columns a prompt may take."""
        return self._columns // 2

    def paint(self, region: Region) -> str:
        """Return what replaces the region on the screen with ``region``."""
        return self._to_top() + self._painted(region)

    def print(self, text: str, region: Region) -> str:
        """Return what writes the lines of ``text`` for good, and paints ``region`` below them."""
        lines = text.replace("\n", "\r\n")
        return f"{self._to_top()}{_ERASE_BELOW}{lines}\r\n{self._painted(region)}"

    def folded(self, text: str) -> str:
        """Return ``text`` with its lines broken between words, so that they fit; code stays as it is."""
        lines, code = [], False
        for line in text.split("\n"):
            lines.append(line if code else broken(line, self._columns))
            code ^= line.count(_FENCE) % 2 == 1
        return "\n".join(lines)

    def clear(self, region: Region) -> str:
        """Return what empties the screen but for ``region``."""
        return "\x1b[H\x1b[2J" + self._painted(region)

    def erase(self) -> str:
        """Return what removes the region; the next paint begins where the cursor then is."""
        text = self._to_top() + _ERASE_BELOW
        self.forget()
        return text

    def leave(self) -> str:
        """Return what leaves the region standing and begins a new line below it."""
        self.forget()
        return "\r\n"

    def forget(self) -> None:
        """Begin anew where the cursor is: nothing of the region is on the screen."""
        self._widths, self._column, self._above = [], 0, 0

    def resize(self, size: tuple[int, int]) -> None:
        """Note the screen's new columns and rows; terminals fold the rows that no longer fit."""
        self._columns, self._height = max(size[0], MIN_COLUMNS), max(size[1], 1)
        folded = [max(-(-width // self._columns), 1) for width in self._widths[:-1]]
        self._above = sum(folded) + self._column // self._columns

    # ---- rows ---------------------------------------------------------------------------------------

    def _to_top(self) -> str:
        return (f"\x1b[{self._above}A" if self._above else "") + "\r"

    def _painted(self, region: Region) -> str:
        waiting = [fit(row, self._columns - 1) for row in self._visible(region.rows)]
        prompt, column = self._prompt_row(region)
        self._widths = [columns(cut(row)) for row in (*waiting, prompt)]
        self._column, self._above = column, len(waiting)
        rows = [self._dimmed(row) + _ERASE_RIGHT for row in waiting] + [prompt + _ERASE_RIGHT]
        place = f"\r\x1b[{column}C" if column else "\r"
        return _WRAP_OFF + "\r\n".join(rows) + _ERASE_BELOW + _WRAP_ON + place

    def _visible(self, rows: Sequence[str]) -> Sequence[str]:
        room = self._height - 1
        return rows[-room:] if room else ()

    def _dimmed(self, row: str) -> str:
        return f"{_DIM}{row}{_PLAIN}" if self._colour else row

    def _prompt_row(self, region: Region) -> tuple[str, int]:
        """Return the prompt's row and the column of the cursor in it."""
        prompt = fit(region.prompt, self.prompt_columns)
        begin = columns(cut(prompt))
        text, column = self._window(region.line, self._columns - 1 - begin)
        return prompt + text, begin + column

    def _window(self, line: Line, room: int) -> tuple[str, int]:
        """Return the part of the line around the cursor that fits, and the cursor's column in it."""
        cells, cursor = line.cells, line.cursor
        lowest = _reach(cells, cursor, room)
        # Nothing is hidden on the left while there is room on the right, nor close to the cursor.
        highest = min(_reach(cells, len(cells), room), max(cursor - room // 3, 0))
        self._first = max(min(self._first, highest), lowest)
        mark = "…" if self._first else ""
        column = len(mark) + columns(cells[self._first : cursor])
        left = room - len(mark)
        seen = []
        for cell in cells[self._first :]:
            left -= width(cell)
            if left < 0:
                break
            seen.append(shown(cell))
        return mark + "".join(seen), column


def _reach(cells: Sequence[str], end: int, room: int) -> int:
    """Return the first place from which the cells up to ``end``, the cursor and a mark fit into ``room``."""
    place, taken = end, 1
    while place and taken + width(cells[place - 1]) <= room - (place > 1):
        place -= 1
        taken += width(cells[place])
    return place
