"""Masks: whom ``nick!user@host`` with wildcards means, or ``a:account``; they are what IRC keeps order by."""

import re
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from chatd.chat.state import User

HOST: Final = "on.chatd"
"""Where everybody comes from: addresses are nobody's business."""

IDENT: Final = "~u"
"""What somebody is called between nick and host who has not said otherwise."""

ACCOUNT: Final = "a:"
"""How the mask of an account begins."""

MOST: Final = 100
"""Characters of a mask."""

MOST_KEPT: Final = 1024
"""Masks whose pieces are kept: a room has 60 of a kind, and they are looked at with each message."""

_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def fold(name: str) -> str:
    """Return the form in which IRC compares names: CASEMAPPING=ascii."""
    return name.translate(_LOWER)


def matches(mask: str, name: str) -> bool:
    """Return whether ``name`` is meant by a ``mask`` with * and ?, whatever the case.

    What stands between the asterisks is looked for from left to right, each piece at the first place where it
    fits: no later one would leave more room for the rest. Its work is bounded by the product of the lengths.
    """
    name = fold(name)
    (first, begun), *others = _pieces(mask)
    if not others:
        return first.fullmatch(name) is not None
    last, size = others.pop()
    if first.match(name) is None:
        return False
    at = begun
    for piece, _ in others:
        found = piece.search(name, at)
        if found is None:
            return False
        at = found.end()
    return at + size <= len(name) and last.match(name, len(name) - size) is not None


@lru_cache(MOST_KEPT)
def _pieces(mask: str) -> tuple[tuple[re.Pattern[str], int], ...]:
    """Return what finds each piece of ``mask`` between its asterisks, and the characters that it takes."""
    pieces = fold(mask).split("*")
    return tuple((re.compile(re.escape(one).replace(r"\?", "."), re.DOTALL), len(one)) for one in pieces)


def whole(mask: str) -> str:
    """Return ``mask`` with what it leaves out, in the form in which masks are compared; nothing for none."""
    if not mask or len(mask) > MOST or not mask.isprintable() or " " in mask:
        return ""
    if mask.startswith(ACCOUNT):
        return fold(mask) if len(mask) > len(ACCOUNT) else ""
    nick, bang, rest = mask.partition("!")
    if not bang and "@" in mask:
        nick, rest = "*", mask
    user, _, host = rest.partition("@")
    return fold(f"{nick or '*'}!{user or '*'}@{host or '*'}")


def first_nick(user: User) -> str:
    """Return what the account of ``user`` is called, which is its first nick; nothing of a guest."""
    if user.account is None:
        return ""
    first = min(user.kept, key=user.kept.__getitem__, default=user.key)
    return user.nick if first is None or first == user.key else user.shown.get(first, first)


def means(mask: str, user: User) -> bool:
    """Return whether ``user`` is meant by a `whole` mask."""
    if mask.startswith(ACCOUNT):
        return user.account is not None and matches(mask[len(ACCOUNT) :], first_nick(user))
    return matches(mask, f"{user.nick}!{user.ident or IDENT}@{HOST}")
