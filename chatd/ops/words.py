"""Values put into words for one line of a log, so that no value can end the line or pass for another."""

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from twisted.python.reflect import safe_str

from chatd.ops.fields import FIELDS

MAX_VALUE: Final = 1000
"""Characters of one value that are logged: a peer that sends long names fills no disk."""

UNLISTED: Final = "[unlisted]"
"""Stands for a field that chatd.ops.fields does not name: the name shows, the value does not leak."""

# Everything that ends a line somewhere, moves a cursor, turns the direction of writing or is no character.
_UNSAFE: Final = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_unsafe: Final = re.compile(f"[{_UNSAFE}]")
_quotable: Final = re.compile(f'[{_UNSAFE}"\\\\]')
_bare: Final = re.compile(f'[^\\s"=\\\\{_UNSAFE}]+')


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in '"\\':
        return "\\" + character
    return character.encode("unicode_escape").decode("ascii")


def escape(text: str) -> str:
    """Return ``text`` with every character that could forge a line written as an escape."""
    return _unsafe.sub(_escaped, text)


def word(value: object) -> str:
    """Return ``value`` as one word, in quotes where it needs them."""
    text = _text(value)
    return text if _bare.fullmatch(text) else f'"{_quotable.sub(_escaped, text)}"'


def plain(value: object) -> object:
    """Return ``value`` as JSON can hold it."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value[:MAX_VALUE]]
    if isinstance(value, int) and not isinstance(value, Enum):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return round(value, 6)
    return _text(value)


def listed(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that have a value; values of fields that may not be logged are left out."""
    return {
        name: value if name in FIELDS else UNLISTED for name, value in fields.items() if value is not None
    }


def sentence_of(name: str, sentence: str, fields: Mapping[str, object]) -> str:
    """Return an event as people read it: name, sentence, ``key=value`` fields."""
    words = [name]
    if sentence:
        # A sentence may quote a peer: one that could pass for fields is put in quotes.
        words.append(f"text={word(sentence)}" if "=" in sentence else escape(_cut(sentence)))
    words += [f"{key}={word(value)}" for key, value in listed(fields).items()]
    return " ".join(words)


def _text(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value):
        return str(round(value, 3))
    if isinstance(value, list | tuple | set | frozenset):
        return _cut(",".join(_text(item) for item in value))
    return _cut(value if isinstance(value, str) else safe_str(value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"


def counted(number: int, noun: str) -> str:
    """Return so many of what ``noun`` names one of."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
