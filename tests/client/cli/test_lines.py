"""Cutting standard input into lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.cli.terminal.lines import LONGEST, LineCutter


@given(st.lists(st.binary(max_size=30)), st.lists(st.integers(1, 20), min_size=1))
def test_however_the_bytes_come_the_lines_are_the_same(lines, sizes):
    lines = [line.replace(b"\n", b"").removesuffix(b"\r") for line in lines]
    lines[:1] = [line.lstrip(b"\xef\xbb\xbf") for line in lines[:1]]  # the mark that is dropped, see below
    data = b"".join(line + b"\r\n" for line in lines)
    cutter, found, position = LineCutter(), [], 0
    for size in sizes * (len(data) + 1):
        found += cutter.feed(data[position : position + size])
        position += size
        if position >= len(data):
            break
    assert found + cutter.end() == lines


def test_the_last_line_needs_no_end():
    cutter = LineCutter()
    assert cutter.feed(b"a\nb") == [b"a"]
    assert cutter.end() == [b"b"]


def test_a_line_without_end_is_not_kept():
    cutter = LineCutter()
    for _ in range(100):
        assert cutter.feed(b"x" * 65_536) == []
    assert len(cutter._rest) <= LONGEST
    first, second = cutter.feed(b"x\nshort\n")
    assert len(first) > LONGEST
    assert second == b"short"


def test_an_endless_last_line_is_one_line_too():
    cutter = LineCutter()
    cutter.feed(b"x" * (LONGEST + 1))
    assert [len(line) > LONGEST for line in cutter.end()] == [True]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_byte_order_mark_is_dropped_at_the_beginning_alone(size):
    data = "\ufeffone\n\ufefftwo\n".encode()
    cutter = LineCutter()
    lines = [line for at in range(0, len(data), size) for line in cutter.feed(data[at : at + size])]
    assert lines == [b"one", "\ufefftwo".encode()]
    cutter = LineCutter()
    assert cutter.feed("\ufeffone".encode()) == []
    assert cutter.end() == [b"one"]
