"""Values in log lines: one line each, no value can pass for another, nothing unlisted leaks."""

import enum
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.ops.words import MAX_VALUE, UNLISTED, escape, listed, plain, sentence_of, word


class Colour(enum.StrEnum):
    RED = "red"


class Broken:
    def __str__(self):
        raise RuntimeError


WORDS = {
    "bare": ("Ana", "Ana"),
    "other scripts": ("Ωμέγα漢字", "Ωμέγα漢字"),
    "empty": ("", '""'),
    "a space": ("a b", '"a b"'),
    "another space": ("a\u00a0b", '"a\u00a0b"'),
    "a sign": ("a=b", '"a=b"'),
    "quotes": ('a"b\\', '"a\\"b\\\\"'),
    "a new line": ("a\nb", '"a\\nb"'),
    "a line separator": ("a\u2028b\x85", '"a\\u2028b\\x85"'),
    "an escape": ("\x1b[31m", '"\\x1b[31m"'),
    "writing turned around": ("\u202eabc", '"\\u202eabc"'),
    "half a character": ("\ud800", '"\\ud800"'),
    "yes": (True, "true"),
    "a number": (7, "7"),
    "a fraction": (1.23456, "1.235"),
    "no number": (math.nan, "nan"),
    "one of a kind": (Colour.RED, "red"),
    "a list": (["a", 1, True], "a,1,true"),
    "something else": (range(3), '"range(0, 3)"'),
    "bytes": (b"a\n", '"a\\n"'),
}


@pytest.mark.parametrize(("value", "expected"), WORDS.values(), ids=WORDS.keys())
def test_words(value, expected):
    assert word(value) == expected


def test_values_that_break_when_shown():
    assert "RuntimeError" in word(Broken())


def test_long_values_are_cut():
    assert len(word("x" * 10_000)) == MAX_VALUE + 1
    assert len(plain("x" * 10_000)) == MAX_VALUE + 1
    assert len(word(["x"] * 10_000)) == MAX_VALUE + 1


@given(st.text())
def test_any_text_is_one_word_on_one_line(text):
    shown = word(text)
    assert len(shown.splitlines()) == 1
    shown.encode()
    if shown[0] != '"':
        assert shown == text
        assert not set(shown) & set(" =\t")
    assert len(f"a{escape(text)}".splitlines()) == 1


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_whatever_it_is_json_holds_it(value):
    json.dumps(plain(value), allow_nan=False).encode()


def test_sentences():
    fields = {"peer": "1.2.3.4:5", "session": 7, "nick": None, "resumed": True}
    assert sentence_of("client-in", "", fields) == "client-in peer=1.2.3.4:5 session=7 resumed=true"
    assert sentence_of("start", "It is\nup.", {}) == "start It is\\nup."
    assert sentence_of("refused", "No: peer=x", {"peer": 1}) == 'refused text="No: peer=x" peer=1'


def test_what_is_not_listed_is_not_shown():
    assert listed({"token": "secret", "peer": "x"}) == {"token": UNLISTED, "peer": "x"}
    assert "secret" not in sentence_of("client-in", "", {"token": "secret"})
