"""Names of users and rooms: the characters that they may have, and when two of them are the same.

A name is normalised with NFKC (Unicode Standard Annex 15); two names are the same if their case-folded forms
without joiners are, so that look-alike case and width variants collide. What a name that nobody has yet must
keep beyond this is said in `chatd.chat.new_names`.
"""

import unicodedata
from functools import lru_cache

from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_NAME
from chatd.wire.names import JOINERS, fold, stray_joiner

ROOM_SIGN = "#"
USER_SIGN = "@"
_EXTRA = frozenset("-_.")
_BEGIN = ("L", "Nd")
_WITHIN = ("L", "Nd", "M")


def _fault(name: str) -> str | None:
    """Return what is wrong with a normalised name, or None."""
    if not 1 <= len(name) <= MAX_NAME:
        return f"it must have 1 to {MAX_NAME} characters"
    if not _allowed(name[0], _BEGIN):
        return "it must begin with a letter, a digit or one of . - _"
    bad = next((char for char in name if char not in JOINERS and not _allowed(char, _WITHIN)), None)
    if bad is not None:
        return f"{show(bad)} may not be in it; use letters, digits, . - and _"
    stray = stray_joiner(name)
    if stray is not None:
        return f"{show(name[stray])} may only stand between letters that need it"
    return None


def _allowed(char: str, categories: tuple[str, ...]) -> bool:
    return char in _EXTRA or unicodedata.category(char).startswith(categories)


def show(char: str) -> str:
    """Return ``char`` for a sentence, by its number if it cannot be seen."""
    return f"'{char}'" if char.isprintable() and char != " " else f"U+{ord(char):04X}"


@lru_cache(maxsize=4096)
def _check(name: str, what: str, code: Code) -> tuple[str, str]:
    if len(name) > 4 * MAX_NAME:
        raise RequestError(code, f"That {what} is too long: it must have 1 to {MAX_NAME} characters.")
    display = unicodedata.normalize("NFKC", name)
    key = fold(display)
    fault = _fault(display) or _fault(key)
    if fault is not None:
        raise RequestError(code, f"That {what} is not possible: {fault}.")
    return display, key


def check_nick(nick: str) -> tuple[str, str]:
    """Return a nick in the form that is shown, and the key by which it is compared.

    Raises `RequestError` ``bad-nick``.
    """
    return _check(nick, "nick", Code.BAD_NICK)


def check_room(name: str) -> str:
    """Return the canonical form of a room's name, sign and all.

    Raises `RequestError` ``bad-room``.
    """
    if not name.startswith(ROOM_SIGN):
        raise RequestError(Code.BAD_ROOM, "A room's name begins with #, a user's with @.")
    return ROOM_SIGN + _check(name[1:], "room name", Code.BAD_ROOM)[1]


def direct_name(one: int, other: int) -> str:
    """Return the wire name of the log of direct messages between two user ids."""
    return f"{USER_SIGN}{min(one, other)}+{max(one, other)}"
