"""Pastes that no terminal marks: what comes faster than fingers is a text, whole, and no command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.cli.terminal.editor import Editor, Submit, Wish
from chatd.client.cli.terminal.keys import MAX_PASTE, KeyDecoder
from chatd.client.cli.terminal.pasting import Bursts

QUIET = None
"""Stands for a while without any key."""


class Desk:
    """Somebody at a terminal that marks no pastes; ``done`` is what the editor left to others."""

    def __init__(self, *pieces):
        self.editor = Editor()
        self.bursts = Bursts()
        self.decoder = KeyDecoder()
        self.done = []
        self.come(*pieces)

    def come(self, *pieces):
        for piece in pieces:
            if piece is QUIET:
                self._press(self.bursts.quiet() if self.bursts.lasting else [])
            else:
                data = piece if isinstance(piece, bytes) else piece.encode()
                self._press(self.bursts.feed(self.decoder.feed(data)))
        return self

    def _press(self, keys):
        actions = [self.editor.press(key) for key in keys]
        self.done += [action for action in actions if action is not None]

    @property
    def text(self):
        return self.editor.text


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["first\rsecond\r"], "first\nsecond"),
        (["first\r", "second\r"], "first\nsecond"),
        (["first", "\r", "second"], "first\nsecond"),
        (["first\r\nsecond\r\n"], "first\nsecond"),
        (["first\r", "\nsecond\r", "\n"], "first\nsecond"),
        (["first\nsecond\n"], "first\nsecond"),
        (["first\r\r\rfourth\r\r"], "first\n\n\nfourth"),
        (["\rsecond"], "\nsecond"),
        (["good night\r/leave\r/quit\r"], "good night\n/leave\n/quit"),
        (["/leave\r/quit\r"], "//leave\n/quit"),
        (["/", "leave", "\r", "/quit\r"], "//leave\n/quit"),
        (["if x:\r\tbar\r"], "if x:\n\tbar"),
        (["a\tb\rc\td"], "a\tb\nc\td"),
        (["a\r", "\tb"], "a\n\tb"),
        (["typed ", QUIET, "one\rtwo\r"], "typed one\ntwo"),
        (["/msg bob ", QUIET, "one\rtwo\r"], "/msg bob one\ntwo"),
        (["one\rtwo\r", QUIET, "three\r"], "one\ntwo\nthree"),
        (["one\rtwo\r", QUIET, "\rfour\r"], "one\ntwo\n\nfour"),
        (["one\rtwo", QUIET, " and a half"], "one\ntwo and a half"),
        (["one\rtwp\x7fo\r"], "one\ntwo"),
    ],
)
def test_lines_that_come_at_once_are_a_text_that_waits_for_an_enter(pieces, text):
    desk = Desk(*pieces, QUIET)
    assert (desk.text, desk.done) == (text, [])
    assert desk.come("\r", QUIET).done == [Submit(text)]
    assert desk.text == ""


@pytest.mark.parametrize(
    ("pieces", "done", "text"),
    [
        (["hi\r", QUIET], [Submit("hi")], ""),
        (["hi\r\r", QUIET], [Submit("hi")], ""),
        (["hi", QUIET, "\r", QUIET, "more"], [Submit("hi")], "more"),
        (["/leave\r", QUIET, "/quit\r", QUIET], [Submit("/leave"), Submit("/quit")], ""),
        (["hi\r\x04"], [Submit("hi"), Wish.END], ""),
        (["hi\r\x1b[A"], [Submit("hi")], "hi"),
        (["hi\r\x1b[200~one\ntwo\n\x1b[201~"], [Submit("hi")], "one\ntwo"),
        (["a\x1b\rb\r", QUIET], [Submit("a\nb")], ""),
        (["one\rtwo\r", QUIET, "\x15", "x\r", QUIET], [Submit("x")], ""),
        (["one\rtwo\r\x03"], [], ""),
        (["one\rtwo\r", QUIET, "\r", QUIET, "/who\r", QUIET], [Submit("one\ntwo"), Submit("/who")], ""),
    ],
)
def test_what_fingers_enter_is_a_line(pieces, done, text):
    desk = Desk(*pieces)
    assert (desk.done, desk.text) == (done, text)


def test_a_line_is_not_taken_before_it_is_known_that_nothing_follows():
    desk = Desk("/leave\r")
    assert desk.bursts.lasting
    assert desk.done == []
    assert desk.come(QUIET).done == [Submit("/leave")]
    assert not desk.bursts.lasting


def test_a_paste_that_the_terminal_marks_holds_no_command_either():
    desk = Desk("\x1b[200~/leave\r/quit\r\x1b[201~", QUIET, "\r", QUIET)
    assert desk.done == [Submit("//leave\n/quit")]
    one = Desk("\x1b[200~/leave\r\x1b[201~", QUIET, "\r", QUIET)
    assert one.done == [Submit("/leave")]


def test_an_unmarked_paste_is_bounded():
    desk = Desk("x\r", *["y" * 1000 + "\r"] * (MAX_PASTE // 1000 + 50), QUIET)
    assert len(desk.text) == MAX_PASTE + len("x")


_LINES = st.lists(st.text(st.sampled_from("ab /é世#"), min_size=1, max_size=6), min_size=2, max_size=6)


@given(_LINES, st.sampled_from(["\r", "\n", "\r\n"]), st.data())
def test_a_paste_is_whole_however_it_is_split(lines, end, data):
    pasted = (end.join(lines) + end).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(pasted)), max_size=8)))
    pieces = [pasted[i:j] for i, j in zip([0, *cuts], [*cuts, len(pasted)], strict=True)]
    text = "\n".join(lines)
    desk = Desk(*pieces, QUIET)
    assert desk.done == []
    assert desk.text == ("/" + text if text.startswith("/") else text)


@given(_LINES)
def test_what_is_typed_key_by_key_is_what_it_always_was(lines):
    desk = Desk()
    for line in lines:
        for char in line + "\r":
            desk.come(char, QUIET)
    assert [action.text for action in desk.done] == lines


@given(st.lists(st.binary(max_size=12) | st.none(), max_size=12))
def test_no_bytes_break_it(pieces):
    desk = Desk(*pieces, QUIET)
    assert not desk.bursts.lasting
