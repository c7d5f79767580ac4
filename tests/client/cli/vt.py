"""A terminal in miniature: what a screen shows after the bytes that chatc writes, and nothing it does not.

Rows that scroll out at the top are kept; a control sequence that is not known here fails the test.
"""

import re
import unicodedata

_TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|(.)", re.DOTALL)
_IGNORED = {("?2004", "h"), ("?2004", "l")}
BLANK, WIDE_TAIL = " ", ""


def char_width(char):
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Terminal:
    """A screen of so many columns and rows, with everything that was ever shown above it."""

    def __init__(self, columns=80, rows=24):
        self.columns, self.rows = columns, rows
        self.grid = [[]]
        self.row = self.column = self.last = 0
        self.wrap, self.wrapped = True, False
        self.sgr = set()

    def write(self, text):
        for token in _TOKEN.finditer(text):
            if token[2]:
                self._control(token[1], token[2])
            else:
                self._char(token[3])

    @property
    def lines(self):
        """Every row, without the blanks at its end."""
        return ["".join(row).rstrip() for row in self.grid]

    @property
    def top(self):
        return max(len(self.grid) - self.rows, 0)

    def _control(self, arguments, final):
        if (arguments, final) in _IGNORED:
            return
        number = int(arguments or 0) if arguments.isdecimal() or not arguments else arguments
        getattr(self, f"_{final}")(number)

    def _char(self, char):
        if char == "\r":
            self.column, self.wrapped = 0, False
        elif char == "\n":
            self._down()
        elif char == "\t":
            self.column = min((self.column // 8 + 1) * 8, self.columns - 1)
        else:
            assert char >= " ", f"{char!r} was written to the screen"
            self._put(char, char_width(char))

    def _put(self, char, width):
        if width == 0:
            self._row()[self.last] += char
            return
        if self.wrapped or self.column + width > self.columns:
            if self.wrap:
                self.column, self.wrapped = 0, False
                self._down()
            else:
                self.column = self.columns - width
        self._fill(self.column + width - 1)
        self.last = self.column
        self._row()[self.column : self.column + width] = [char, *[WIDE_TAIL] * (width - 1)]
        self.column += width
        if self.column >= self.columns:
            self.column, self.wrapped = self.columns - 1, self.wrap

    def _row(self):
        return self.grid[self.row]

    def _fill(self, place):
        row = self._row()
        row += [BLANK] * (place + 1 - len(row))

    def _down(self):
        self.row += 1
        if self.row == len(self.grid):
            self.grid.append([])

    def _A(self, count):
        self.row = max(self.row - (count or 1), self.top)
        self.wrapped = False

    def _C(self, count):
        self.column = min(self.column + (count or 1), self.columns - 1)
        self.wrapped = False

    def _J(self, how):
        if how == 2:
            self.grid = self.grid[: self.top] + [[] for _ in self.grid[self.top :]]
            return
        self._K(0)
        for row in self.grid[self.row + 1 :]:
            row.clear()

    def _K(self, how):
        assert how == 0
        del self._row()[self.column :]

    def _H(self, how):
        assert how == 0
        self.row, self.column, self.wrapped = self.top, 0, False

    def _m(self, code):
        self.sgr.add(code)

    def _h(self, what):
        assert what == "?7"
        self.wrap = True

    def _l(self, what):
        assert what == "?7"
        self.wrap, self.wrapped = False, False

    def narrow(self, columns):
        """Become so many columns wide; rows that no longer fit are folded, as terminals do."""
        grid, place = [], (0, 0)
        for number, row in enumerate(self.grid):
            pieces = [row[i : i + columns] for i in range(0, max(len(row), 1), columns)]
            if number == self.row:
                down, column = divmod(self.column, columns)
                pieces += [[]] * (down + 1 - len(pieces))
                place = len(grid) + down, column
            grid += [list(piece) for piece in pieces]
        self.grid, self.columns = grid, columns
        self.row, self.column = place
        self.wrapped = False
