"""What other programs write for a terminal, and what is left of it with --plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.cli.plain import plain
from chatd.client.core.texts import check_text

ESC = "\x1b"


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("as it is: ünïcödé [31m ]0; \t tab", "as it is: ünïcödé [31m ]0; \t tab"),
        (f"{ESC}[1;31mred{ESC}[0m and {ESC}[mplain", "red and plain"),
        (f"{ESC}[38;2;255;0;10mtrue{ESC}[48:2::1:2:3m colour{ESC}[K", "true colour"),
        ("\x9b31mone byte\x9b0m", "one byte"),
        (f"{ESC}[?25lhidden{ESC}[?25h{ESC}[2 q", "hidden"),
        (f"{ESC}]0;a title\x07text", "text"),
        (f"{ESC}]8;;https://example.org{ESC}\\a link{ESC}]8;;{ESC}\\", "a link"),
        ("\x9d0;title\x9ctext", "text"),
        (f"{ESC}Pq#0;2;0;0;0{ESC}\\sixel{ESC}_apc{ESC}\\{ESC}^pm{ESC}\\{ESC}Xsos{ESC}\\", "sixel"),
        (f"{ESC}(B{ESC}[msgr0\x0f", "sgr0"),
        (f"{ESC}7saved{ESC}8{ESC}c{ESC}=", "saved"),
        (f"cut off {ESC}[31", "cut off "),
        (f"cut off {ESC}", "cut off "),
        (f"{ESC}]0;a title without an end: all of it stays", "0;a title without an end: all of it stays"),
        (f"{ESC}]0;title\nnext line\x07", "0;title\nnext line"),
        ("B\bBo\bol\bld _\bu_\bn_\bd", "Bold und"),
        ("\b\bat the beginning", "at the beginning"),
        ("10 %\r20 %\r100 %\r", "10 %\n20 %\n100 %"),
        ("bell\x07 null\x00 delete\x7f c1\x85", "bell null delete c1"),
        (f"{ESC}[31m{ESC}[0m", ""),
    ],
)
def test_what_is_left(written, left):
    assert plain(written) == left


@given(st.text(st.sampled_from("\x00\x07\x08\t\n\r\x1b\x7f\x9b\x9c\x9d\x90 ab;0[]P\\m(é😀")))
def test_whatever_is_written_can_be_sent_and_is_plain_already(written):
    left = plain(written)
    check_text("x" + left)
    assert plain(left) == left


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_text_is_never_touched(text):
    assert plain(text) == text
