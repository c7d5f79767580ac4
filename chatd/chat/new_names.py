"""New names: what a nick or a room must keep before it is made (docs/PROTOCOL.md, "Names").

These rules are for names that nobody has yet. What already stands in a data folder keeps its name, whatever
rules have come since, and is found by it (`chatd.chat.names`).
"""

import unicodedata
from functools import lru_cache
from typing import Final

import idna

from chatd.chat.names import ROOM_SIGN, check_nick, check_room, show
from chatd.chat.unicode.scripts import fit, known
from chatd.chat.unicode.tables import STACKERS
from chatd.wire.errors import Code, RequestError
from chatd.wire.names import JOINERS, without_joiners

MAX_MARKS: Final = 4
"""Marks above and below one letter; more than that run into the lines beside (UTS 39, section 5.4)."""

_STACKERS: Final = frozenset(chr(int(code, 16)) for code in STACKERS.split())


def check_new_nick(nick: str) -> tuple[str, str]:
    """Return a nick in the form that is shown, and the key by which it is compared.

    Raises `RequestError` ``bad-nick``.
    """
    display, key = check_nick(nick)
    _refuse(fault(display) or fault(key), "nick", Code.BAD_NICK)
    return display, key


def check_new_room(name: str) -> str:
    """Return the canonical form of a room's name, sign and all. Raises `RequestError` ``bad-room``."""
    key = check_room(name)
    _refuse(fault(key.removeprefix(ROOM_SIGN)), "room name", Code.BAD_ROOM)
    return key


def _refuse(found: str | None, what: str, code: Code) -> None:
    if found is not None:
        raise RequestError(code, f"That {what} is not possible: {found}.")


@lru_cache(maxsize=4096)
def fault(name: str) -> str | None:
    """Return what is wrong with a possible ``name`` as a new one, or None."""
    if name.isascii():
        return None
    unknown = next((char for char in name if char not in JOINERS and not known(char)), None)
    if unknown is not None:
        return f"{show(unknown)} may not be in it, since it cannot be seen or is too new"
    if not fit(without_joiners(name)):
        return "it mixes letters of scripts that are not written together; use those of one"
    return _marks_fault(name) or _digits_fault(name) or _direction_fault(name)


def _marks_fault(name: str) -> str | None:
    before, count = "", 0
    for char in unicodedata.normalize("NFD", name):
        count = count + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if count and char == before:
            return f"it has the mark U+{ord(char):04X} twice on one letter"
        if count > MAX_MARKS:
            return f"it has more than {MAX_MARKS} marks on one letter"
        if before in _STACKERS and not unicodedata.category(char).startswith("L"):
            return f"U+{ord(before):04X} is not seen there; a letter must follow"
        before = char
    return f"U+{ord(before):04X} is not seen there; a letter must follow" if before in _STACKERS else None


def _digits_fault(name: str) -> str | None:
    zeros = {ord(char) - unicodedata.decimal(char) for char in name if char.isdecimal()}
    return "it mixes digits of different scripts; use those of one" if len(zeros) > 1 else None


def _direction_fault(name: str) -> str | None:
    """Return why the same name could be read in two ways: the Bidi Rule of RFC 5893, section 2."""
    try:
        idna.check_bidi(without_joiners(name))
    except idna.IDNABidiError:
        return (
            "a name from right to left begins with such a letter, ends with one or with a digit, and holds no"
            " letters from left to right"
        )
    return None
