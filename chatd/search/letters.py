"""Letters: the one form in which texts and queries are compared, and the class of each of its characters.

The form is Unicode's NFKC without case, without marks of Latin, Greek, Cyrillic, Hebrew and Arabic, and with
letters that do not decompose written as the plain ones that people type for them. Everything is decided per
character and remembered, so that a text costs a few passes in C.
"""

import unicodedata
from collections.abc import Callable
from typing import Final

WORD: Final = "w"
"""The class of letters, digits and marks of scripts that put blanks between words."""

RUN: Final = "r"
"""The class of characters of scripts that put none: a word may begin at each."""

SYMBOL: Final = "s"
"""The class of emoji and other symbols: each is a word of its own."""

GAP: Final = " "
"""The class of all that is no part of a word. Each of `SIGNS` is a class of its own."""

SIGNS: Final = "+#@.-_'"
"""Signs that may belong to a word, as in c++, #42, @ann, node.js, e-mail, foo_bar and don't."""

_PLAIN: Final = dict(
    zip(
        "đðħıĸłŋøŧƀɓƈɖɗɠǥɨƙƚɫɲɵʂƭʉƴƶ",
        "ddhikl" + "notbbcddggikl" + "lnostuyz",
        strict=True,
    )
) | {
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    "\u0671": "\u0627",  # Arabic alef wasla, which stands where marks are written
    "\u2010": "-",
    "\u05be": "-",  # Hebrew maqaf
    "\u2018": "'",
    "\u2019": "'",
    "\u02bc": "'",
}
"""What is written for letters, hyphens and apostrophes that no normal form of Unicode makes the same."""

_MARKS: Final = (
    (0x0300, 0x036F),  # of Latin, Greek and Cyrillic
    (0x0483, 0x0489),
    (0x0591, 0x05BD),  # Hebrew
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C2),
    (0x05C4, 0x05C5),
    (0x05C7, 0x05C7),
    (0x0610, 0x061A),  # Arabic
    (0x0640, 0x0640),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E4),
    (0x06E7, 0x06E8),
    (0x06EA, 0x06ED),
    (0x08CA, 0x08FF),
    (0x1AB0, 0x1AFF),  # more of the first kind
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0x2DE0, 0x2DFF),
    (0xA66F, 0xA67D),
    (0xA69E, 0xA69F),
    (0xFE00, 0xFE0F),  # how an emoji or another character is drawn
    (0xFE20, 0xFE2F),
    (0x1F3FB, 0x1F3FF),  # tones of skin
    (0xE0000, 0xE0FFF),
)
"""Characters that are left out, first and last of each range."""

_RUNS: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul, by letters
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue, Khmer
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # parts of Han
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x303B, 0x303C),
    (0x3041, 0x30FA),  # Kana
    (0x30FC, 0x318F),  # Kana, Bopomofo, Hangul
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF),  # Yi
    (0xA960, 0xA9FF),  # Hangul, Javanese, Myanmar
    (0xAA60, 0xAA7F),
    (0xAC00, 0xD7FF),  # Hangul, by syllables
    (0xF900, 0xFAFF),
    (0x16FE0, 0x18DFF),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # Kana, Nushu
    (0x1F1E6, 0x1F1FF),  # letters of flags
    (0x20000, 0x3FFFF),
)
"""Where the characters of the class `RUN` are."""

_EMOJI: Final = range(0x1F000, 0x1FB00)
"""Where emoji are; Unicode adds some every year, of which these tables may not know yet."""

_REMEMBERED: Final = range(0x20000)
"""Characters whose answers are remembered, so that nobody fills the memory with rare ones (P5)."""


class _Table(dict[int, str | None]):
    """A table for `str.translate` that asks ``decide`` about each character once."""

    def __init__(self, decide: Callable[[int], str | None]) -> None:
        self._decide = decide

    def __missing__(self, code: int) -> str | None:
        """Return what stands for the character ``code``."""
        answer = self._decide(code)
        if code in _REMEMBERED:
            self[code] = answer
        return answer


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _folded(code: int) -> str | None:
    """Return what is written for a character without case, None if nothing is."""
    char = chr(code)
    category = unicodedata.category(char)
    if category == "Cf" or _within(code, _MARKS):
        return None
    return str(unicodedata.digit(char)) if category == "Nd" else _PLAIN.get(char, char)


def _class(code: int) -> str:
    """Return the class of a character of the one form."""
    char = chr(code)
    category = unicodedata.category(char)
    if category[0] in "LMN":
        return RUN if _within(code, _RUNS) else WORD
    if code in _EMOJI:
        return RUN if _within(code, _RUNS) else SYMBOL
    if code < 0x80:  # noqa: PLR2004 - ASCII
        return char if char in SIGNS else GAP
    if category == "Cn":  # a letter, most likely, that these tables do not know yet
        return RUN if _within(code, _RUNS) else WORD
    return SYMBOL if category in ("So", "Sc", "Sm") else GAP


def _word(code: int) -> str:
    """Return what stands for a character of the one form where words are told apart by blanks."""
    found = _class(code)
    return f" {chr(code)} " if found in (RUN, SYMBOL) else " " if found == GAP else chr(code)


_FOLDED: Final = _Table(_folded)
_CLASSES: Final = _Table(_class)
_SPACED: Final = _Table(_word)
for _code in range(0x80):
    _CLASSES[_code] = _class(_code)


def normal(text: str) -> str:
    """Return the form of ``text`` in which it is compared."""
    if text.isascii():
        return text.lower()
    simple = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", simple).translate(_FOLDED))


def spaced(form: str) -> str:
    """Return ``form`` with blanks for what is beyond ASCII and no part of a word.

    It is longer than before if there are characters that are words by themselves.
    """
    return form.translate(_SPACED)


def classes(form: str) -> str:
    """Return the classes of the characters of ``form``, in order."""
    return form.translate(_CLASSES)
