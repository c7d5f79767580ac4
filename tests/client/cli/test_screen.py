"""The bottom of the screen, on a terminal in miniature: never torn, and nothing above it is overwritten."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.client.cli.terminal.cells import columns, cut, fit, shown
from chatd.client.cli.terminal.line import Line
from chatd.client.cli.terminal.screen import Region, Screen
from tests.client.cli.vt import Terminal
from tests.examples import examples


class Shown:
    """A screen and the terminal that it writes to."""

    def __init__(self, columns=40, rows=10, *, colour=False):
        self.terminal = Terminal(columns, rows)
        self.screen = Screen((columns, rows), colour=colour)

    def paint(self, *args, **more):
        self.terminal.write(self.screen.paint(region(*args, **more)))

    def print(self, text, *args, **more):
        self.terminal.write(self.screen.print(text, region(*args, **more)))

    @property
    def lines(self):
        return self.terminal.lines


def region(prompt="> ", text="", cursor=None, rows=()):
    line = Line(text)
    line.cursor = len(line.cells) if cursor is None else cursor
    return Region(prompt, line, tuple(rows))


def test_a_line_that_comes_in_is_printed_above_the_half_typed_one():
    shown = Shown()
    shown.paint("#a> ", "half ty")
    shown.print("12:00 #a <bob> hi", "#a> ", "half ty")
    shown.paint("#a> ", "half typed")
    assert shown.lines == ["12:00 #a <bob> hi", "#a> half typed"]
    assert (shown.terminal.row, shown.terminal.column) == (1, 14)


def test_what_waits_stands_above_the_prompt_until_it_goes():
    shown = Shown()
    shown.paint("> ", "", rows=["queued  one", "queued  two"])
    assert shown.lines == ["queued  one", "queued  two", ">"]
    shown.print("12:00 one", "> ", "next", rows=["queued  two"])
    assert [line for line in shown.lines if line] == ["12:00 one", "queued  two", "> next"]
    shown.print("12:00 two", "> ", "next")
    assert [line for line in shown.lines if line] == ["12:00 one", "12:00 two", "> next"]


def test_a_long_line_scrolls_sideways_in_its_row():
    shown = Shown(columns=20)
    text = "0123456789" * 4
    shown.paint("> ", text)
    assert shown.lines == ["> …" + text[-15:]]
    shown.paint("> ", text, 0)
    assert shown.lines == ["> 01234567890123456"]
    assert shown.terminal.column == 2
    shown.paint("> ", text, 25)
    assert "5" in shown.lines[0]
    shown.paint("> ", text[:5])
    assert shown.lines == ["> 01234"]


def test_a_wide_character_at_the_edge_is_not_cut_in_two():
    shown = Shown(columns=12)
    shown.paint("> ", "世界世界世", 0)
    assert shown.lines == ["> 世界世界"]


def test_more_waits_than_the_screen_has_rows():
    shown = Shown(rows=3)
    shown.paint("> ", "x", rows=[f"queued {n}" for n in range(9)])
    assert shown.lines == ["queued 7", "queued 8", "> x"]
    shown.print("news", "> ", "x", rows=[])
    assert [line for line in shown.lines if line] == ["news", "> x"]


def test_lines_longer_than_the_screen_wrap_and_stay():
    shown = Shown(columns=10)
    shown.print("x" * 25, "> ", "typed")
    shown.print("second\nthird", "> ", "typed")
    assert shown.lines == ["x" * 10, "x" * 10, "x" * 5, "second", "third", "> typed"]


def test_a_line_exactly_as_wide_as_the_screen_leaves_no_empty_row():
    shown = Shown(columns=10)
    shown.print("0123456789", "> ")
    shown.print("next", "> ")
    assert shown.lines == ["0123456789", "next", ">"]


def test_a_narrower_window_folds_rows_and_they_are_found_again():
    shown = Shown(columns=40)
    shown.print("kept", "> ", "y" * 30, rows=["queued  " + "z" * 30])
    shown.terminal.narrow(16)
    shown.screen.resize((16, 10))
    shown.print("news", "> ", "y" * 30)
    assert [line for line in shown.lines if line] == ["kept", "news", "> …" + "y" * 11]


def test_colour_only_where_it_is_wanted():
    plain, coloured = Shown(), Shown(colour=True)
    for either in (plain, coloured):
        either.paint("> ", rows=["queued"])
    assert plain.terminal.sgr == set()
    assert coloured.terminal.sgr == {2, 0}


def test_what_is_shown_can_be_erased_left_or_cleared():
    shown = Shown()
    shown.print("kept", "> ", "half", rows=["queued"])
    shown.terminal.write(shown.screen.erase())
    assert [line for line in shown.lines if line] == ["kept"]
    shown.paint("> ", "half")
    shown.terminal.write(shown.screen.leave())
    assert shown.lines[1] == "> half"
    assert (shown.terminal.row, shown.terminal.column) == (2, 0)
    shown.paint("> ", "more")
    shown.terminal.write(shown.screen.clear(region("> ", "more")))
    assert [line for line in shown.lines if line] == ["> more"]


TEXT = st.text(alphabet=st.sampled_from(["a", "b", " ", "世", "\u0301", "\n", "\t", "ㅎ"]), max_size=40)


@st.composite
def regions(draw):
    line = Line(draw(TEXT))
    line.cursor = draw(st.integers(0, len(line.cells)))
    rows = draw(st.lists(TEXT, max_size=3))
    return Region(draw(st.sampled_from(["> ", "#lobby> ", "#a (offline, 2 waiting)> "])), line, tuple(rows))


STEPS = st.tuples(regions(), st.one_of(st.none(), st.text(alphabet="xy", min_size=1, max_size=30)))


@pytest.mark.parametrize("width", [8, 13, 40])
@settings(max_examples=examples(60))
@given(steps=st.lists(STEPS, max_size=8))
def test_the_screen_always_shows_the_buffer_and_all_that_was_printed(width, steps):
    terminal, screen = Terminal(width, 6), Screen((width, 6), colour=False)
    printed = []
    for what, text in steps:
        if text is None:
            terminal.write(screen.paint(what))
        else:
            terminal.write(screen.print(text, what))
            printed += [text[i : i + width] for i in range(0, len(text), width)]
        _check(terminal, width, what, printed)


def _check(terminal, width, what, printed):
    row = terminal.row
    assert terminal.lines[: len(printed)] == printed
    assert row == len(printed) + min(len(what.rows), 5)
    assert not any(terminal.lines[row + 1 :])
    prompt = fit(what.prompt, width // 2)
    before, after = ("".join(terminal.grid[row][part]) for part in (slice(terminal.column), slice(width)))
    assert before.startswith(prompt)
    assert columns(cut(after)) <= width
    text = "".join(map(shown, what.line.cells))
    typed = "".join(map(shown, what.line.cells[: what.line.cursor]))
    assert after.removeprefix(prompt).removeprefix("…") in text
    assert typed.endswith(before.removeprefix(prompt).removeprefix("…"))
    assert "…" in before.removeprefix(prompt) or before == prompt + typed


def test_code_is_left_as_it_is():
    screen = Screen((30, 10), colour=False)
    text = "12:00 #a 3 <ben> look at this, it is code: ```python\n"
    text += "      if   a:  return   'a long line of code'\n      ```\n      and words that are broken again"
    assert screen.folded(text).split("\n") == [
        "12:00 #a 3 <ben> look at this,",
        "      it is code: ```python",
        "      if   a:  return   'a long line of code'",
        "      ```",
        "      and words that are",
        "      broken again",
    ]
    assert screen.folded("12:00 #a 3 <ben> a ``` within words is none").count("\n") == 1
