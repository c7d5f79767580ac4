"""The line being typed: its cells and the cursor between them."""

from collections.abc import Callable

from chatd.client.cli.terminal.cells import cut

Test = Callable[[str], bool]


def _is_space(cell: str) -> bool:
    return cell.isspace()


def _is_word(cell: str) -> bool:
    return cell[0].isalnum()


class Line:
    """A text and a cursor, which is always at the edge of a cell: never within a character."""

    __slots__ = ("cells", "cursor")

    def __init__(self, text: str = "") -> None:
        self.cells = cut(text)
        self.cursor = len(self.cells)

    @property
    def text(self) -> str:
        """Return the whole text."""
        return "".join(self.cells)

    @property
    def before(self) -> str:
        """Return the text before the cursor."""
        return "".join(self.cells[: self.cursor])

    def insert(self, text: str) -> None:
        """Insert ``text`` at the cursor and go behind it."""
        begin, end = max(self.cursor - 1, 0), self.cursor + 1
        head = "".join(self.cells[begin : self.cursor]) + text
        tail = "".join(self.cells[self.cursor : end])
        whole = cut(head + tail)
        self.cells[begin:end] = whole
        # Where the tail joined what was inserted, the cursor stands behind both.
        self.cursor = begin + min(len(cut(head)), len(whole))

    def cut_to(self, place: int) -> str:
        """Take out what is between the cursor and ``place``; return it."""
        begin, end = sorted((self.cursor, place))
        taken = "".join(self.cells[begin:end])
        del self.cells[begin:end]
        self.cursor = begin
        if 0 < begin < len(self.cells):
            self._rejoin(begin)
        return taken

    def _rejoin(self, place: int) -> None:
        """Make one cell of what became one character when the text between was taken out."""
        joined = cut(self.cells[place - 1] + self.cells[place])
        self.cells[place - 1 : place + 1] = joined
        self.cursor = place - 1 + len(joined) - (len(joined) > 1)

    def swap(self) -> None:
        """Exchange the characters around the cursor, or the last two at the end, and move behind them."""
        if self.cursor and len(self.cells) > 1:
            right = min(self.cursor, len(self.cells) - 1)
            pair = self.cells[right] + self.cells[right - 1]
            rest = "".join(self.cells[right + 1 :])
            head = "".join(self.cells[: right - 1]) + pair
            self.cells = cut(head + rest)
            self.cursor = min(len(cut(head)), len(self.cells))

    def left(self) -> int:
        """Return the place one character to the left of the cursor."""
        return max(self.cursor - 1, 0)

    def right(self) -> int:
        """Return the place one character to the right of the cursor."""
        return min(self.cursor + 1, len(self.cells))

    def word_left(self) -> int:
        """Return the beginning of the word at or before the cursor."""
        return self._skip_left(_is_word, self._skip_left(_not(_is_word), self.cursor))

    def word_right(self) -> int:
        """Return the end of the word at or behind the cursor."""
        place = self.cursor
        for test in (_not(_is_word), _is_word):
            while place < len(self.cells) and test(self.cells[place]):
                place += 1
        return place

    def blank_left(self) -> int:
        """Return the beginning of what stands, without a blank in it, at or before the cursor."""
        return self._skip_left(_not(_is_space), self._skip_left(_is_space, self.cursor))

    def _skip_left(self, test: Test, place: int) -> int:
        while place and test(self.cells[place - 1]):
            place -= 1
        return place


def _not(test: Test) -> Test:
    return lambda cell: not test(cell)
