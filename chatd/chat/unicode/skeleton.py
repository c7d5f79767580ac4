"""Skeletons: what a name looks like (Unicode Technical Standard 39, section 4).

Two names with the same skeleton can be taken for each other: ``paypal`` with a Latin or a Cyrillic ``a``,
``w1`` and ``wl``. Case makes no difference, as it makes none in names: ``b0b`` looks like ``bOb``, which is
``bob``. A skeleton is for comparing alone; it is no name and is not shown.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

from chatd.chat.unicode.tables import PROTOTYPES
from chatd.wire.names import without_joiners


def _prototypes() -> Iterator[tuple[int, str]]:
    for pair in PROTOTYPES.split():
        char, _, prototype = pair.partition(":")
        yield int(char, 16), "".join(chr(int(part, 16)) for part in prototype.split("+"))


_PROTOTYPES: Final = dict(_prototypes())

_ROUNDS: Final = 3
"""How often the look and then the lower case is taken; a capital may look otherwise than its lower case."""


def skeleton(name: str) -> str:
    """Return the skeleton of ``name``, whatever its case."""
    if name.isascii():
        found = name.translate(_ASCII)
        return name if found == name else found  # the same object: most names are kept as well
    return of_any(name)


def of_any(name: str) -> str:
    """Return the skeleton of a ``name`` of any characters; that of one in ASCII is made more quickly."""
    for _ in range(_ROUNDS):
        before, name = name, _looks(name).casefold()
        if name == before:
            break
    return unicodedata.normalize("NFD", name)


def _looks(name: str) -> str:
    parts = unicodedata.normalize("NFD", without_joiners(name))
    return unicodedata.normalize("NFD", parts.translate(_PROTOTYPES))


_ASCII: Final = {char: of_any(chr(char)) for char in range(128)}
"""The skeleton of each character of ASCII. They do not change each other, so that those of a name follow."""
