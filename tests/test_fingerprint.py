"""Fingerprints in hexadecimal and in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.fingerprint import in_words, read

DIGITS = st.binary(min_size=32, max_size=32).map(bytes.hex)


def test_the_words_are_those_of_the_proposal():
    # 127.0.0.1 and 63.84.220.193, from the article that proposes proquints
    assert in_words("7f000001" + "3f54dcc1") == "lusab-babad-gutih-tugad"


@given(DIGITS)
def test_what_is_shown_can_be_read(digits):
    words = in_words(digits)
    assert len(words.split("-")) == 16
    for text in (digits, f"SHA256:{digits.upper()}", words, words.upper(), words.replace("-", " ")):
        assert read(text) == digits
    assert read(":".join(digits[n : n + 2] for n in range(0, 64, 2))) == digits
    assert read(" ".join(digits[n : n + 4] for n in range(0, 64, 4))) == digits


@given(st.text() | st.text(alphabet="0123456789abcdef", max_size=80))
def test_nothing_else_is_a_fingerprint(text):
    found = read(text)
    assert found is None or len(found) == 64


@pytest.mark.parametrize("text", ["", "none", "0" * 63, "0" * 65, "lusab-babad", "-".join(["lusax"] * 16)])
def test_what_is_too_short_or_too_long_is_none(text):
    assert read(text) is None
