"""Scripts: whether the characters of a name may stand together (Unicode Technical Standard 39, section 5).

The level is "moderately restrictive": one script, or Latin beside one of the scripts in wide use other than
Cyrillic and Greek, whose letters look like Latin ones. Japanese, Korean and Chinese with Bopomofo are written
in several scripts, so that each of them counts as one.
"""

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from chatd.chat.unicode.tables import SCRIPTS

_TOGETHER: Final = {
    "Hani": {"Hanb", "Jpan", "Kore"},
    "Hira": {"Jpan"},
    "Kana": {"Jpan"},
    "Bopo": {"Hanb"},
    "Hang": {"Kore"},
}
"""Scripts that are written together with others (UTS 39, section 5.1)."""

_RECOMMENDED: Final = (
    "Arab Armn Beng Bopo Deva Ethi Geor Gujr Guru Hang Hani Hebr Hira Kana Khmr Knda Laoo Mlym Mymr Orya"
    " Sinh Taml Telu Thaa Thai Tibt Hanb Jpan Kore"
)
_BESIDE_LATIN: Final = frozenset(_RECOMMENDED.split())
"""The recommended scripts (UAX 31, table 5) without Latin, Cyrillic and Greek."""

_Scripts = frozenset[str]


def known(char: str) -> bool:
    """Return whether ``char`` can be seen in a name, as far as the tables know it."""
    return _scripts(char) is not None


def fit(name: str) -> bool:
    """Return whether the characters of ``name``, all of them known, may stand together."""
    if name.isascii():
        return True
    of_each = [scripts for char in set(name) if (scripts := _scripts(char))]
    if not of_each or frozenset.intersection(*of_each):
        return True
    others = frozenset.intersection(*(scripts for scripts in of_each if "Latn" not in scripts))
    return not others.isdisjoint(_BESIDE_LATIN)


def _rows() -> Iterator[tuple[int, int, _Scripts]]:
    for row in SCRIPTS.splitlines():
        names, *ranges = row.split(" ")
        scripts = set(names.split("+")) - {"Zyyy"}
        scripts |= {other for script in scripts for other in _TOGETHER.get(script, ())}
        for part in ranges:
            first, _, last = part.partition("-")
            yield int(first, 16), int(last or first, 16), frozenset(scripts)


_RANGES: Final = sorted(_rows(), key=lambda row: row[0])
_FIRSTS: Final = [first for first, _, _ in _RANGES]


@lru_cache(maxsize=1024)
def _scripts(char: str) -> _Scripts | None:
    """Return the scripts of ``char``, none if it goes with all, or None if it cannot be in a name."""
    place = bisect_right(_FIRSTS, ord(char)) - 1
    if place < 0:
        return None
    _, last, scripts = _RANGES[place]
    return scripts if ord(char) <= last else None
